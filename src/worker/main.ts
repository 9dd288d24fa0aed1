/**
 * The datapath process: takes the daemon's requests from the channel to the datapath, and its answers back. Started
 * by the daemon (daemon/worker-process.ts) with the name of its datapath, and sockets as descriptors 3 and 4. When the daemon
 * ends, so does the process, unless its datapath goes on alone.
 */
import { setPriority } from 'node:os';
import type { CaptureWish } from '../capture/wish.ts';
import { matchesFilter } from '../connection/connection-filter.ts';
import type { ConnectionFilter } from '../control/protocol.ts';
import type { EngineOptions, FrameEngine } from '../engine/engine.ts';
import { DirectorError } from '../errors.ts';
import { CaptureLine } from './capture-line.ts';
import { Channel } from './channel.ts';
import type { WorkerDatapath, WorkerLine } from './datapath.ts';
import type {
  Answers,
  ConnectionsPage,
  CountersReport,
  DatapathKind,
  FromWorker,
  Notice,
  PackedReport,
  PathStart,
  Request,
  StartRequest,
  ToWorker,
  XdpStart,
} from './messages.ts';
import { packServices } from './packed-counters.ts';

const CHANNEL_FD = 3;
const CAPTURE_FD = 4;
/** setpriority(2). Against the daemon and others it has three quarters of a processor that they share. */
const NICE = -5;

type Begin = (request: StartRequest, line: WorkerLine) => WorkerDatapath;

class Worker {
  private readonly channel: Channel;
  private readonly captureLine = new CaptureLine(CAPTURE_FD);
  private readonly begin: Begin;
  private datapath: WorkerDatapath | undefined;

  constructor(begin: Begin) {
    this.begin = begin;
    this.channel = new Channel(
      CHANNEL_FD,
      (line) => this.receive(JSON.parse(line) as ToWorker),
      () => this.end(),
    );
  }

  private receive({ id, request }: ToWorker): void {
    try {
      this.channel.send({ id, answer: this.handle(request) } satisfies FromWorker);
    } catch (error) {
      const code = error instanceof DirectorError ? error.code : 'DATAPATH_FAILED';
      const message = error instanceof DirectorError ? error.message : String(error);
      this.channel.send({ id, error: { code, message } } satisfies FromWorker);
    }
  }

  private handle(request: Request): Answers[keyof Answers] {
    if (request.kind === 'load') return null;
    if (request.kind === 'start') return this.start(request);
    const { datapath } = this;
    if (datapath === undefined) throw new Error(`${request.kind} before start`);
    const { session } = datapath;
    datapath.tick();
    switch (request.kind) {
      case 'edits':
        session.edit(request.edits);
        datapath.afterChanges();
        return null;
      case 'next-hops':
        session.setNextHops(request.nextHops);
        // Of thousands of servers each tells by itself, and the rest changes nothing that is received.
        if (request.nextHops.some(({ kind }) => kind === 'local')) datapath.afterChanges();
        return null;
      case 'host':
        datapath.setHost(request.host, request.interfaceIndex);
        return null;
      case 'read-counters':
        return this.pack(datapath.readCounters(request.services));
      case 'excerpt':
        return session.excerptFor(Buffer.from(request.frame, 'hex'));
      case 'list-connections':
        return this.list(session.listConnections(request.cursor, request.limit), request.filter);
      case 'end-connections':
        return { ended: session.endConnections(request.filter) };
      case 'capture':
        return this.capture(datapath, request.wishes);
      case 'remove':
        datapath.remove();
        return null;
    }
  }

  private pack({ services, ...others }: CountersReport): PackedReport {
    return { ...others, services: packServices(services) };
  }

  private capture(datapath: WorkerDatapath, wishes: readonly CaptureWish[]): Answers['capture'] {
    try {
      datapath.followCaptures(wishes, this.captureLine);
      return { refusal: null };
    } catch (error) {
      if (!(error instanceof DirectorError)) throw error;
      return { refusal: { code: error.code, message: error.message } };
    }
  }

  private list({ connections, nextCursor }: ConnectionsPage, filter: ConnectionFilter): ConnectionsPage {
    return { connections: connections.filter((each) => matchesFilter(each, filter)), nextCursor };
  }

  private start(request: StartRequest) {
    const line = {
      notice: (notice: Notice) => this.channel.send({ notice } satisfies FromWorker),
      poll: () => this.channel.poll(),
    };
    this.datapath = this.begin(request, line);
    if (request.datapath.kind !== 'xdp') goFirst();
    return this.datapath.started;
  }

  /** What is pinned stays: it forwards without us. */
  private end(): void {
    if (this.datapath?.goOnAlone() === true) {
      this.captureLine.follow([], () => {});
      return;
    }
    this.datapath?.close();
    process.exit(0);
  }
}

/** What forwards comes before the daemon and other programs, as it would in the kernel. */
function goFirst(): void {
  try {
    setPriority(NICE);
  } catch {
    // Without CAP_SYS_NICE it is one of many.
  }
}

/** Loads the code of one datapath, and no other. */
async function load(kind: DatapathKind): Promise<Begin> {
  if (kind === 'xdp') {
    const { KernelDatapath } = await import('./xdp-datapath.ts');
    return (request, line) => new KernelDatapath(request, request.datapath as XdpStart, line);
  }
  const [{ PathDatapath }, createEngine] = await Promise.all([import('./path-datapath.ts'), ENGINES[kind]()]);
  return (request, line) => new PathDatapath(request, request.datapath as PathStart, line, createEngine);
}

const ENGINES: Readonly<Record<PathStart['kind'], () => Promise<(options: EngineOptions) => FrameEngine>>> = {
  async pcap() {
    const { PcapEngine } = await import('../engine/pcap.ts');
    return (options) => new PcapEngine(options);
  },
  async ring() {
    const { RingEngine } = await import('../engine/ring.ts');
    return (options) => new RingEngine(options);
  },
};

new Worker(await load(process.argv[2] as DatapathKind));
