/** One datapath process: started, asked, told to end. What happens when it ends is for datapath-process.ts to say. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { DirectorError, type ErrorCode } from '../errors.ts';
import type { Answers, DatapathKind, FromWorker, Notice, Request, ToWorker } from '../worker/messages.ts';

/** Ours is dist/daemon/*.js or, under tsx, src/daemon/*.ts; the process is the same kind. */
const WORKER = fileURLToPath(import.meta.url).replace(/daemon\/worker-process\.(\w+)$/, 'worker/main.$1');
const ANSWER_WITHIN_MS = 5000;
const STOP_WITHIN_MS = 1000;
const MAX_LAST_WORDS = 2000;
/** libpcap says so of every interface without an IPv4 address, such as our own veth pair. */
const PCAP_WARNING = /^Warning: .* no IPv4 address assigned.*\n/gm;

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export interface WorkerEvents {
  onNotice(notice: Notice): void;
  /** Records for those who capture: capture/record.ts. */
  onCaptured(piece: Buffer): void;
  /** `how`: exit code or signal. `lastWords`: what it wrote to standard error. */
  onExit(how: string, lastWords: string): void;
}

const NO_EVENTS: WorkerEvents = { onNotice: () => {}, onCaptured: () => {}, onExit: () => {} };

export class WorkerProcess {
  readonly kind: DatapathKind;
  private readonly child: ChildProcess;
  private readonly pending = new Map<number, Pending>();
  private readonly exited: Promise<void>;
  private lastId = 0;
  /** The first request after it last said anything; undefined: there is none. */
  private askedMs: number | undefined;
  private lastWords = '';
  private ended = false;
  private isReleased = false;
  private events = NO_EVENTS;

  /** It loads the code of that datapath, and waits. */
  constructor(kind: DatapathKind) {
    this.kind = kind;
    this.child = spawn(process.execPath, [...process.execArgv, WORKER, kind], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.lastWords = (this.lastWords + text.replaceAll(PCAP_WARNING, '')).slice(-MAX_LAST_WORDS);
    });
    this.exited = new Promise((resolve) => {
      const end = (how: string) => {
        if (this.ended) return;
        this.ended = true;
        this.rejectAll(how);
        resolve();
        this.events.onExit(how, this.lastWords.trim());
      };
      this.child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
      this.child.on('error', (error) => end(error.message));
    });
    this.readLines((message) => this.receive(message));
    const captured = this.child.stdio[4] as Duplex;
    captured.on('error', () => {});
    captured.on('data', (piece: Buffer) => this.events.onCaptured(piece));
  }

  /** How long it has been asked something and has said nothing. */
  get waitedMs(): number {
    return this.askedMs === undefined ? 0 : performance.now() - this.askedMs;
  }

  /** Who is told of what happens from now on. */
  follow(events: WorkerEvents): void {
    this.events = events;
  }

  get pid(): number | null {
    return this.child.pid ?? null;
  }

  get isAlive(): boolean {
    return !this.ended;
  }

  /**
   * DATAPATH_FAILED when it ends first or does not answer in time; its own error when it says that it cannot.
   * `fields.cause` tells which.
   * An answer that is late is not a request undone: requests are carried out in order.
   */
  request<K extends Request['kind']>(
    request: Extract<Request, { kind: K }>,
    withinMs = ANSWER_WITHIN_MS,
  ): Promise<Answers[K]> {
    const id = ++this.lastId;
    const channel = this.child.stdio[3] as NodeJS.WritableStream;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(failure('late', `the datapath process did not answer ${request.kind} in time`));
      }, withinMs);
      this.askedMs ??= performance.now();
      this.pending.set(id, { resolve: resolve as (answer: never) => void, reject, timer });
      channel.write(`${JSON.stringify({ id, request } satisfies ToWorker)}\n`);
    });
  }

  /** For one that does not react any more. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** It takes the end of the line for the end of the daemon. Nothing is heard of it any more, and nothing ends it here. */
  release(): void {
    this.isReleased = true;
    this.events = NO_EVENTS;
    this.rejectAll('released');
    this.child.unref();
    this.child.stderr!.destroy();
    (this.child.stdio[3] as Duplex).destroy();
    (this.child.stdio[4] as Duplex).destroy();
  }

  async stop(): Promise<void> {
    if (this.ended || this.isReleased) return;
    this.child.kill('SIGTERM');
    const killing = setTimeout(() => this.child.kill('SIGKILL'), STOP_WITHIN_MS);
    await this.exited;
    clearTimeout(killing);
  }

  private readLines(receive: (message: FromWorker) => void): void {
    const channel = this.child.stdio[3] as NodeJS.ReadableStream;
    // Counters of thousands of servers are a line of megabytes that comes in many pieces.
    let pieces: string[] = [];
    channel.setEncoding('utf8');
    channel.on('error', () => {});
    channel.on('data', (text: string) => {
      const lines = text.split('\n');
      for (const end of lines.slice(0, -1)) {
        const line = pieces.length === 0 ? end : pieces.join('') + end;
        pieces = [];
        receive(JSON.parse(line) as FromWorker);
      }
      pieces.push(lines.at(-1)!);
    });
  }

  private receive(message: FromWorker): void {
    this.askedMs = undefined;
    if ('notice' in message) {
      this.events.onNotice(message.notice);
      return;
    }
    const pending = this.pending.get(message.id);
    if (pending === undefined) return;
    this.pending.delete(message.id);
    if (this.pending.size > 0) this.askedMs = performance.now();
    clearTimeout(pending.timer);
    if ('error' in message) pending.reject(failure('refused', message.error.message, message.error.code));
    else pending.resolve(message.answer as never);
  }

  private rejectAll(how: string): void {
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(failure('ended', `the datapath process ended (${how})`));
    }
    this.pending.clear();
  }
}

type FailureCause = 'ended' | 'late' | 'refused';

const failure = (cause: FailureCause, message: string, code: ErrorCode = 'DATAPATH_FAILED'): DirectorError =>
  new DirectorError(code, message, { cause });

export const isRefusal = (error: unknown): boolean =>
  error instanceof DirectorError && error.fields.cause === 'refused';
