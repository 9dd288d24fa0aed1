/**
 * Which datapath the director runs, and why: the one that was asked for, or the fastest that can be had. Puts it on the
 * host with what it needs there, and takes it away again.
 */
import { dirname } from 'node:path';
import { connectionTableBytes } from '../connection/connection-table.ts';
import type { StatusReply } from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import type { Log } from '../log.ts';
import type {
  Answers,
  DatapathKind,
  PcapStart,
  Request,
  StartAnswer,
  StartRequest,
  XdpMode,
  XdpStart,
} from '../worker/messages.ts';
import { removePinned, type XdpSizes, xdpMemoryBytes } from '../xdp/datapath.ts';
import { DatapathProcess, type ProcessState } from './datapath-process.ts';
import type { HostInterface } from './host-interface.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { Capacity } from './xdp-capacity.ts';
import { hasLeftFromXdp, removeIfEmpty, removeLeftFromXdp } from './xdp-leftovers.ts';
import { prepareXdp, type XdpModeWish } from './xdp-preparation.ts';

export interface DatapathOptions {
  readonly log: Log;
  readonly host: HostInterface;
  readonly datapath: 'auto' | DatapathKind;
  readonly xdpMode: XdpModeWish;
  readonly connectionTableSize: number;
  readonly maxServices: number;
  readonly maxServers: number;
  /** Loads the code of the datapath that is tried first. */
  readonly worker: WorkerProcess;
}

/** What is said to a process that begins, but for the datapath itself. */
export type Snapshot = Pick<StartRequest, 'configuration' | 'nextHops' | 'host'>;

export interface DatapathState {
  snapshot(): Snapshot;
  /** What the process found and did; returns what has changed while it did. */
  onStarted(answer: StartAnswer): Request[];
}

export class Datapath {
  private readonly options: DatapathOptions;
  private readonly state: DatapathState;
  private process: DatapathProcess | undefined;
  private hasBegun = false;
  private plan: PcapStart | XdpStart | undefined;
  /** Of what the kernel holds. */
  private sizes: XdpSizes | undefined;
  private mode: XdpMode | null = null;
  private planNotes: readonly string[] = [];
  private notes: readonly string[] = [];

  constructor(options: DatapathOptions, state: DatapathState) {
    this.options = options;
    this.state = state;
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
    if (datapath === 'pcap' || !(await this.startXdp())) await this.startPcap();
    const mode = this.mode === null ? '' : ` (${this.mode})`;
    log.info({ datapath: this.kind, mode: this.mode }, `the datapath is ${this.kind}${mode}`);
    for (const note of this.notes) log.info({}, note);
  }

  /** What a crash of a director with another datapath left. */
  async removeLeftovers(): Promise<void> {
    if (this.kind === 'xdp') await this.options.host.removeLeftFromPcap();
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

  /** What the memory for connections takes. */
  get tableBytes(): number {
    return this.sizes === undefined
      ? connectionTableBytes(this.options.connectionTableSize)
      : xdpMemoryBytes(this.sizes);
  }

  async stop(keepForwarding: boolean): Promise<void> {
    const isRemoved = (await this.process?.stop(this.hasBegun && !keepForwarding)) ?? true;
    // One that did not come to run has touched nothing, and what it found is not ours to remove.
    if (this.plan?.kind !== 'xdp' || !this.hasBegun || keepForwarding) return;
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
      if (hasLeftFromXdp(host.name)) throw error;
      await this.process?.stop(false);
      this.process = undefined;
      this.sizes = undefined;
      this.notes = [`not xdp: ${error.message}`];
      return false;
    }
  }

  private async startPcap(): Promise<void> {
    const { host, log } = this.options;
    const { interface: name, mac } = await host.prepareForPcap();
    if (removeLeftFromXdp(host.name))
      log.info({}, `removed the xdp datapath that a director left which was killed`);
    await this.begin({ kind: 'pcap', delivery: { interface: name, mac } }, this.notes);
  }

  private async begin(plan: PcapStart | XdpStart, notes: readonly string[]): Promise<void> {
    this.plan = plan;
    this.planNotes = notes;
    this.process ??= this.createProcess(plan.kind);
    await this.process.start();
    this.hasBegun = true;
  }

  private createProcess(kind: DatapathKind): DatapathProcess {
    const { log, worker } = this.options;
    const state: ProcessState = {
      snapshot: () => this.startRequest(this.plan!),
      onStarted: (answer) => {
        this.mode = answer.mode;
        this.notes = [...this.planNotes, ...answer.notes];
        return this.state.onStarted(answer);
      },
      afterLoss: () =>
        this.plan?.kind === 'xdp' ? 'and forwarding goes on meanwhile' : 'without its connections',
    };
    return new DatapathProcess(log, kind, state, worker.kind === kind ? worker : undefined);
  }

  private startRequest(datapath: PcapStart | XdpStart): StartRequest {
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
