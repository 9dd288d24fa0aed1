/**
 * The path in the kernel: puts it on the interface, or takes over the one that a process before us left there, and
 * tends it by the clock. What it forwards it forwards without us.
 */
import type { CaptureWish } from '../capture/wish.ts';
import { editsBetween } from '../service/difference.ts';
import { XdpDatapath, type XdpOptions } from '../xdp/datapath.ts';
import type { CaptureLine } from './capture-line.ts';
import { configurationOf } from './configuration-message.ts';
import type { WorkerDatapath, WorkerLine } from './datapath.ts';
import type {
  ConfigurationMessage,
  CountersReport,
  HostFacts,
  StartAnswer,
  StartRequest,
  XdpMode,
  XdpStart,
} from './messages.ts';
import type { DatapathSession } from './session.ts';

export class KernelDatapath implements WorkerDatapath {
  readonly started: StartAnswer;
  private readonly datapath: XdpDatapath;
  private interfaceIndex: number;

  constructor(request: StartRequest, { folder, modes, maxServices, maxServers }: XdpStart, line: WorkerLine) {
    const { datapath, notes } = openInFirst(modes, {
      interface: request.interface,
      ifindex: request.interfaceIndex,
      folder,
      sizes: { connections: request.connectionTableSize, services: maxServices, servers: maxServers },
      onNotice: line.notice,
    });
    this.datapath = datapath;
    this.interfaceIndex = request.interfaceIndex;
    this.session.setHost(request.host);
    this.session.setNextHops(request.nextHops);
    if (request.configuration !== null) this.configure(request.configuration);
    this.started = {
      adopted: datapath.adopted ?? null,
      mode: datapath.mode,
      notes: [...notes, ...datapath.notes],
    };
    setInterval(() => datapath.slice(), datapath.sliceMs);
  }

  get session(): DatapathSession {
    return this.datapath.session;
  }

  /** The program has a clock of its own. */
  tick(): void {}

  afterChanges(): void {}

  setHost(host: HostFacts, interfaceIndex: number): void {
    this.session.setHost(host);
    if (interfaceIndex === 0 || interfaceIndex === this.interfaceIndex) return;
    this.datapath.attach(interfaceIndex);
    this.interfaceIndex = interfaceIndex;
  }

  readCounters(withServices: boolean): CountersReport {
    return { ...this.session.readCounters(withServices), capturing: this.datapath.isAttached };
  }

  followCaptures(wishes: readonly CaptureWish[], line: CaptureLine): void {
    this.datapath.capture(wishes, line);
    line.follow(wishes, () => this.datapath.tendCapture());
  }

  remove(): void {
    this.datapath.remove();
  }

  goOnAlone(): boolean {
    return false;
  }

  close(): void {
    this.datapath.close();
  }

  /** What is the same in the pinned configuration and the wanted one is not touched. */
  private configure(wanted: ConfigurationMessage): void {
    const { adopted } = this.datapath;
    if (adopted === undefined) this.session.configure(wanted);
    else this.session.edit(editsBetween(configurationOf(adopted), configurationOf(wanted)));
  }
}

/** A driver that cannot do the first mode gets the next. One that is taken over stays in the mode that it has. */
function openInFirst(modes: XdpStart['modes'], options: Omit<XdpOptions, 'mode'>) {
  const [wanted, ...others] = modes as [XdpMode, ...XdpMode[]];
  const open = (mode: XdpMode) => new XdpDatapath({ ...options, mode });
  try {
    const datapath = open(wanted);
    const isOther = datapath.adopted !== undefined && !modes.includes(datapath.mode);
    return { datapath, notes: isOther ? [stays(datapath.mode, wanted)] : [] };
  } catch (error) {
    const [next] = others;
    if (next === undefined || !isRefusedByDriver(error)) throw error;
    const why = `${next} mode: the driver of ${options.interface} does not take ${wanted} XDP`;
    return { datapath: open(next), notes: [`${why}: ${(error as Error).message}`] };
  }
}

const stays = (mode: XdpMode, wanted: XdpMode): string =>
  `${mode} mode, as the program that was taken over has it: director stop, then start, to have ${wanted}`;

/** By the errno of the attaching, somewhere among the causes. */
function isRefusedByDriver(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as { code?: string; syscall?: string };
  const isAttaching = syscall === 'BPF_LINK_CREATE' && (code === 'EOPNOTSUPP' || code === 'EINVAL');
  return isAttaching || isRefusedByDriver(error.cause);
}
