/**
 * The path in the kernel: puts it on the interface, or takes over the one that a process before us left there, and
 * tends it by the clock. What it forwards it forwards without us.
 */
import { editsBetween } from '../service/difference.ts';
import { XdpDatapath, type XdpOptions } from '../xdp/datapath.ts';
import { configurationOf } from './configuration-message.ts';
import type { WorkerDatapath, WorkerLine } from './datapath.ts';
import type {
  ConfigurationMessage,
  CountersReport,
  HostFacts,
  StartAnswer,
  StartRequest,
  XdpStart,
} from './messages.ts';
import type { DatapathSession } from './session.ts';

const SLICE_MS = 50;

export class KernelDatapath implements WorkerDatapath {
  readonly started: StartAnswer;
  private readonly datapath: XdpDatapath;
  private interfaceIndex: number;

  constructor(request: StartRequest, { folder, modes, maxServices, maxServers }: XdpStart, line: WorkerLine) {
    const { datapath, mode, notes } = openInFirst(modes, {
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
    this.started = { adopted: datapath.adopted ?? null, mode, notes: [...notes, ...datapath.notes] };
    setInterval(() => datapath.slice(), SLICE_MS);
  }

  get session(): DatapathSession {
    return this.datapath.session;
  }

  /** The program has a clock of its own. */
  tick(): void {}

  afterEdits(): void {}

  setHost(host: HostFacts, interfaceIndex: number): void {
    this.session.setHost(host);
    if (interfaceIndex === 0 || interfaceIndex === this.interfaceIndex) return;
    this.datapath.attach(interfaceIndex);
    this.interfaceIndex = interfaceIndex;
  }

  readCounters(): CountersReport {
    return { ...this.session.readCounters(), capturing: this.datapath.isAttached };
  }

  remove(): void {
    this.datapath.remove();
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

/** A driver that cannot do the first mode gets the next. */
function openInFirst(modes: XdpStart['modes'], options: Omit<XdpOptions, 'mode'>) {
  const [mode, ...others] = modes;
  const notes: string[] = [];
  try {
    return { datapath: new XdpDatapath({ ...options, mode: mode! }), mode: mode!, notes };
  } catch (error) {
    const [next] = others;
    if (next === undefined || !isRefusedByDriver(error)) throw error;
    notes.push(
      `${next} mode: the driver of ${options.interface} refuses ${mode} XDP: ${(error as Error).message}`,
    );
    return { datapath: new XdpDatapath({ ...options, mode: next }), mode: next, notes };
  }
}

/** By the errno of the attaching, somewhere among the causes. */
function isRefusedByDriver(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as { code?: string; syscall?: string };
  const isAttaching = syscall === 'BPF_LINK_CREATE' && (code === 'EOPNOTSUPP' || code === 'EINVAL');
  return isAttaching || isRefusedByDriver(error.cause);
}
