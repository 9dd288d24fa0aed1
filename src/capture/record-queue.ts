/**
 * Records on their way to the daemon, in memory of a fixed size. Who has a frame for it never waits: where there is no
 * room the frame is lost, and counted for the captures that it was for.
 */
import {
  COUNTS_BYTES,
  type FrameFacts,
  frameRecordBytes,
  writeCountsRecord,
  writeFrameRecord,
} from './record.ts';
import { MAX_CAPTURES } from './wish.ts';

const QUEUE_BYTES = 8 * 1024 * 1024;
/** So much at a time: what the other end takes at once. */
const WRITE_BYTES = 256 * 1024;

/** Puts bytes on the line. How many it took; undefined: none now. */
export type Write = (bytes: Buffer) => number | undefined;

export class RecordQueue {
  private readonly bytes: Buffer;
  /** What is between waits. */
  private head = 0;
  private tail = 0;
  private seen = 0;
  private readonly lost = new Array<number>(MAX_CAPTURES).fill(0);

  constructor(capacityBytes = QUEUE_BYTES) {
    this.bytes = Buffer.allocUnsafe(capacityBytes);
  }

  get isEmpty(): boolean {
    return this.head === this.tail;
  }

  /** The path has handled frames. */
  see(frames: number): void {
    this.seen += frames;
  }

  /** Frames found no room on their way here. */
  lose(slot: number, frames: number): void {
    this.lost[slot]! += frames;
  }

  add(
    facts: FrameFacts,
    text: Buffer,
    came: Uint8Array,
    cameAt: number,
    sent: Uint8Array,
    sentAt: number,
  ): void {
    const length = frameRecordBytes(facts, text);
    // Counts always find room: no capture would end without them.
    if (!this.makeRoom(length + MAX_CAPTURES * COUNTS_BYTES)) {
      for (let slot = 0; slot < MAX_CAPTURES; slot++) if (facts.captures & (1 << slot)) this.lose(slot, 1);
      return;
    }
    writeFrameRecord(this.bytes, this.tail, facts, text, came, cameAt, sent, sentAt);
    this.tail += length;
  }

  /** What was seen and lost since the last time, for these captures, of which some end with it. */
  addCounts(captures: number, ended: number): void {
    if (!this.makeRoom(COUNTS_BYTES)) return;
    writeCountsRecord(this.bytes, this.tail, { captures, ended, seen: this.seen, lost: this.lost });
    this.tail += COUNTS_BYTES;
    this.seen = 0;
    this.lost.fill(0);
  }

  /** Writes what waits, until the other end takes no more. */
  flush(write: Write): void {
    while (this.head < this.tail) {
      const taken = write(this.bytes.subarray(this.head, Math.min(this.tail, this.head + WRITE_BYTES)));
      if (taken === undefined) return;
      this.head += taken;
    }
    this.head = this.tail = 0;
  }

  private makeRoom(length: number): boolean {
    if (this.tail + length <= this.bytes.length) return true;
    // Not for a few bytes: moving the rest costs more than they are worth.
    if (this.head < this.bytes.length / 2) return false;
    this.bytes.copyWithin(0, this.head, this.tail);
    this.tail -= this.head;
    this.head = 0;
    return true;
  }
}
