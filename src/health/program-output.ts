/** The last words of a program: what it wrote is counted, and the end of it kept. */
import { printable } from './cause.ts';

/** More than a line for people needs. */
const KEPT_BYTES = 4096;

export class OutputTail {
  /** All that was written. */
  lengthBytes = 0;
  private tail: Buffer = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.lengthBytes += chunk.length;
    this.tail = Buffer.concat([this.tail, chunk.subarray(-KEPT_BYTES)]).subarray(-KEPT_BYTES);
  }

  /** The last line that has something in it; empty when there is none. */
  get lastLine(): string {
    const lines = this.tail
      .toString()
      .split(/[\r\n]/)
      .map(printable);
    return lines.findLast((line) => line !== '') ?? '';
  }
}
