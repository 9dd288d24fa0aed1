/** Whatever is on the wire: decode() does not throw, and nothing behind the frame's end changes what it says. */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { parseMac } from '../../src/wire/address.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { Packet } from '../../src/wire/packet.ts';
import { DIRECTOR_MAC, macBytes } from '../helpers/frame-builder.ts';
import { mutatedFrame } from '../helpers/mutated-frame.ts';
import { sampleFrames } from '../helpers/sample-frames.ts';

const OWN = parseMac(DIRECTOR_MAC)!;
const RESULTS: ReadonlySet<number> = new Set(Object.values(DecodeResult));

/** What decode() finds when the frame is followed by these bytes. */
function decodeBefore(frame: Uint8Array, tail: number): { result: number; packet: Packet } {
  const memory = new Uint8Array(frame.length + 512).fill(tail);
  memory.set(frame);
  const packet = new Packet();
  return { result: decode(packet, new DataView(memory.buffer), frame.length, OWN), packet };
}

/** The frame ends where its memory ends: a read beyond it throws. */
function decodeAtTheEnd(frame: Uint8Array): { result: number; packet: Packet } {
  const memory = new Uint8Array(64 + frame.length).fill(0x45);
  memory.set(frame, 64);
  const packet = new Packet();
  return { result: decode(packet, new DataView(memory.buffer, 64), frame.length, OWN), packet };
}

/** Throws with a sentence; expect() would take most of the time. */
function check(frame: Uint8Array): void {
  const { result, packet } = decodeBefore(frame, 0x00);
  const text = JSON.stringify({ result, packet });
  if (JSON.stringify(decodeBefore(frame, 0xff)) !== text) throw new Error('what follows the frame matters');
  if (JSON.stringify(decodeAtTheEnd(frame)) !== text) throw new Error('what precedes the frame matters');
  if (!RESULTS.has(result)) throw new Error(`unknown result ${result}`);
  if (result !== DecodeResult.Continue) return;
  const { ipOffset, transportOffset, ipEnd } = packet;
  if (ipOffset < transportOffset && transportOffset <= ipEnd && ipEnd <= frame.length) return;
  throw new Error(`offsets out of order: ${ipOffset}, ${transportOffset}, ${ipEnd} of ${frame.length}`);
}

describe('decode()', () => {
  test('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 2000 });
  });

  test('random bytes behind a good Ethernet header', () => {
    const types = fc.constantFrom([0x08, 0x00], [0x86, 0xdd], [0x81, 0x00], [0x88, 0xa8], [0x08, 0x06]);
    const frames = fc
      .tuple(types, fc.uint8Array({ maxLength: 120 }))
      .map(([type, rest]) =>
        Uint8Array.from([...macBytes(DIRECTOR_MAC), ...macBytes('02:00:00:00:02:00'), ...type, ...rest]),
      );
    fc.assert(fc.property(frames, check), { numRuns: 3000 });
  });

  test('good frames with a few bytes changed, cut or lengthened', () => {
    fc.assert(fc.property(mutatedFrame(sampleFrames), check), { numRuns: 6000 });
  });

  test('good frames, one byte at a time set to what a header dislikes', () => {
    for (const frame of sampleFrames) {
      for (let at = 12; at < Math.min(frame.length, 96); at++) {
        for (const value of [0, 1, 4, 0x7f, 0x80, 0xff]) check(frame.with(at, value));
      }
    }
  });
});
