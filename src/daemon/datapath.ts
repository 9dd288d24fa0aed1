/**
 * Which datapath the director runs, and why: the one that was asked for, or the fastest that can be had. Puts it on the
 * host with what it needs there, and takes it away again.
 */
import { dirname } from 'node:path';
import { connectionTableBytes } from '../connection/connection-table.ts';
import type { StatusReply } from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import { findPins } from '../host/bpf-folder.ts';
import type { Log } from '../log.ts';
import type { Configuration } from '../service/configuration.ts';
import type { Edit } from '../service/model.ts';
import { parseMac } from '../wire/address.ts';
import { partOf } from '../wire/slice.ts';
import type {
  Answers,
  ConfigurationMessage,
  DatapathKind,
  PathStart,
  Request,
  StartAnswer,
  StartRequest,
  XdpMode,
  XdpStart,
} from '../worker/messages.ts';
import { noteFileFor } from '../worker/note-file.ts';
import { removePinned, type XdpSizes, xdpMemoryBytes } from '../xdp/datapath.ts';
import { DatapathProcess } from './datapath-process.ts';
import type { HostInterface } from './host-interface.ts';
import { type LeftProcess, LeftProcesses, moveConnections, reapWhenEnded } from './left-processes.ts';
import { PathWorker } from './path-worker.ts';
import { requireRing } from './ring-preparation.ts';
import { SpareProcess } from './spare-process.ts';
import { workerOfFrame } from './worker-of-frame.ts';
import type { WorkerProcess } from './worker-process.ts';
import { Workers } from './workers.ts';
import type { Capacity } from './xdp-capacity.ts';
import { removeIfEmpty, removeLeftFromXdp } from './xdp-leftovers.ts';
import { prepareXdp, type XdpModeWish } from './xdp-preparation.ts';

export interface DatapathOptions {
  readonly log: Log;
  readonly host: HostInterface;
  readonly datapath: 'auto' | DatapathKind;
  readonly xdpMode: XdpModeWish;
  /** Of the ring datapath: processes that share the clients. */
  readonly workers: number;
  readonly connectionTableSize: number;
  readonly maxServices: number;
  readonly maxServers: number;
  /** Notes that outlive a killed daemon stand beside it. */
  readonly socketPath: string;
  /** Loads the code of the datapath that is tried first. */
  readonly worker: WorkerProcess;
}

export interface DatapathState {
  /** What is in force; null: what is taken over, which is not known yet. */
  configuration(): Configuration | null;
  /** What else is said to a process that begins. */
  snapshot(): Pick<StartRequest, 'nextHops' | 'host'>;
  /** What a process found and did. */
  onStarted(answer: StartAnswer): void;
  /** What may have changed while one began. */
  afterStart(): Request[];
  /** `source`: which of the processes; `begins`: the first piece of another process in its place. */
  onCaptured(source: number, piece: Buffer, begins: boolean): void;
}

export class Datapath {
  private readonly options: DatapathOptions;
  private readonly state: DatapathState;
  private readonly leftProcesses: LeftProcesses;
  private kindOfIt: DatapathKind | undefined;
  private spare: SpareProcess | undefined;
  private workers: Workers | undefined;
  private hasBegun = false;
  /** Of the datapath in the kernel: where it is pinned, and what the kernel holds. */
  private folder = '';
  private sizes: XdpSizes | undefined;
  /** Of a datapath in user space. */
  private pathWorkers: readonly PathWorker[] = [];
  private hasFound = false;
  private mode: XdpMode | null = null;
  private planNotes: readonly string[] = [];
  /** What each process said when it began. */
  private readonly processNotes: (readonly string[])[] = [];

  constructor(options: DatapathOptions, state: DatapathState) {
    this.options = options;
    this.state = state;
    this.leftProcesses = new LeftProcesses(options.log, options.socketPath, options.host.name);
  }

  /** A datapath process of an earlier daemon was found that forwards; it has been taken over, or still does so. */
  get hasFoundProcess(): boolean {
    return this.hasFound;
  }

  /** Undefined before start(). */
  get kind(): DatapathKind | undefined {
    return this.kindOfIt;
  }

  /** It forwards, or a part of it. */
  get isRunning(): boolean {
    return this.workers?.isRunning ?? false;
  }

  /** Processes that may capture at this moment. */
  get sources(): number {
    return this.workers?.states.filter(({ isRunning }) => isRunning).length ?? 0;
  }

  /** Resolves when it forwards. */
  async start(): Promise<void> {
    const { datapath, log } = this.options;
    const isInKernel = (datapath === 'auto' || datapath === 'xdp') && (await this.startXdp());
    if (!isInKernel) await this.startInUserSpace(this.kindInUserSpace());
    const mode = this.mode === null ? '' : ` (${this.mode})`;
    const processes = this.pathWorkers.length > 1 ? `, in ${this.pathWorkers.length} processes` : '';
    log.info(
      { event: 'datapath', datapath: this.kind, mode: this.mode },
      `the datapath is ${this.kind}${mode}${processes}`,
    );
    for (const note of this.notes) log.info({}, note);
  }

  /** What a crash of a director with another datapath left. */
  async removeLeftovers(): Promise<void> {
    if (this.kind !== 'xdp') return;
    this.leftProcesses.endAll();
    await this.options.host.removeLeftFromUserSpace();
  }

  async request<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    return this.begun.request(request);
  }

  /** `edits` lead from `before` to the configuration in force. A process that is not there gets it when it begins. */
  async publish(before: Configuration, edits: readonly Edit[]): Promise<void> {
    await this.begun.publish(before, edits);
  }

  describe(): StatusReply['datapath'] {
    const isUp = this.options.host.state?.up === true;
    const states = this.workers?.states ?? [];
    const stateOf = (isRunning: boolean) =>
      !isUp ? 'waiting for the interface' : isRunning ? 'running' : 'restarting';
    return {
      name: this.kind ?? 'none',
      mode: this.mode,
      state: stateOf(this.workers?.areAllRunning ?? false),
      pid: states[0]?.pid ?? null,
      restarts: states.reduce((sum, { restarts }) => sum + restarts, 0),
      workers: states.map(({ pid, isRunning, restarts }) => ({ pid, state: stateOf(isRunning), restarts })),
      notes: this.notes,
    };
  }

  /** Of services and servers; undefined: only memory bounds them. */
  get capacity(): Capacity | undefined {
    return this.sizes;
  }

  /** Connections at most. */
  get tableSize(): number {
    if (this.pathWorkers.length === 0) return this.options.connectionTableSize;
    return this.pathWorkers.reduce((sum, { memory }) => sum + memory.capacity, 0);
  }

  /** What the memory for connections takes. */
  get tableBytes(): number {
    if (this.sizes !== undefined) return xdpMemoryBytes(this.sizes);
    return this.pathWorkers.reduce((sum, { memory }) => sum + connectionTableBytes(memory.capacity), 0);
  }

  async stop(keepForwarding: boolean): Promise<void> {
    if (keepForwarding && this.kind !== 'xdp') this.workers?.release();
    const isRemoved = (await this.endProcesses(this.hasBegun && !keepForwarding)) ?? true;
    // One that did not come to run has touched nothing, and what it found is not ours to remove.
    if (!this.hasBegun || keepForwarding) return;
    this.leftProcesses.removeNotes();
    if (this.kind !== 'xdp') return;
    if (!isRemoved) removePinned(this.folder);
    removeIfEmpty(dirname(this.folder));
  }

  private get notes(): readonly string[] {
    return [...this.planNotes, ...this.processNotes.flat()];
  }

  private get begun(): Workers {
    if (this.workers !== undefined) return this.workers;
    throw new DirectorError('DATAPATH_FAILED', 'there is no datapath yet');
  }

  private async endProcesses(remove: boolean): Promise<boolean | undefined> {
    const [isRemoved] = await Promise.all([this.workers?.stop(remove), this.spare?.stop()]);
    return isRemoved;
  }

  /** False: it cannot be had, and another will do. */
  private async startXdp(): Promise<boolean> {
    const { host, xdpMode, datapath, connectionTableSize, maxServices, maxServers } = this.options;
    const sizes = { connections: connectionTableSize, services: maxServices, servers: maxServers };
    try {
      const spare = this.spareOf('xdp');
      let start: XdpStart | undefined;
      const process = new DatapathProcess(
        this.options.log,
        {
          name: 'datapath process',
          ...this.processState(0),
          startRequest: (configuration) => this.startRequest(start!, configuration),
          afterLoss: () => 'and forwarding goes on meanwhile',
        },
        spare,
      );
      this.workers = new Workers([process], () => 0);
      const plan = await prepareXdp({ interface: host.name, mode: xdpMode, sizes });
      this.sizes = plan.sizes;
      start = plan.start;
      this.folder = start.folder;
      await host.prepareForXdp();
      await this.begin('xdp', plan.notes, 0);
      return true;
    } catch (error) {
      if (datapath === 'xdp' || !(error instanceof DirectorError)) throw error;
      // Another datapath would end the one that forwards now, and its connections.
      if (findPins(host.name) !== undefined) throw error;
      await this.endProcesses(false);
      this.workers = this.sizes = this.spare = this.kindOfIt = undefined;
      this.planNotes = [`not xdp: ${error.message}`];
      return false;
    }
  }

  /** The one that was asked for, or the faster one that can be had. */
  private kindInUserSpace(): PathStart['kind'] {
    const { host, datapath } = this.options;
    if (datapath === 'pcap') return datapath;
    try {
      requireRing(host.name);
      return 'ring';
    } catch (error) {
      if (datapath === 'ring' || !(error instanceof DirectorError)) throw error;
      this.planNotes = [...this.planNotes, `not ring: ${error.message}`];
      return 'pcap';
    }
  }

  private async startInUserSpace(kind: PathStart['kind']): Promise<void> {
    const { host, log, workers: count, connectionTableSize } = this.options;
    const left = this.leftProcesses.find();
    this.hasFound = left.length > 0;
    const delivery = await host.prepareForUserSpace(kind, this.hasFound);
    if (removeLeftFromXdp(host.name))
      log.info({}, `removed the xdp datapath that a director left which was killed`);
    const goOn = left.every(({ held }) => held.workers === count) ? left : [];
    this.pathWorkers = this.createWorkers(kind, goOn, { interface: delivery.interface, mac: delivery.mac });
    const processes = this.pathWorkers.map(({ process }) => process);
    this.workers = new Workers(processes, (frame) =>
      workerOfFrame(frame, parseMac(host.facts.mac)!, processes.length),
    );
    const notes =
      this.tableSize === connectionTableSize ? [] : [staysAt(this.tableSize, connectionTableSize)];
    if (goOn.length < left.length) notes.push(...(await this.shareAnew(left)));
    await this.begin(kind, [...this.planNotes, ...notes], goOn[0]?.index ?? 0);
    for (const { pid } of goOn) reapWhenEnded(pid);
  }

  private createWorkers(
    kind: PathStart['kind'],
    goOn: readonly LeftProcess[],
    delivery: PathStart['delivery'],
  ): PathWorker[] {
    const { host, log, workers: count, connectionTableSize, socketPath } = this.options;
    const spare = this.spareOf(kind);
    return Array.from({ length: count }, (_, index) => {
      const slice = { index, count };
      const predecessor = goOn.find((each) => each.index === index);
      return new PathWorker({
        kind,
        interface: host.name,
        slice,
        delivery,
        noteFile: noteFileFor(socketPath, host.name, index),
        memory: predecessor?.held,
        connections: Math.max(1, partOf(connectionTableSize, slice)),
        predecessor,
        log,
        spare,
        state: {
          ...this.processState(index),
          startRequest: (start, configuration) => this.startRequest(start, configuration),
        },
      });
    });
  }

  /** Everything is loaded first: nobody forwards while connections move. */
  private async shareAnew(left: readonly LeftProcess[]): Promise<string[]> {
    const { pathWorkers } = this;
    await this.workers!.load();
    const memories = pathWorkers.map(({ memory }) => memory);
    const { note, lost } = moveConnections(left, memories);
    this.leftProcesses.removeNotes();
    for (const each of pathWorkers) each.goOnWith(note);
    return [
      `${left.length} datapath processes had the clients before, ${pathWorkers.length} have them now: connections moved to the process of their client`,
      ...(lost > 0 ? [`${lost} connections found no room in the table of their process`] : []),
    ];
  }

  private async begin(kind: DatapathKind, notes: readonly string[], first: number): Promise<void> {
    this.kindOfIt = kind;
    this.planNotes = notes;
    await this.workers!.start(first);
    this.hasBegun = true;
  }

  private spareOf(kind: DatapathKind): SpareProcess {
    const { worker } = this.options;
    this.spare = new SpareProcess(kind, worker.kind === kind ? worker : undefined);
    return this.spare;
  }

  private processState(source: number) {
    const { state } = this;
    return {
      configuration: () => state.configuration(),
      onStarted: (answer: StartAnswer) => {
        this.mode = answer.mode;
        this.processNotes[source] = answer.notes;
        state.onStarted(answer);
      },
      afterStart: () => state.afterStart(),
      onCaptured: (piece: Buffer, begins: boolean) => state.onCaptured(source, piece, begins),
    };
  }

  private startRequest(
    datapath: PathStart | XdpStart,
    configuration: ConfigurationMessage | null,
  ): StartRequest {
    const { host, connectionTableSize } = this.options;
    return {
      kind: 'start',
      interface: host.name,
      interfaceIndex: host.state?.index ?? 0,
      connectionTableSize,
      datapath,
      configuration,
      ...this.state.snapshot(),
    };
  }
}

const staysAt = (capacity: number, wanted: number): string =>
  `${capacity} connections at most, as the process that was taken over has it: director stop, then start, to have ${wanted}`;
