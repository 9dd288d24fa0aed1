/** A path in memory with a tap: frames in, records out. */
import { FrameBudget } from '../../src/capture/frame-budget.ts';
import { type CapturedRecord, type CountsRecord, RecordReader } from '../../src/capture/record.ts';
import { RecordQueue } from '../../src/capture/record-queue.ts';
import type { CaptureWish } from '../../src/capture/wish.ts';
import { Verdict } from '../../src/datapath/verdict.ts';
import type { Edit } from '../../src/service/model.ts';
import { PathTap } from '../../src/worker/path-tap.ts';
import type { FrameBuilder } from '../helpers/frame-builder.ts';
import { TestDirector } from '../helpers/test-director.ts';

/** Everything that waits in a queue. */
export function recordsIn(queue: RecordQueue): (CapturedRecord | CountsRecord)[] {
  const reader = new RecordReader();
  const records: (CapturedRecord | CountsRecord)[] = [];
  queue.flush((bytes) => {
    records.push(...reader.push(Buffer.from(bytes)));
    return bytes.length;
  });
  return records;
}

export class TappedPath {
  readonly director: TestDirector;
  readonly queue = new RecordQueue(1024 * 1024);
  readonly budget = new FrameBudget(0);
  /** With the last frame. */
  sent: readonly Uint8Array[] = [];
  private readonly tap: PathTap;

  constructor(edits: readonly Edit[], wishes: readonly CaptureWish[]) {
    this.director = new TestDirector(edits);
    this.tap = new PathTap(this.director.path, {
      queue: this.queue,
      budget: this.budget,
      look: () => {},
    });
    this.tap.follow(wishes);
    const sink = this.director.path.sink as { transmit(frame: DataView, lengthBytes: number): boolean };
    const transmit = sink.transmit.bind(sink);
    sink.transmit = (frame, lengthBytes) => {
      const isSent = transmit(frame, lengthBytes);
      if (isSent) this.tap.send(frame, lengthBytes);
      return isSent;
    };
  }

  /** What is told of a frame. */
  handle(frame: FrameBuilder | Uint8Array): CapturedRecord[] {
    const bytes = frame instanceof Uint8Array ? frame : frame.bytes();
    const { view } = this.director;
    new Uint8Array(view.buffer).set(bytes);
    this.tap.begin(view, bytes.length);
    const { verdict, sent } = this.director.handle(bytes);
    this.sent = sent;
    this.tap.end(Verdict[verdict]);
    return recordsIn(this.queue) as CapturedRecord[];
  }
}

export const wish = (slot: number, filter: CaptureWish['filter'] = {}, snapBytes = 4096): CaptureWish => ({
  slot,
  filter,
  snapBytes,
});
