/** -w: a capture file of what would have been sent, at the times of the frames that caused it. */

import { once } from 'node:events';
import { createWriteStream, rmSync, statSync } from 'node:fs';
import { CaptureSink } from '../capture-file/capture-sink.ts';
import type { CapturedFrame } from '../capture-file/captured-frame.ts';
import { encodePcapFileHeader, encodePcapFrameHeader } from '../capture-file/encode-pcap.ts';
import { encodeEnhancedPacket, encodeInterface, encodeSection } from '../capture-file/encode-pcapng.ts';
import { DirectorError } from '../errors.ts';
import { reasonOf } from '../text-file.ts';
import { version } from '../version.ts';

export class SentFile {
  private readonly path: string;
  private readonly sink: CaptureSink;
  private readonly isPcapng: boolean;

  private constructor(path: string, sink: CaptureSink) {
    this.path = path;
    this.sink = sink;
    this.isPcapng = path.endsWith('.pcapng');
    if (this.isPcapng) {
      sink.add(encodeSection(`director ${version()}`));
      sink.add(encodeInterface('replay'));
    } else sink.add(encodePcapFileHeader('nanoseconds'));
  }

  /** pcapng if the name ends so, else pcap of nanoseconds. */
  static async create(path: string): Promise<SentFile> {
    const stream = createWriteStream(path);
    try {
      await once(stream, 'open');
    } catch (cause) {
      throw new DirectorError('CAPTURE_FILE', `cannot write ${path}: ${reasonOf(cause)}`, { path }, cause);
    }
    return new SentFile(path, new CaptureSink(stream, path));
  }

  add(frame: Uint8Array, capturedBytes: number, { seconds, nanoseconds }: CapturedFrame): void {
    const data = frame.subarray(0, capturedBytes);
    const record = { seconds, nanoseconds, data, originalLength: frame.length, interface: 0 };
    if (this.isPcapng) {
      this.sink.add(encodeEnhancedPacket(record));
      return;
    }
    this.sink.add(encodePcapFrameHeader(record, 'nanoseconds'));
    this.sink.add(data);
  }

  settle(): Promise<void> {
    return this.sink.settle();
  }

  finish(): Promise<void> {
    return this.sink.close();
  }

  /** Takes away what was written, after an error. */
  discard(): void {
    if (statSync(this.path, { throwIfNoEntry: false })?.isFile() === true) rmSync(this.path);
  }
}

/** Two names may be of one file. */
export function refuseSameFile(capture: string, path: string, option: string): void {
  const [a, b] = [capture, path].map((name) => statSync(name, { throwIfNoEntry: false }));
  if (a === undefined || b === undefined || a.dev !== b.dev || a.ino !== b.ino) return;
  throw new DirectorError(
    'OUT_OF_RANGE',
    `${option} would overwrite ${capture}, which is read; give another name`,
  );
}
