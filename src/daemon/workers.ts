/**
 * The processes of a datapath as one: each of several has the clients of its slice (wire/slice.ts) and the whole
 * configuration. What is to be is told to all, what is has parts that are put together. A process that is not there is
 * told everything when it begins (datapath-process.ts), so nobody waits for it.
 */
import { DirectorError } from '../errors.ts';
import type { Configuration } from '../service/configuration.ts';
import type { Edit } from '../service/model.ts';
import type { Answers, PackedReport, Request } from '../worker/messages.ts';
import type { DatapathProcess } from './datapath-process.ts';
import { cursorAfter, mergeCounters, mergeEnded, mergeRefusals, placeOf } from './merge-answers.ts';

type RequestOf<K extends Request['kind']> = Extract<Request, { kind: K }>;
type Process = Pick<
  DatapathProcess,
  | 'pid'
  | 'isRunning'
  | 'restartCount'
  | 'load'
  | 'start'
  | 'request'
  | 'publish'
  | 'catchUp'
  | 'release'
  | 'stop'
>;

export class Workers {
  private readonly processes: readonly Process[];
  private readonly workerOfFrame: (frame: Uint8Array) => number;
  /** What each counted, as far as it is known. */
  private readonly counted: { whole?: PackedReport; brief?: PackedReport }[];

  /** In the order of their slices; at least one. */
  constructor(processes: readonly Process[], workerOfFrame: (frame: Uint8Array) => number) {
    this.processes = processes;
    this.workerOfFrame = workerOfFrame;
    this.counted = processes.map(() => ({}));
  }

  /** One of them forwards. */
  get isRunning(): boolean {
    return this.processes.some(({ isRunning }) => isRunning);
  }

  get areAllRunning(): boolean {
    return this.processes.every(({ isRunning }) => isRunning);
  }

  get states(): readonly {
    readonly pid: number | null;
    readonly isRunning: boolean;
    readonly restarts: number;
  }[] {
    return this.processes.map(({ pid, isRunning, restartCount: restarts }) => ({ pid, isRunning, restarts }));
  }

  async load(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.load()));
  }

  /** `first` finds out what there was before: what the others do depends on that. */
  async start(first: number): Promise<void> {
    await this.processes[first]!.start();
    await Promise.all(this.processes.map((each, index) => (index === first ? undefined : each.start())));
    if (this.processes.length > 1) await Promise.all(this.processes.map((each) => each.catchUp()));
  }

  /** All of those that are there; rejects with what the first of those says that does not take it. */
  async publish(before: Configuration, edits: readonly Edit[]): Promise<void> {
    const done = await Promise.allSettled(this.processes.map((each) => each.publish(before, edits)));
    for (const each of done) if (each.status === 'rejected') throw each.reason;
  }

  request<K extends Request['kind']>(request: RequestOf<K>): Promise<Answers[K]>;
  request(request: Request): Promise<Answers[keyof Answers]> {
    switch (request.kind) {
      case 'read-counters':
        return this.readCounters(request);
      case 'list-connections':
        return this.list(request);
      case 'end-connections':
        return this.askAll(request).then(mergeEnded);
      case 'capture':
        return this.askRunning(request).then(mergeRefusals);
      case 'excerpt':
        return this.processes[this.workerOfFrame(Buffer.from(request.frame, 'hex'))]!.request(request);
      default:
        return this.askRunning(request).then(([answer]) => answer!);
    }
  }

  /** Those at work go on without us. */
  release(): void {
    for (const each of this.processes) each.release();
  }

  /** Resolves to whether what would outlive them is gone. */
  async stop(remove: boolean): Promise<boolean> {
    const removed = await Promise.all(this.processes.map((each) => each.stop(remove)));
    return removed.every((isRemoved) => isRemoved);
  }

  /** Not one without the others. */
  private async askAll<K extends Request['kind']>(request: RequestOf<K>): Promise<Answers[K][]> {
    this.requireSome(this.areAllRunning);
    return Promise.all(this.processes.map((each) => each.request(request)));
  }

  private async askRunning<K extends Request['kind']>(request: RequestOf<K>): Promise<Answers[K][]> {
    const running = this.processes.filter(({ isRunning }) => isRunning);
    this.requireSome(running.length > 0);
    return Promise.all(running.map((each) => each.request(request)));
  }

  private requireSome(areThere: boolean): void {
    if (areThere) return;
    throw new DirectorError('DATAPATH_FAILED', 'a datapath process is restarting; try again');
  }

  /** Of one that is not there what it said last, so that no sum goes back; the next one goes on from there. */
  private async readCounters(request: RequestOf<'read-counters'>): Promise<PackedReport> {
    const kind = request.services ? 'whole' : 'brief';
    const asked = await Promise.allSettled(this.processes.map((each) => each.request(request)));
    const reports = asked.flatMap((each, index) => {
      const known = this.counted[index]!;
      if (each.status === 'fulfilled') known[kind] = each.value;
      return known[kind] ?? known.whole ?? [];
    });
    const failure = asked.find((each) => each.status === 'rejected');
    if (failure !== undefined && (reports.length === 0 || this.processes.length === 1)) throw failure.reason;
    return mergeCounters(reports);
  }

  private async list(request: RequestOf<'list-connections'>): Promise<Answers['list-connections']> {
    const { processes } = this;
    if (processes.length === 1) return processes[0]!.request(request);
    const { worker, cursor } = placeOf(request.cursor);
    const process = processes[worker];
    if (process === undefined) return { connections: [], nextCursor: null };
    const { connections, nextCursor } = await process.request({ ...request, cursor });
    return { connections, nextCursor: cursorAfter(worker, nextCursor, processes.length) };
  }
}
