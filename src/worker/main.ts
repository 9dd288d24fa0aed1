/**
 * The datapath process: takes the daemon's requests from the channel to the datapath, and its answers back. Started
 * by the daemon (daemon/datapath-process.ts) with a socket as descriptor 3; ends when the daemon does.
 */
import { matchesFilter } from '../connection/connection-filter.ts';
import type { ConnectionFilter } from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import { Channel } from './channel.ts';
import type { WorkerDatapath } from './datapath.ts';
import type {
  Answers,
  ConnectionsPage,
  FromWorker,
  Notice,
  Request,
  StartRequest,
  ToWorker,
} from './messages.ts';
import { PathDatapath } from './path-datapath.ts';
import { KernelDatapath } from './xdp-datapath.ts';

const CHANNEL_FD = 3;

class Worker {
  private readonly channel: Channel;
  private datapath: WorkerDatapath | undefined;

  constructor() {
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
    if (request.kind === 'start') return this.start(request);
    const { datapath } = this;
    if (datapath === undefined) throw new Error(`${request.kind} before start`);
    const { session } = datapath;
    datapath.tick();
    switch (request.kind) {
      case 'edits':
        session.edit(request.edits);
        datapath.afterEdits();
        return null;
      case 'next-hops':
        session.setNextHops(request.nextHops);
        return null;
      case 'host':
        datapath.setHost(request.host, request.interfaceIndex);
        return null;
      case 'read-counters':
        return datapath.readCounters();
      case 'list-connections':
        return this.list(session.listConnections(request.cursor, request.limit), request.filter);
      case 'end-connections':
        return { ended: session.endConnections(request.filter) };
      case 'remove':
        datapath.remove();
        return null;
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
    const { datapath } = request;
    this.datapath =
      datapath.kind === 'pcap'
        ? new PathDatapath(request, datapath, line)
        : new KernelDatapath(request, datapath, line);
    return this.datapath.started;
  }

  /** What is pinned stays: it forwards without us. */
  private end(): never {
    this.datapath?.close();
    process.exit(0);
  }
}

new Worker();
