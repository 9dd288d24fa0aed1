/** A frame as a capture file has it, and what every reader of one format offers. */

export interface CapturedFrame {
  /** Since 1970. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
  /** What was captured. Part of a larger buffer: keep or change a copy, not this. */
  readonly data: Uint8Array;
  /** Bytes that the frame had on the wire; more than `data` has if the capture cut it. */
  readonly originalLength: number;
  /** Number of its interface in the file, from 0; classic files have one. */
  readonly interface: number;
}

/** Reads one format, a piece of the file at a time. */
export interface CaptureParser {
  /** The frames that are whole now. Throws CAPTURE_FILE if the file is none that we can read. */
  push(piece: Buffer): CapturedFrame[];
  /** Nothing more comes. */
  end(): void;
  readonly problems: Problems;
}

/** libpcap's MAXIMUM_SNAPLEN: no tool writes longer frames, so a length above is damage. */
export const MAX_CAPTURED_BYTES = 262_144;

export const NANOSECONDS_PER_SECOND = 1_000_000_000;
export const NANOSECONDS_PER_MICROSECOND = 1000;

/** What of a file was left out, and how often. The texts are few, whatever is in the file. */
export class Problems {
  private readonly counts = new Map<string, number>();

  add(text: string): void {
    this.counts.set(text, (this.counts.get(text) ?? 0) + 1);
  }

  get texts(): string[] {
    return [...this.counts].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`));
  }
}
