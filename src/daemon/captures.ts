/** The captures that go on: a few, each in a slot of the datapath, which is told all of them whenever one begins or ends. */
import { RecordKind, RecordReader } from '../capture/record.ts';
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
  ask(wishes: readonly CaptureWish[]): Promise<Answers['capture']>;
}

export class Captures {
  private readonly options: CapturesOptions;
  private readonly slots: (Capture | undefined)[] = new Array(MAX_CAPTURES).fill(undefined);
  private reader = new RecordReader();
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

  /** From the datapath process; `begins`: the first of one. */
  take(piece: Buffer, begins: boolean): void {
    if (begins) this.reader = new RecordReader();
    for (const record of this.reader.push(piece)) {
      for (const capture of this.slots) {
        if (record.kind === RecordKind.Frame) capture?.take(record);
        else capture?.takeCounts(record);
      }
    }
    for (const capture of this.slots) capture?.flush();
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
