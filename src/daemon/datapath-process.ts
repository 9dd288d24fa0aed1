/**
 * Keeps the datapath alive. A spare process stands by with everything loaded, so that the loss of the one at work
 * costs milliseconds. The daemon answers throughout; what is asked while no process is at work is refused at once.
 */
import { DirectorError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Answers, Notice, Request } from '../worker/messages.ts';
import { WorkerProcess } from './worker-process.ts';

/** Pause before a process that ended is followed by the next, so that one that cannot live is no storm. */
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1000;
/** A process that lived this long starts the pauses from the beginning. */
const STABLE_MS = 10_000;

type StartRequest = Extract<Request, { kind: 'start' }>;

export class DatapathProcess {
  private readonly log: Log;
  /** The state of the moment, for a process that begins. */
  private readonly startRequest: () => StartRequest;
  private atWork: WorkerProcess | undefined;
  private spare: WorkerProcess | undefined;
  private isReady = false;
  private pause: NodeJS.Timeout | undefined;
  private sparePause: NodeJS.Timeout | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private startedMs = 0;
  private isStopping = false;
  private restarts = 0;

  constructor(log: Log, startRequest: () => StartRequest) {
    this.log = log;
    this.startRequest = startRequest;
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
    await worker.request(this.startRequest());
    this.isReady = this.atWork === worker;
    this.prepareSpare();
  }

  request<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    if (this.atWork !== undefined && this.isReady) return this.atWork.request(request);
    return Promise.reject(
      new DirectorError('DATAPATH_FAILED', 'the datapath process is restarting; try again'),
    );
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    clearTimeout(this.pause);
    clearTimeout(this.sparePause);
    await Promise.all([this.atWork?.stop(), this.spare?.stop()]);
  }

  /** One that lives but does not take its state would keep the next from its turn. */
  private async takeOver(): Promise<void> {
    await this.start().catch(() => this.atWork?.stop());
  }

  private prepareSpare(): void {
    if (this.isReady && !this.isStopping) this.spare ??= this.spawn();
  }

  private spawn(): WorkerProcess {
    const worker = new WorkerProcess({
      onNotice: ({ level, message, fields }: Notice) => this.log[level]({ ...fields }, message),
      onExit: (how, lastWords) => this.onExit(worker, how, lastWords),
    });
    return worker;
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
    if (performance.now() - this.startedMs > STABLE_MS) this.pauseMs = FIRST_PAUSE_MS;
    const { pauseMs } = this;
    this.pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    this.restarts++;
    const fields = { how, restarts: this.restarts, ...(lastWords === '' ? {} : { lastWords }) };
    this.log.warn(
      fields,
      `the datapath process ended (${how}); the next one takes over, without its connections`,
    );
    this.pause = setTimeout(() => void this.takeOver(), pauseMs);
  }
}
