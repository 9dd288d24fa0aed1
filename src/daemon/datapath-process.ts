/**
 * Keeps the datapath alive. A spare process stands by with everything loaded, so that the loss of the one at work
 * costs milliseconds. The daemon answers throughout; what is asked while no process is at work is refused at once.
 */
import { DirectorError } from '../errors.ts';
import type { Log } from '../log.ts';
import type {
  Answers,
  DatapathKind,
  Notice,
  Request,
  StartAnswer,
  StartRequest,
} from '../worker/messages.ts';
import { isRefusal, WorkerProcess } from './worker-process.ts';

/** Pause before a process that ended is followed by the next, so that one that cannot live is no storm. */
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1000;
/** A process that lived this long starts the pauses from the beginning. */
const STABLE_MS = 10_000;

/** How often the process at work is asked whether it still reacts, and how long it may take. */
const WATCH_INTERVAL_MS = 2000;
const REACT_WITHIN_MS = 10_000;
/** Loading a program into the kernel, and its state, takes longer than other requests. */
const START_WITHIN_MS = 30_000;

/** What a process that begins is told. */
export interface ProcessState {
  /** All of it, as it is now. `quickEnds`: how many processes in a row ended soon after they had begun. */
  snapshot(quickEnds: number): StartRequest;
  /** What the process found and did; returns what has changed while it did. */
  onStarted(answer: StartAnswer): Request[];
  /** What becomes of the connections when a process ends, for the log. */
  afterLoss(quickEnds: number): string;
  /** Frames for those who capture, in pieces; `begins`: the first of a process. */
  onCaptured(piece: Buffer, begins: boolean): void;
}

export class DatapathProcess {
  private readonly log: Log;
  private readonly kind: DatapathKind;
  private readonly state: ProcessState;
  private atWork: WorkerProcess | undefined;
  private spare: WorkerProcess | undefined;
  /** Whose captured frames came last. */
  private capturing: WorkerProcess | undefined;
  private isReady = false;
  private pause: NodeJS.Timeout | undefined;
  private sparePause: NodeJS.Timeout | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private startedMs = 0;
  private quickEnds = 0;
  private isStopping = false;
  private restarts = 0;

  private readonly watching: NodeJS.Timeout;
  private isWatched = false;

  /** `spare`: one that was started before, for the same datapath. */
  constructor(log: Log, kind: DatapathKind, state: ProcessState, spare = new WorkerProcess(kind)) {
    this.log = log;
    this.kind = kind;
    this.state = state;
    this.spare = this.follow(spare);
    this.watching = setInterval(() => void this.watch(), WATCH_INTERVAL_MS);
  }

  get pid(): number | null {
    return this.atWork?.pid ?? null;
  }

  get restartCount(): number {
    return this.restarts;
  }

  /** A process has its state and answers. */
  get isRunning(): boolean {
    return this.isReady;
  }

  /** Resolves when a process has taken its state; rejects when it ends before. */
  async start(): Promise<void> {
    const worker = this.spare?.isAlive ? this.spare : this.spawn();
    this.spare = undefined;
    this.atWork = worker;
    this.startedMs = performance.now();
    const answer = await worker.request(this.state.snapshot(this.quickEnds), START_WITHIN_MS);
    this.isReady = this.atWork === worker;
    // In one go with isReady: whatever else is asked of the process comes after.
    for (const request of this.state.onStarted(answer)) void this.request(request).catch(() => {});
    this.prepareSpare();
  }

  async request<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    const worker = this.atWork;
    if (worker === undefined || !this.isReady) {
      throw new DirectorError('DATAPATH_FAILED', 'the datapath process is restarting; try again');
    }
    try {
      return await worker.request(request);
    } catch (error) {
      // It no longer has the state that we think it has; the next one is given all of it.
      if (isRefusal(error))
        this.replace(worker, `it did not take ${request.kind}: ${(error as Error).message}`);
      throw error;
    }
  }

  /** A process that hangs forwards nothing, and would do so for ever. */
  private async watch(): Promise<void> {
    const worker = this.atWork;
    if (worker === undefined || !this.isReady || this.isWatched) return;
    this.isWatched = true;
    try {
      await worker.request({ kind: 'read-counters', services: false }, REACT_WITHIN_MS);
    } catch {
      if (worker.isAlive) this.replace(worker, `it did not react for ${REACT_WITHIN_MS / 1000} s`);
    } finally {
      this.isWatched = false;
    }
  }

  private replace(worker: WorkerProcess, why: string): void {
    if (this.isStopping) return;
    this.log.error({ event: 'datapath', pid: worker.pid }, `the datapath process is ended: ${why}`);
    worker.kill();
  }

  /** Lets the process at work go on without us. What else there is ends by stop(). */
  release(): void {
    if (!this.isReady) return;
    this.isStopping = true;
    this.isReady = false;
    this.atWork?.release();
    this.atWork = undefined;
  }

  /** `remove`: with what would outlive the process. Resolves to whether it has done so. */
  async stop(remove: boolean): Promise<boolean> {
    this.isStopping = true;
    clearInterval(this.watching);
    clearTimeout(this.pause);
    clearTimeout(this.sparePause);
    const isRemoved =
      remove &&
      (await this.request({ kind: 'remove' }).then(
        () => true,
        () => false,
      ));
    await Promise.all([this.atWork?.stop(), this.spare?.stop()]);
    return isRemoved;
  }

  /** One that lives but does not take its state would keep the next from its turn. */
  private async takeOver(): Promise<void> {
    await this.start().catch((error: Error) => {
      if (isRefusal(error))
        this.log.error({ event: 'datapath' }, `the next datapath process cannot begin: ${error.message}`);
      return this.atWork?.stop();
    });
  }

  private prepareSpare(): void {
    if (this.isReady && !this.isStopping) this.spare ??= this.spawn();
  }

  private spawn(): WorkerProcess {
    return this.follow(new WorkerProcess(this.kind));
  }

  private follow(worker: WorkerProcess): WorkerProcess {
    worker.follow({
      onNotice: ({ level, message, fields }: Notice) => this.log[level]({ ...fields }, message),
      onCaptured: (piece) => this.onCaptured(worker, piece),
      onExit: (how, lastWords) => this.onExit(worker, how, lastWords),
    });
    return worker;
  }

  private onCaptured(worker: WorkerProcess, piece: Buffer): void {
    this.state.onCaptured(piece, worker !== this.capturing);
    this.capturing = worker;
  }

  private onExit(worker: WorkerProcess, how: string, lastWords: string): void {
    if (worker === this.spare) {
      this.spare = undefined;
      if (!this.isStopping) this.sparePause = setTimeout(() => this.prepareSpare(), MAX_PAUSE_MS);
    }
    if (worker !== this.atWork) return;
    this.atWork = undefined;
    this.isReady = false;
    if (this.isStopping) return;
    if (performance.now() - this.startedMs > STABLE_MS) {
      this.pauseMs = FIRST_PAUSE_MS;
      this.quickEnds = 0;
    } else this.quickEnds++;
    const { pauseMs } = this;
    this.pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    this.restarts++;
    const fields = {
      event: 'datapath',
      how,
      restarts: this.restarts,
      ...(lastWords === '' ? {} : { lastWords }),
    };
    this.log.warn(
      fields,
      `the datapath process ended (${how}); the next one takes over, ${this.state.afterLoss(this.quickEnds)}`,
    );
    this.pause = setTimeout(() => void this.takeOver(), pauseMs);
  }
}
