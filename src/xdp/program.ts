/** The program and its maps, loaded: memory to read and write, programs to run. */
import { type BpfLoadOptions, type BpfObject, bpfObjectPath, loadBpfAddon } from '../host/bpf.ts';
import {
  CELL_LINE,
  CONFIG,
  CONNECTION4,
  CONNECTION6,
  END_ARGUMENTS,
  MARK_RULE,
  SERVER,
  SERVICE,
  SERVICE_SLOT,
  SWEEP_ARGUMENTS,
  TRAFFIC,
  ZEROED,
} from './layout.ts';
import { Memory } from './memory.ts';
import { mapEntries, type XdpSizes } from './sizes.ts';

export interface ProgramOptions {
  readonly sizes: XdpSizes;
  /** Folder in a bpf file system whose pinned maps are taken over; null: nothing is pinned. */
  readonly pinFolder: string | null;
  /** Where its programs are, or will be, pinned: src/host/bpf.ts. */
  readonly programFolder?: string;
  /** For tests: the program goes by config.ticks, in hundredths of a second, and tells the last verdict. */
  readonly clockIsGiven?: boolean;
}

/** The same for all programs that work on these maps. */
export function programLoadOptions({
  sizes,
  pinFolder,
  clockIsGiven = false,
}: Pick<ProgramOptions, 'sizes' | 'pinFolder' | 'clockIsGiven'>): BpfLoadOptions {
  const addon = loadBpfAddon();
  const maxEntries = mapEntries(sizes, addon.possibleCpus());
  return {
    maxEntries,
    constants: {
      bucket_mask4: maxEntries.connections4 - 1,
      bucket_mask6: maxEntries.connections6 - 1,
      service_index_mask: maxEntries.service_index - 1,
      max_servers: maxEntries.servers,
      ticks_per_second: ticksPerSecond(clockIsGiven),
      clock_is_given: clockIsGiven ? 1 : 0,
      records_verdict: clockIsGiven ? 1 : 0,
    },
    pinFolder,
  };
}

const ticksPerSecond = (clockIsGiven: boolean): number =>
  clockIsGiven ? 100 : loadBpfAddon().ticksPerSecond();

export class Program {
  readonly object: BpfObject;
  readonly cpus: number;
  readonly ticksPerSecond: number;
  readonly config: Memory;
  readonly services: Memory;
  readonly serviceIndex: Memory;
  readonly servers: Memory;
  readonly cells: Memory;
  readonly markRules: Memory;
  readonly connections4: Memory;
  readonly connections6: Memory;
  readonly traffic: Memory;
  readonly serversZeroed: Memory;
  /** By element of `services`. */
  readonly servicesZeroed: Memory;
  readonly verdicts: BigUint64Array;
  readonly replies: Uint32Array;
  readonly notes: Uint8Array;
  /** Of each connection table. */
  readonly groupLines: number;
  /** Numbers of programs, for the calls of `object`. */
  readonly director: number;
  readonly egress: number;
  private readonly clockIsGiven: boolean;
  private readonly sweepProgram: number;
  private readonly endProgram: number;
  private readonly sweepArguments = new Uint32Array(SWEEP_ARGUMENTS.bytes / 4);
  private readonly endArguments = new Uint32Array(END_ARGUMENTS.bytes / 4);

  constructor({ sizes, pinFolder, programFolder, clockIsGiven = false }: ProgramOptions) {
    const addon = loadBpfAddon();
    this.cpus = addon.possibleCpus();
    this.clockIsGiven = clockIsGiven;
    this.ticksPerSecond = ticksPerSecond(clockIsGiven);
    const options = programLoadOptions({ sizes, pinFolder, clockIsGiven });
    const object = new addon.BpfObject(bpfObjectPath('director'), {
      ...options,
      ...(programFolder === undefined ? {} : { programFolder }),
    });
    this.object = object;
    this.config = new Memory(object.map('config'), CONFIG.bytes);
    this.services = new Memory(object.map('services'), SERVICE.bytes);
    this.serviceIndex = new Memory(object.map('service_index'), SERVICE_SLOT.bytes);
    this.servers = new Memory(object.map('servers'), SERVER.bytes);
    this.cells = new Memory(object.map('cells'), CELL_LINE.bytes);
    this.markRules = new Memory(object.map('mark_rules'), MARK_RULE.bytes);
    this.connections4 = new Memory(object.map('connections4'), CONNECTION4.bytes);
    this.connections6 = new Memory(object.map('connections6'), CONNECTION6.bytes);
    this.traffic = new Memory(object.map('server_traffic'), TRAFFIC.bytes);
    this.serversZeroed = new Memory(object.map('servers_zeroed'), ZEROED.bytes);
    this.servicesZeroed = new Memory(object.map('services_zeroed'), ZEROED.bytes);
    this.verdicts = new BigUint64Array(object.map('verdicts'));
    this.replies = new Uint32Array(object.map('replies'));
    this.groupLines = options.maxEntries.groups4!;
    this.notes = new Uint8Array(object.map('notes'));
    this.director = object.program('director');
    this.egress = object.program('director_egress');
    this.sweepProgram = object.program('sweep');
    this.endProgram = object.program('end_connection');
  }

  /** Whether the sweep looks for servers that take their connections along. */
  serversTakeAlong = false;

  /** Ends what is over in the buckets of some lines of groups. How many ended and how many live, and the program's clock. */
  sweep(
    version: 4 | 6,
    firstLine = 0,
    lineCount = this.groupLines,
  ): { ended: number; live: number; ticks: number } {
    const { sweepArguments: words } = this;
    words[0] = version;
    words[1] = firstLine;
    words[2] = lineCount;
    words[3] = this.serversTakeAlong ? 1 : 0;
    this.object.runSyscall(this.sweepProgram, new Uint8Array(words.buffer));
    return { ended: words[4]!, live: words[5]!, ticks: words[6]! };
  }

  /** Ticks of the program's clock, as an unsigned word that wraps. */
  now(): number {
    return this.clockIsGiven ? this.config.get32(0, CONFIG.at.ticks) : this.sweep(4, 0, 0).ticks;
  }

  /** Ends the connection or template in a slot. False: there is none, or connections depend on it. */
  endConnection(version: 4 | 6, slot: number): boolean {
    this.endArguments[0] = version;
    this.endArguments[1] = slot;
    return this.object.runSyscall(this.endProgram, new Uint8Array(this.endArguments.buffer)) === 1;
  }
}
