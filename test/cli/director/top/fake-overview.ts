/** What a daemon might answer to GET /v1/overview, and a daemon that answers it. */
import { createServer, type Server } from 'node:http';
import type {
  DrainRequest,
  OverviewReply,
  ServerOverview,
  ServiceOverview,
  VerdictOverview,
} from '../../../../src/control/protocol.ts';

export const traffic = (connections: number) => ({
  connections,
  inPackets: connections * 10,
  outPackets: 0,
  inBytes: connections * 1234,
  outBytes: 0,
});

export function service(number: number, changes: Partial<ServiceOverview> = {}): ServiceOverview {
  const address = `10.0.${number >> 8}.${number & 255}`;
  return {
    key: `tcp ${address}:80`,
    service: { protocol: 'tcp', address, port: 80 },
    scheduler: 'wlc',
    servers: 3,
    down: 0,
    drained: 0,
    activeConnections: number * 7,
    inactiveConnections: number * 3,
    counters: traffic(number * 100_000),
    rates: traffic(number),
    ...changes,
  };
}

export function server(number: number, changes: Partial<ServerOverview> = {}): ServerOverview {
  return {
    server: { address: `10.1.0.${number}`, port: 80 },
    activeConnections: number * 2,
    inactiveConnections: number,
    persistentConnections: 0,
    counters: traffic(number * 50_000),
    rates: traffic(number),
    state: 'up',
    drained: false,
    weight: 1,
    weightInForce: 1,
    cause: '',
    sinceSec: 75,
    last: { ok: true, cause: '', durationMs: 1.5, agoSec: 0 },
    ...changes,
  };
}

export const verdict = (name: string, frames: number, perSec = 0): VerdictOverview => ({
  verdict: name,
  frames,
  lastMinute: perSec * 60,
  perSec,
});

export function overview(changes: Partial<OverviewReply> = {}): OverviewReply {
  return {
    timeMs: 1_700_000_000_000,
    uptimeSec: 7384,
    interface: { name: 'eth0', up: true },
    datapath: { name: 'xdp', mode: 'native', state: 'running', restarts: 0 },
    connections: { live: 1234, capacity: 1_048_576 },
    rates: traffic(1234),
    verdicts: [
      verdict('Forward', 1_234_567, 12_340),
      verdict('DropNoNeighbor', 42, 2),
      verdict('PassArp', 6),
    ],
    drops: { frames: 42, lastMinute: 120, perSec: 2 },
    services: [service(1), service(2), service(3)],
    servers: [],
    warnings: [],
    ...changes,
  };
}

export interface FakeDaemon {
  readonly drains: readonly DrainRequest[];
  /** Null: it answers nothing more. */
  answer: OverviewReply | null;
  servers: ServerOverview[];
  close(): Promise<void>;
}

/** Serves `answer`, with `servers` for whoever asks for a service; a drain is done. */
export async function fakeDaemon(socketPath: string, answer: OverviewReply): Promise<FakeDaemon> {
  const drains: DrainRequest[] = [];
  const http: Server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://d');
    if (daemon.answer === null) return void request.socket.destroy();
    if (pathname === '/v1/overview') {
      const servers = searchParams.has('service') ? daemon.servers : [];
      return void response.end(JSON.stringify({ ...daemon.answer, servers }));
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    const drain = JSON.parse(body) as DrainRequest;
    drains.push(drain);
    daemon.servers = daemon.servers.map((each) =>
      each.server.address === drain.server.address
        ? { ...each, drained: drain.drained, weightInForce: drain.drained ? 0 : each.weight }
        : each,
    );
    response.end(JSON.stringify({ servers: [] }));
  });
  const daemon: FakeDaemon = {
    drains,
    answer,
    servers: [],
    close: () => {
      http.closeAllConnections();
      return new Promise((resolve) => http.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => http.listen(socketPath, resolve));
  return daemon;
}
