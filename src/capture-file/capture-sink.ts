/** Where a capture file goes while it is made. Bytes are gathered, and handed to the stream many at a time. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { DirectorError } from '../errors.ts';
import { reasonOf } from '../text-file.ts';

const GATHERED_BYTES = 256 * 1024;

export class CaptureSink {
  private readonly stream: Writable;
  private readonly name: string;
  private gathered = Buffer.allocUnsafe(GATHERED_BYTES);
  private used = 0;
  private failure: unknown;

  /** `name` is for the error message. */
  constructor(stream: Writable, name: string) {
    this.stream = stream;
    this.name = name;
    stream.on('error', (error) => {
      this.failure ??= error;
    });
  }

  /** Copies the bytes. Await settle() now and then, or what the stream does not take grows in memory. */
  add(bytes: Uint8Array): void {
    if (this.used + bytes.length > GATHERED_BYTES) this.hand();
    if (bytes.length > GATHERED_BYTES) {
      this.stream.write(Uint8Array.from(bytes));
      return;
    }
    this.gathered.set(bytes, this.used);
    this.used += bytes.length;
  }

  /** Bytes that wait in memory. */
  get waitingBytes(): number {
    return this.used + this.stream.writableLength;
  }

  /** Resolves when the stream can take more. Throws CAPTURE_FILE if it failed. */
  async settle(): Promise<void> {
    this.throwFailure();
    if (!this.stream.writableNeedDrain) return;
    try {
      await once(this.stream, 'drain');
    } catch (error) {
      this.failure ??= error;
      this.throwFailure();
    }
  }

  /** Hands on what was gathered so far: for those who look while it is written. */
  flush(): Promise<void> {
    this.hand();
    return this.settle();
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    this.hand();
    this.stream.end();
    try {
      await finished(this.stream);
    } catch (error) {
      this.failure ??= error;
    }
    this.throwFailure();
  }

  private hand(): void {
    if (this.used === 0) return;
    this.stream.write(this.gathered.subarray(0, this.used));
    this.gathered = Buffer.allocUnsafe(GATHERED_BYTES);
    this.used = 0;
  }

  private throwFailure(): void {
    if (this.failure === undefined) return;
    throw new DirectorError(
      'CAPTURE_FILE',
      `cannot write ${this.name}: ${reasonOf(this.failure)}`,
      { path: this.name },
      this.failure,
    );
  }
}
