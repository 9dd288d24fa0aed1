/** The captures that go on: a few, each in a slot of the datapath, which is told all of them whenever one begins or ends. */
import { type CountsRecord, RecordKind, RecordReader } from '../capture/record.ts';
import { verdictsNamed } from '../capture/verdict-names.ts';
import { type CaptureFilter, type CaptureWish, MAX_CAPTURES } from '../capture/wish.ts';
import type { CaptureReply } from '../control/api.ts';
import type { CaptureRequest } from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import { version } from '../version.ts';
import type { Answers } from '../worker/messages.ts';
import { Capture } from './capture.ts';

export interface CapturesOptions {
  readonly interface: string;
  /** How many processes say what comes of a frame. */
  sources(): number;
  ask(wishes: readonly CaptureWish[]): Promise<Answers['capture']>;
}

export class Captures {
  private readonly options: CapturesOptions;
  private readonly slots: (Capture | undefined)[] = new Array(MAX_CAPTURES).fill(undefined);
  /** By source. */
  private readonly readers = new Map<number, RecordReader>();
  /** Of each slot, whose last counts have come. */
  private readonly ended: Set<number>[] = Array.from({ length: MAX_CAPTURES }, () => new Set());
  private lastId = 0;

  constructor(options: CapturesOptions) {
    this.options = options;
  }

  async begin(request: CaptureRequest): Promise<CaptureReply> {
    const filter = filterOf(request);
    const slot = this.slots.indexOf(undefined);
    if (slot < 0) {
      throw new DirectorError(
        'CAPTURE_UNAVAILABLE',
        `${MAX_CAPTURES} captures go on already, as many as can at once; end one of them`,
      );
    }
    const id = ++this.lastId;
    const capture = new Capture({
      id,
      slot,
      filter,
      interface: this.options.interface,
      application: `director ${version()}`,
      snapBytes: request.snaplen,
      count: request.count,
      seconds: request.seconds,
      onEnding: () => this.tellDatapath(),
      onEnded: () => {
        this.slots[slot] = undefined;
        this.ended[slot]!.clear();
      },
    });
    this.slots[slot] = capture;
    try {
      const { refusal } = await this.options.ask(this.wishes);
      if (refusal !== null) throw new DirectorError(refusal.code, refusal.message);
    } catch (error) {
      capture.finish();
      throw error;
    }
    return { id, file: capture.file };
  }

  end(id: number): boolean {
    const capture = this.slots.find((each) => each?.id === id);
    capture?.end();
    return capture !== undefined;
  }

  /** At once, what they have. */
  finishAll(): void {
    for (const capture of this.slots) capture?.finish();
  }

  /** What a datapath process that begins is to capture. */
  get wishes(): readonly CaptureWish[] {
    return this.slots.flatMap((capture) => capture?.wish ?? []);
  }

  /** From one of the datapath processes; `begins`: the first of another one in its place. */
  take(source: number, piece: Buffer, begins: boolean): void {
    const known = begins ? undefined : this.readers.get(source);
    const reader = known ?? new RecordReader();
    this.readers.set(source, reader);
    for (const record of reader.push(piece)) {
      if (record.kind === RecordKind.Frame) for (const capture of this.slots) capture?.take(record);
      else this.takeCounts(source, record);
    }
    for (const capture of this.slots) capture?.flush();
  }

  /** A capture has ended when all have said so. */
  private takeCounts(source: number, counts: CountsRecord): void {
    for (const [slot, capture] of this.slots.entries()) {
      if (capture === undefined) continue;
      const bit = 1 << slot;
      const ended = this.ended[slot]!;
      if (counts.ended & bit) ended.add(source);
      const isLast = ended.size >= this.options.sources();
      capture.takeCounts(isLast ? counts : { ...counts, ended: counts.ended & ~bit });
    }
  }

  /** A process that is not there captures nothing. */
  private tellDatapath(): void {
    this.options.ask(this.wishes).catch(() => {});
  }
}

function filterOf({ client, virtual, server, verdict }: CaptureRequest): CaptureFilter {
  return {
    ...(client === undefined ? {} : { client }),
    ...(virtual === undefined ? {} : { virtual }),
    ...(server === undefined ? {} : { server }),
    ...(verdict === undefined ? {} : { verdicts: verdictsNamed(verdict) }),
  };
}
