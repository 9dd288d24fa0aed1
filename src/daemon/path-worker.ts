/** One process of a datapath in user space, and what it needs to begin: memory, note, whom or what it takes over from. */
import type { Log } from '../log.ts';
import type { Slice } from '../wire/slice.ts';
import type { HandoverNote } from '../worker/handover.ts';
import type { ConfigurationMessage, PathStart, StartRequest } from '../worker/messages.ts';
import { DatapathProcess, type ProcessState } from './datapath-process.ts';
import { HeldMemory } from './held-memory.ts';
import type { LeftProcess } from './left-processes.ts';
import type { SpareProcess } from './spare-process.ts';

/** So many processes that ended soon after they took over: what they took over may be why. */
const MAX_QUICK_ENDS = 3;

export interface PathWorkerOptions {
  readonly kind: PathStart['kind'];
  readonly interface: string;
  readonly slice: Slice;
  readonly delivery: PathStart['delivery'];
  readonly noteFile: string;
  /** Begins with this; undefined: with a memory of its own, for so many connections. */
  readonly memory: HeldMemory | undefined;
  readonly connections: number;
  readonly predecessor: LeftProcess | undefined;
  readonly log: Log;
  readonly spare: SpareProcess;
  readonly state: Pick<ProcessState, 'configuration' | 'onStarted' | 'afterStart' | 'onCaptured'> & {
    startRequest(datapath: PathStart, configuration: ConfigurationMessage | null): StartRequest;
  };
}

export class PathWorker {
  readonly process: DatapathProcess;
  private readonly options: PathWorkerOptions;
  private held: HeldMemory;
  private predecessor: LeftProcess | undefined;
  private note: HandoverNote | null = null;

  constructor(options: PathWorkerOptions) {
    const { slice, log, spare, state, predecessor, connections } = options;
    this.options = options;
    this.predecessor = predecessor;
    this.held = options.memory ?? HeldMemory.create(options.interface, connections, slice.count);
    this.process = new DatapathProcess(
      log,
      {
        name: slice.count === 1 ? 'datapath process' : `datapath process ${slice.index + 1}`,
        configuration: state.configuration,
        startRequest: (configuration, quickEnds) => {
          if (quickEnds >= MAX_QUICK_ENDS) this.forgetMemory();
          return state.startRequest(this.start, configuration);
        },
        onStarted: (answer) => {
          this.predecessor = undefined;
          this.note = null;
          state.onStarted(answer);
        },
        afterStart: state.afterStart,
        onCaptured: state.onCaptured,
        afterLoss: (quickEnds) =>
          quickEnds < MAX_QUICK_ENDS ? 'with its connections' : 'without its connections',
      },
      spare,
    );
  }

  get memory(): HeldMemory {
    return this.held;
  }

  /** Its memory has connections of others, which worked by that. */
  goOnWith(note: HandoverNote | null): void {
    this.note = note;
  }

  private get start(): PathStart {
    const { kind, delivery, noteFile, slice } = this.options;
    const predecessor =
      this.predecessor === undefined ? null : { pid: this.predecessor.pid, memory: this.predecessor.memory };
    return { kind, delivery, noteFile, slice, memory: this.held.path, predecessor, note: this.note };
  }

  private forgetMemory(): void {
    const { interface: name, slice } = this.options;
    this.held.close();
    this.held = HeldMemory.create(name, this.held.capacity, slice.count);
  }
}
