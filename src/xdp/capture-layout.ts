/** The memory of the capturing program's own maps, as native/bpf/capture_layout.h has it (test/xdp/layout.test.ts compares). */
import { MAX_CAPTURES } from '../capture/wish.ts';
import { struct, U8, U16, U32, U64 } from './struct.ts';

export const CAPTURE_END = struct({ address: [U32, 4], port: U16, version: U8, spare: U8 });

export const CAPTURE_WISH = struct({
  verdicts: [U64, 2],
  inUse: U32,
  client: CAPTURE_END,
  virtual: CAPTURE_END,
  server: CAPTURE_END,
});

/** `wishes`: where the first of MAX_CAPTURES begins. */
export const CAPTURE_CONTROL = struct({
  until: U32,
  keepBytes: U32,
  wish: CAPTURE_WISH,
  others: [U64, ((MAX_CAPTURES - 1) * CAPTURE_WISH.bytes) / U64],
});

export const CAPTURE_COUNTS = struct({ seen: U64, lost: [U64, MAX_CAPTURES], spare: [U64, 3] });

export const NO_NUMBER = 0xffffffff;

export const CAPTURED = struct({
  time: U64,
  captures: U32,
  verdict: U32,
  server: U32,
  inLength: U32,
  inKept: U32,
  outLength: U32,
  outKept: U32,
  spare: U32,
});
