/**
 * Keeps one process of the datapath alive: when it ends, the spare takes its place. The daemon answers throughout; what
 * is asked while no process is at work is refused at once. Knows which configuration the process has, and brings it up
 * to date.
 */
import { DirectorError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Configuration, EMPTY_CONFIGURATION } from '../service/configuration.ts';
import { editsBetween } from '../service/difference.ts';
import type { Edit } from '../service/model.ts';
import { configurationOf, messageOf } from '../worker/configuration-message.ts';
import type {
  Answers,
  ConfigurationMessage,
  Notice,
  Request,
  StartAnswer,
  StartRequest,
} from '../worker/messages.ts';
import type { SpareProcess } from './spare-process.ts';
import { isRefusal, type WorkerProcess } from './worker-process.ts';

/** Pause before a process that ended is followed by the next, so that one that cannot live is no storm. */
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1000;
/** A process that lived this long starts the pauses from the beginning. */
const STABLE_MS = 10_000;

/** A process at work that is asked and says nothing for so long hangs: it forwards nothing, and would do so for ever. */
const REACT_WITHIN_MS = 10_000;
/** Loading a program into the kernel, and its state, takes longer than other requests. */
const START_WITHIN_MS = 30_000;

/** What a process that begins is told, and tells. */
export interface ProcessState {
  /** How the log calls it. */
  readonly name: string;
  /** As it is now; null: what the first process takes over, which is not known yet. */
  configuration(): Configuration | null;
  /** All of it. `quickEnds`: how many processes in a row ended soon after they had begun. */
  startRequest(configuration: ConfigurationMessage | null, quickEnds: number): StartRequest;
  /** What the process found and did. */
  onStarted(answer: StartAnswer): void;
  /** What may have changed while it did, but for the configuration. */
  afterStart(): Request[];
  /** What becomes of the connections when a process ends, for the log. */
  afterLoss(quickEnds: number): string;
  /** Frames for those who capture, in pieces; `begins`: the first of a process. */
  onCaptured(piece: Buffer, begins: boolean): void;
}

export class DatapathProcess {
  private readonly log: Log;
  private readonly state: ProcessState;
  private readonly spare: SpareProcess;
  /** The first one, before it is at work. */
  private loading: WorkerProcess | undefined;
  private atWork: WorkerProcess | undefined;
  /** What the process at work has, or will have when it has done what it was told. */
  private published: Configuration = EMPTY_CONFIGURATION;
  /** Whose captured frames came last. */
  private capturing: WorkerProcess | undefined;
  private isReady = false;
  private pause: NodeJS.Timeout | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private startedMs = 0;
  private quickEnds = 0;
  private isStopping = false;
  private restarts = 0;

  /** Its process begins to load. */
  constructor(log: Log, state: ProcessState, spare: SpareProcess) {
    this.log = log;
    this.state = state;
    this.spare = spare;
    this.loading = this.follow(spare.take());
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

  /** Resolves when all of its code is there: start() then costs little. */
  async load(): Promise<void> {
    await this.loading?.request({ kind: 'load' }, START_WITHIN_MS);
  }

  /** Resolves when a process has taken its state; rejects when it ends before. */
  async start(): Promise<void> {
    const worker = this.loading?.isAlive ? this.loading : this.follow(this.spare.take());
    this.loading = undefined;
    this.atWork = worker;
    this.startedMs = performance.now();
    const configuration = this.state.configuration();
    const message = configuration === null ? null : messageOf(configuration);
    const answer = await worker.request(this.state.startRequest(message, this.quickEnds), START_WITHIN_MS);
    this.isReady = this.atWork === worker;
    // In one go with isReady: whatever else is asked of the process comes after.
    this.published = configuration ?? adoptedBy(answer);
    this.state.onStarted(answer);
    for (const request of [this.catchingUp(), ...this.state.afterStart()])
      void this.request(request).catch(() => {});
    this.spare.prepare();
  }

  /** `edits` lead from `before` to what is configured now. A process that is not there gets all of it when it begins. */
  async publish(before: Configuration, edits: readonly Edit[]): Promise<void> {
    if (!this.isReady) return;
    await this.request(this.published === before ? this.publishing(edits) : this.catchingUp());
  }

  /** To whatever is configured now. */
  async catchUp(): Promise<void> {
    if (this.isReady) await this.request(this.catchingUp());
  }

  private catchingUp(): EditsRequest {
    return this.publishing(editsBetween(this.published, this.state.configuration() ?? this.published));
  }

  /** Counts as done when it is sent. */
  private publishing(edits: readonly Edit[]): EditsRequest {
    this.published = this.state.configuration() ?? this.published;
    return { kind: 'edits', edits };
  }

  async request<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    const worker = this.atWork;
    if (worker === undefined || !this.isReady) {
      throw new DirectorError('DATAPATH_FAILED', `the ${this.state.name} is restarting; try again`);
    }
    try {
      return await worker.request(request);
    } catch (error) {
      // It no longer has the state that we think it has; the next one is given all of it.
      if (isRefusal(error))
        this.replace(worker, `it did not take ${request.kind}: ${(error as Error).message}`);
      else if (worker.isAlive && worker.waitedMs >= REACT_WITHIN_MS)
        this.replace(worker, `it did not react for ${REACT_WITHIN_MS / 1000} s`);
      throw error;
    }
  }

  private replace(worker: WorkerProcess, why: string): void {
    if (this.isStopping) return;
    this.log.error({ event: 'datapath', pid: worker.pid }, `the ${this.state.name} is ended: ${why}`);
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
    clearTimeout(this.pause);
    const isRemoved =
      remove &&
      (await this.request({ kind: 'remove' }).then(
        () => true,
        () => false,
      ));
    await Promise.all([this.atWork?.stop(), this.loading?.stop()]);
    return isRemoved;
  }

  /** One that lives but does not take its state would keep the next from its turn. */
  private async takeOver(): Promise<void> {
    await this.start().catch((error: Error) => {
      if (isRefusal(error))
        this.log.error({ event: 'datapath' }, `the next ${this.state.name} cannot begin: ${error.message}`);
      return this.atWork?.stop();
    });
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
      `the ${this.state.name} ended (${how}); the next one takes over, ${this.state.afterLoss(this.quickEnds)}`,
    );
    this.pause = setTimeout(() => void this.takeOver(), pauseMs);
  }
}

type EditsRequest = Extract<Request, { kind: 'edits' }>;

const adoptedBy = ({ adopted }: StartAnswer): Configuration =>
  adopted === null ? EMPTY_CONFIGURATION : configurationOf(adopted);
