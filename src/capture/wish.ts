/** What somebody wants to capture, as the daemon asks the datapath process for it. */
import type { EndpointFilter } from '../control/protocol.ts';

/** At once, each in a slot of its own. native/bpf/capture_layout.h has the same. */
export const MAX_CAPTURES = 4;
/** Of a frame at most; over xdp all that is kept of one. */
export const MAX_SNAP_BYTES = 4096;

export interface CaptureWish {
  /** 0 to MAX_CAPTURES - 1. */
  readonly slot: number;
  /** Bytes of each frame. */
  readonly snapBytes: number;
  readonly filter: CaptureFilter;
}

/** All that is given must hold. */
export interface CaptureFilter {
  readonly client?: EndpointFilter;
  readonly virtual?: EndpointFilter;
  readonly server?: EndpointFilter;
  /** Numbers of verdicts (datapath/verdict.ts), any of them. */
  readonly verdicts?: readonly number[];
}
