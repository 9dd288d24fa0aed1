/**
 * Which datapath the director runs, and why: the one that was asked for, or the fastest that can be had. Puts it on the
 * host with what it needs there, and takes it away again.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { connectionTableBytes } from '../connection/connection-table.ts';
import type { StatusReply } from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import { findPins } from '../host/bpf-folder.ts';
import { loadHostAddon } from '../host/native.ts';
import type { Log } from '../log.ts';
import type {
  Answers,
  DatapathKind,
  PathStart,
  Predecessor,
  Request,
  StartAnswer,
  StartRequest,
  XdpMode,
  XdpStart,
} from '../worker/messages.ts';
import { noteFileFor, readNoteFile } from '../worker/note-file.ts';
import { removePinned, type XdpSizes, xdpMemoryBytes } from '../xdp/datapath.ts';
import { DatapathProcess, type ProcessState } from './datapath-process.ts';
import { HeldMemory } from './held-memory.ts';
import type { HostInterface } from './host-interface.ts';
import { requireRing } from './ring-preparation.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { Capacity } from './xdp-capacity.ts';
import { removeIfEmpty, removeLeftFromXdp } from './xdp-leftovers.ts';
import { prepareXdp, type XdpModeWish } from './xdp-preparation.ts';

export interface DatapathOptions {
  readonly log: Log;
  readonly host: HostInterface;
  readonly datapath: 'auto' | DatapathKind;
  readonly xdpMode: XdpModeWish;
  readonly connectionTableSize: number;
  readonly maxServices: number;
  readonly maxServers: number;
  /** Notes that outlive a killed daemon stand beside it. */
  readonly socketPath: string;
  /** Loads the code of the datapath that is tried first. */
  readonly worker: WorkerProcess;
}

/** What is said to a process that begins, but for the datapath itself. */
export type Snapshot = Pick<StartRequest, 'configuration' | 'nextHops' | 'host'>;

/** So many processes that ended soon after they took over: what they took over may be why. */
const MAX_QUICK_ENDS = 3;
/** How often it is looked whether a process that gave its work away has ended. */
const REAP_INTERVAL_MS = 50;

export interface DatapathState {
  snapshot(): Snapshot;
  /** What the process found and did; returns what has changed while it did. */
  onStarted(answer: StartAnswer): Request[];
  onCaptured(piece: Buffer, begins: boolean): void;
}

export class Datapath {
  private readonly options: DatapathOptions;
  private readonly state: DatapathState;
  private process: DatapathProcess | undefined;
  private hasBegun = false;
  private plan: PathStart | XdpStart | undefined;
  /** Of what the kernel holds. */
  private sizes: XdpSizes | undefined;
  /** Of the datapaths in user space. */
  private memory: HeldMemory | undefined;
  /** Forwards without a daemon, until it is taken over or ended. */
  private left: Predecessor | undefined;
  private readonly noteFile: string;
  private mode: XdpMode | null = null;
  private planNotes: readonly string[] = [];
  private notes: readonly string[] = [];

  constructor(options: DatapathOptions, state: DatapathState) {
    this.options = options;
    this.state = state;
    this.noteFile = noteFileFor(options.socketPath, options.host.name);
  }

  /** A datapath process of an earlier daemon was found that forwards; it has been taken over, or still does so. */
  get hasFoundProcess(): boolean {
    return this.left !== undefined;
  }

  /** Undefined before start(). */
  get kind(): DatapathKind | undefined {
    return this.plan?.kind;
  }

  get isRunning(): boolean {
    return this.process?.isRunning ?? false;
  }

  /** Resolves when it forwards. */
  async start(): Promise<void> {
    const { datapath, log } = this.options;
    const isInKernel = (datapath === 'auto' || datapath === 'xdp') && (await this.startXdp());
    if (!isInKernel) await this.startInUserSpace(this.kindInUserSpace());
    const mode = this.mode === null ? '' : ` (${this.mode})`;
    log.info(
      { event: 'datapath', datapath: this.kind, mode: this.mode },
      `the datapath is ${this.kind}${mode}`,
    );
    for (const note of this.notes) log.info({}, note);
  }

  /** What a crash of a director with another datapath left. */
  async removeLeftovers(): Promise<void> {
    if (this.kind !== 'xdp') return;
    this.endLeftProcess(readNoteFile(this.noteFile));
    await this.options.host.removeLeftFromUserSpace();
  }

  request<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    if (this.process !== undefined) return this.process.request(request);
    throw new DirectorError('DATAPATH_FAILED', 'there is no datapath yet');
  }

  describe(): StatusReply['datapath'] {
    const isUp = this.options.host.state?.up === true;
    return {
      name: this.kind ?? 'none',
      mode: this.mode,
      state: !isUp ? 'waiting for the interface' : this.isRunning ? 'running' : 'restarting',
      pid: this.process?.pid ?? null,
      restarts: this.process?.restartCount ?? 0,
      notes: this.notes,
    };
  }

  /** Of services and servers; undefined: only memory bounds them. */
  get capacity(): Capacity | undefined {
    return this.sizes;
  }

  /** Connections at most. */
  get tableSize(): number {
    return this.memory?.capacity ?? this.options.connectionTableSize;
  }

  /** What the memory for connections takes. */
  get tableBytes(): number {
    return this.sizes === undefined ? connectionTableBytes(this.tableSize) : xdpMemoryBytes(this.sizes);
  }

  async stop(keepForwarding: boolean): Promise<void> {
    if (keepForwarding && this.plan?.kind !== 'xdp') this.process?.release();
    const isRemoved = (await this.process?.stop(this.hasBegun && !keepForwarding)) ?? true;
    // One that did not come to run has touched nothing, and what it found is not ours to remove.
    if (!this.hasBegun || keepForwarding) return;
    rmSync(this.noteFile, { force: true });
    if (this.plan?.kind !== 'xdp') return;
    if (!isRemoved) removePinned(this.plan.folder);
    removeIfEmpty(dirname(this.plan.folder));
  }

  /** False: it cannot be had, and another will do. */
  private async startXdp(): Promise<boolean> {
    const { host, xdpMode, datapath, connectionTableSize, maxServices, maxServers } = this.options;
    const sizes = { connections: connectionTableSize, services: maxServices, servers: maxServers };
    try {
      this.process = this.createProcess('xdp');
      const plan = await prepareXdp({ interface: host.name, mode: xdpMode, sizes });
      this.sizes = plan.sizes;
      await host.prepareForXdp();
      await this.begin(plan.start, plan.notes);
      return true;
    } catch (error) {
      if (datapath === 'xdp' || !(error instanceof DirectorError)) throw error;
      // Another datapath would end the one that forwards now, and its connections.
      if (findPins(host.name) !== undefined) throw error;
      await this.process?.stop(false);
      this.process = undefined;
      this.sizes = undefined;
      this.notes = [`not xdp: ${error.message}`];
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
      this.notes = [...this.notes, `not ring: ${error.message}`];
      return 'pcap';
    }
  }

  private async startInUserSpace(kind: PathStart['kind']): Promise<void> {
    const { host, log, connectionTableSize } = this.options;
    this.left = this.findLeftProcess();
    const { interface: name, mac } = await host.prepareForUserSpace(kind, this.left !== undefined);
    if (removeLeftFromXdp(host.name))
      log.info({}, `removed the xdp datapath that a director left which was killed`);
    this.memory ??= HeldMemory.create(host.name, connectionTableSize);
    const { noteFile, memory, left: predecessor = null } = this;
    const delivery = { interface: name, mac };
    const notes =
      memory.capacity === connectionTableSize ? [] : [staysAt(memory.capacity, connectionTableSize)];
    const plan: PathStart = { kind, delivery, memory: memory.path, noteFile, predecessor };
    await this.begin(plan, [...this.notes, ...notes]);
    this.plan = { ...plan, predecessor: null };
    if (predecessor !== null) reapWhenEnded(predecessor.pid);
  }

  /** Also opens its memory. One of a build with another layout cannot be taken over, and is ended. */
  private findLeftProcess(): Predecessor | undefined {
    const left = readNoteFile(this.noteFile);
    if (left === undefined) return undefined;
    this.memory = HeldMemory.open(left.memory);
    if (this.memory !== undefined) return left;
    this.endLeftProcess(left);
    return undefined;
  }

  private endLeftProcess(left: Predecessor | undefined): void {
    rmSync(this.noteFile, { force: true });
    if (left === undefined) return;
    process.kill(left.pid, 'SIGKILL');
    reapWhenEnded(left.pid);
    this.options.log.warn(
      { pid: left.pid },
      'ended the datapath process that a director left, with its connections: it is of another layout, or another datapath',
    );
  }

  private async begin(plan: PathStart | XdpStart, notes: readonly string[]): Promise<void> {
    this.plan = plan;
    this.planNotes = notes;
    this.process ??= this.createProcess(plan.kind);
    await this.process.start();
    this.hasBegun = true;
  }

  private createProcess(kind: DatapathKind): DatapathProcess {
    const { log, worker } = this.options;
    const state: ProcessState = {
      snapshot: (quickEnds) => {
        if (quickEnds >= MAX_QUICK_ENDS) this.forgetMemory();
        return this.startRequest(this.plan!);
      },
      onStarted: (answer) => {
        this.mode = answer.mode;
        this.notes = [...this.planNotes, ...answer.notes];
        return this.state.onStarted(answer);
      },
      onCaptured: (piece, begins) => this.state.onCaptured(piece, begins),
      afterLoss: (quickEnds) => {
        if (this.plan?.kind === 'xdp') return 'and forwarding goes on meanwhile';
        return quickEnds < MAX_QUICK_ENDS ? 'with its connections' : 'without its connections';
      },
    };
    return new DatapathProcess(log, kind, state, worker.kind === kind ? worker : undefined);
  }

  private forgetMemory(): void {
    if (this.plan === undefined || this.plan.kind === 'xdp') return;
    const { host } = this.options;
    this.memory?.close();
    this.memory = HeldMemory.create(host.name, this.tableSize);
    this.plan = { ...this.plan, memory: this.memory.path };
  }

  private startRequest(datapath: PathStart | XdpStart): StartRequest {
    const { host, connectionTableSize } = this.options;
    return {
      kind: 'start',
      interface: host.name,
      interfaceIndex: host.state?.index ?? 0,
      connectionTableSize,
      datapath,
      ...this.state.snapshot(),
    };
  }
}

const staysAt = (capacity: number, wanted: number): string =>
  `${capacity} connections at most, as the process that was taken over has it: director stop, then start, to have ${wanted}`;

/** Of a daemon that began anew in the same process it is a child, which Node.js does not know. */
function reapWhenEnded(pid: number): void {
  const looking = setInterval(() => {
    if (loadHostAddon().reap(pid)) clearInterval(looking);
  }, REAP_INTERVAL_MS).unref();
}
