/**
 * One capture: what comes of the frames that it is for, as a pcapng file that somebody reads as it grows. Who reads
 * slowly loses frames, which are counted; nothing waits, and memory is bounded.
 */
import type { CapturedRecord, CountsRecord } from '../capture/record.ts';
import type { CaptureFilter, CaptureWish } from '../capture/wish.ts';
import { encodeInterface, encodeSection, encodeStatistics } from '../capture-file/encode-pcapng.ts';
import { type PacketBlock, packetBlockBytes, writePacketBlock } from '../capture-file/packet-block.ts';
import { PacketFlag } from '../capture-file/pcapng-format.ts';
import { CommentWriter } from './capture-comment.ts';

/** What may wait for the reader. */
const WAITING_BYTES = 8 * 1024 * 1024;
/** So much at a time: more than a frame with its comments takes. */
const GATHER_BYTES = 64 * 1024;
/** After its end the datapath process says what it counted; one that hangs or died does not. */
const COUNTS_WITHIN_MS = 1000;

export interface CaptureOptions {
  readonly id: number;
  readonly slot: number;
  readonly interface: string;
  /** What writes the file. */
  readonly application: string;
  readonly filter: CaptureFilter;
  readonly snapBytes: number;
  readonly count: number | undefined;
  readonly seconds: number | undefined;
  /** It wants no more frames. */
  readonly onEnding: () => void;
  /** Its slot is free. */
  readonly onEnded: () => void;
}

export class Capture {
  readonly file: ReadableStream<Uint8Array>;
  private readonly options: CaptureOptions;
  private readonly deadline: NodeJS.Timeout | undefined;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  private isEnding = false;
  private isEnded = false;
  private isReaderGone = false;
  private waitingForCounts: NodeJS.Timeout | undefined;
  private readonly comments = new CommentWriter();
  /** Blocks on their way into the file. */
  private gathered = Buffer.allocUnsafe(GATHER_BYTES);
  private gatheredBytes = 0;
  /** Frames that the path handled; those for this capture that came here; those that did not, or did in vain; those in the file. */
  private seen = 0;
  private matched = 0;
  private lost = 0;
  private written = 0;

  constructor(options: CaptureOptions) {
    this.options = options;
    const { seconds } = options;
    if (seconds !== undefined) this.deadline = setTimeout(() => this.end(), seconds * 1000);
    this.file = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        cancel: () => {
          this.isReaderGone = true;
          this.end();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES }),
    );
    this.controller.enqueue(
      Buffer.concat([encodeSection(options.application), encodeInterface(options.interface)]),
    );
  }

  get id(): number {
    return this.options.id;
  }

  /** What the datapath is to be asked for; undefined: nothing any more. */
  get wish(): CaptureWish | undefined {
    const { slot, snapBytes, filter } = this.options;
    return this.isEnding ? undefined : { slot, snapBytes, filter };
  }

  /** flush() puts it into the file. */
  take(record: CapturedRecord): void {
    if (!(record.captures & this.bit) || this.isEnded) return;
    const isFrame = record.inLength > 0;
    if (isFrame) this.matched++;
    // One that ends still gets what was on its way.
    if (this.isReaderGone || this.written === this.options.count) return;
    if (this.gatheredBytes > (this.controller.desiredSize ?? 0)) {
      if (isFrame) this.lost++;
      return;
    }
    this.gather(record);
    if (isFrame) this.written++;
    if (this.written === this.options.count) this.end();
  }

  takeCounts({ captures, ended, seen, lost }: CountsRecord): void {
    if (!(captures & this.bit)) return;
    this.seen += seen;
    this.lost += lost[this.options.slot]!;
    if (ended & this.bit) this.finish();
  }

  flush(): void {
    if (this.gatheredBytes === 0) return;
    if (!this.isReaderGone && !this.isEnded)
      this.controller.enqueue(Buffer.from(this.gathered.subarray(0, this.gatheredBytes)));
    this.gatheredBytes = 0;
  }

  /** The file ends when the datapath has said what it counted. */
  end(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    clearTimeout(this.deadline);
    this.waitingForCounts = setTimeout(() => this.finish(), COUNTS_WITHIN_MS);
    this.options.onEnding();
  }

  /** At once. */
  finish(): void {
    if (this.isEnded) return;
    clearTimeout(this.deadline);
    clearTimeout(this.waitingForCounts);
    this.flush();
    this.isEnding = this.isEnded = true;
    if (!this.isReaderGone) {
      this.controller.enqueue(encodeStatistics(this.statistics));
      this.controller.close();
    }
    this.options.onEnded();
  }

  private get bit(): number {
    return 1 << this.options.slot;
  }

  private get statistics() {
    const { seen, matched, lost, written } = this;
    const accepted = Math.max(matched, written + lost);
    return {
      timeMs: Date.now(),
      received: Math.max(seen, accepted),
      accepted,
      dropped: lost,
      delivered: written,
    };
  }

  private gather(record: CapturedRecord): void {
    const { inLength, outLength, came, sent } = record;
    const comments = this.comments.of(record);
    if (inLength > 0) this.add(record, inLength, PacketFlag.Inbound, came, comments.came);
    if (outLength > 0) this.add(record, outLength, PacketFlag.Outbound, sent, comments.sent);
  }

  private add(
    { seconds, nanoseconds }: CapturedRecord,
    originalLength: number,
    flags: number,
    frame: Buffer,
    comment: Buffer,
  ): void {
    const data = frame.subarray(0, this.options.snapBytes);
    // Written out: objects with spreads get a hidden class each, which costs more than all else here.
    const block: PacketBlock = { seconds, nanoseconds, originalLength, flags, data, comment };
    const length = packetBlockBytes(block);
    if (this.gatheredBytes + length > this.gathered.length) this.flush();
    this.gatheredBytes = writePacketBlock(this.gathered, this.gatheredBytes, block);
  }
}
