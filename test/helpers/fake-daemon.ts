/**
 * What the daemon says to the page, without a daemon: the calls and events of docs/CONTROL-API.md over services that a
 * test makes, fails and drains. Serves the built page under the daemon's own policy.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type {
  ConnectionListing,
  DrainRequest,
  ErrorReply,
  HistoryEntry,
  OverviewReply,
  ServerOverview,
  ServiceOverview,
} from '../../src/control/protocol.ts';
import { serviceKey } from '../../src/service/configuration.ts';
import type { ServiceAddress, TrafficRates } from '../../src/service/model.ts';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** As src/control/web-app.ts has it. */
const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/** Changed by tests; what the daemon would say follows from it. */
export type FakeServer = { -readonly [Field in keyof ServerOverview]: ServerOverview[Field] };
export interface FakeService {
  readonly service: ServiceAddress;
  readonly scheduler: string;
  readonly servers: FakeServer[];
}

export interface FakeOptions {
  /** The built page. */
  readonly folder: string;
  readonly token: string;
  /** Between two overviews. */
  readonly intervalMs?: number;
}

export class FakeDaemon {
  services: FakeService[] = [];
  connections: ConnectionListing[] = [];
  warnings: string[] = [];
  /** Bodies of drains that were carried out. */
  readonly drains: DrainRequest[] = [];
  private history: HistoryEntry[] = [];
  private startMs = Date.now();
  private port = 0;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly streams = new Map<ServerResponse, string | null>();
  private ticking: ReturnType<typeof setInterval> | undefined;
  private readonly options: FakeOptions;

  constructor(options: FakeOptions) {
    this.options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** After stop(): on the same port, as a daemon that was started anew, whose history is empty. */
  async start(): Promise<void> {
    this.startMs = Date.now();
    this.history = [];
    this.server = createServer((request, response) => this.answer(request, response));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((done) => this.server!.listen(this.port, '127.0.0.1', done));
    this.port = (this.server.address() as AddressInfo).port;
    this.ticking = setInterval(() => this.tick(), this.options.intervalMs ?? 200);
  }

  async stop(): Promise<void> {
    clearInterval(this.ticking);
    this.streams.clear();
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((done) => this.server!.close(() => done()));
  }

  /** Something happens, and whoever listens is told. */
  happen(entry: Omit<HistoryEntry, 'sequence' | 'timeMs'>): void {
    const made = { sequence: this.history.length + 1, timeMs: Date.now(), ...entry };
    this.history.push(made);
    for (const response of this.streams.keys()) sendEntry(response, made);
  }

  setServerState(service: FakeService, server: FakeServer, state: 'up' | 'down', cause = ''): void {
    Object.assign(server, { state, cause, sinceSec: 0 });
    this.happen({
      kind: state === 'up' ? 'server-up' : 'server-down',
      service: serviceKey(service.service),
      server: server.server,
      message: `${server.server.address} is ${state}${cause === '' ? '' : `: ${cause}`}`,
    });
  }

  private find(key: string): FakeService | undefined {
    return this.services.find(({ service }) => serviceKey(service) === key);
  }

  private tick(): void {
    for (const [response, service] of this.streams) sendOverview(response, this.overview(service));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url);
    response.setHeader('content-security-policy', POLICY);
    if (url.pathname === '/v1/stream') this.stream(url, response);
    else if (url.pathname === '/v1/connections') sendJson(response, 200, this.connectionsReply(url));
    else if (url.pathname === '/v1/drains' && request.method === 'POST') void this.drain(request, response);
    else this.sendFile(url.pathname, response);
  }

  private stream(url: URL, response: ServerResponse): void {
    const service = url.searchParams.get('service');
    if (service !== null && this.find(service) === undefined) {
      const message = `there is no virtual service ${service}`;
      sendJson(response, 404, { error: { code: 'SERVICE_NOT_FOUND', message } } satisfies ErrorReply);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const after = Number(url.searchParams.get('after') ?? 0);
    for (const entry of this.history) if (entry.sequence > after) sendEntry(response, entry);
    sendOverview(response, this.overview(service));
    this.streams.set(response, service);
    response.on('close', () => this.streams.delete(response));
  }

  private connectionsReply(url: URL) {
    const number = (name: string, otherwise: number) => Number(url.searchParams.get(name) ?? otherwise);
    const cursor = number('cursor', 0);
    const last = cursor + number('limit', 10_000);
    const isMeant = (listing: ConnectionListing) =>
      (['client', 'virtual', 'server'] as const).every((field) => {
        const wanted = url.searchParams.get(field);
        const { address, port } = listing[field];
        return wanted === null || wanted === address || wanted === `${address}:${port}`;
      });
    const connections = this.connections.slice(cursor, last).filter(isMeant);
    return { connections, nextCursor: last < this.connections.length ? last : null };
  }

  private async drain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.headers.authorization !== `Bearer ${this.options.token}`) {
      const message = 'this is not the token';
      sendJson(response, 401, { error: { code: 'TOKEN_NEEDED', message } } satisfies ErrorReply);
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString()) as DrainRequest;
    this.drains.push(body);
    const service = this.find(serviceKey(body.service!))!;
    const server = service.servers.find((each) => each.server.address === body.server.address)!;
    server.drained = body.drained;
    server.weightInForce = body.drained ? 0 : server.weight;
    this.happen({
      kind: body.drained ? 'drained' : 'undrained',
      service: serviceKey(service.service),
      server: server.server,
      message: `${server.server.address} is ${body.drained ? 'drained' : 'taken back'}`,
    });
    sendJson(response, 200, { servers: [] });
  }

  private sendFile(path: string, response: ServerResponse): void {
    const name = path === '/' ? 'index.html' : normalize(path);
    try {
      const content = readFileSync(join(this.options.folder, name));
      response.writeHead(200, { 'content-type': MEDIA_TYPES[extname(name)] ?? 'application/octet-stream' });
      response.end(content);
    } catch {
      sendJson(response, 404, { error: { code: 'BAD_REQUEST', message: `there is no GET ${path}` } });
    }
  }

  private overview(chosen: string | null): OverviewReply {
    const services = this.services.map(serviceOverview);
    return {
      timeMs: Date.now(),
      uptimeSec: Math.floor((Date.now() - this.startMs) / 1000),
      interface: { name: 'eth0', up: true },
      datapath: { name: 'xdp', mode: 'native', state: 'running', restarts: 0 },
      connections: {
        live: services.reduce((sum, each) => sum + each.activeConnections + each.inactiveConnections, 0),
        capacity: 1_048_576,
      },
      rates: sumOf(services.map(({ rates }) => rates)),
      verdicts: [
        { verdict: 'Forward', frames: 48_210_377, lastMinute: 512_211, perSec: 8541.2 },
        { verdict: 'PassArp', frames: 9120, lastMinute: 61, perSec: 1 },
        { verdict: 'DropNoNeighbor', frames: 412, lastMinute: 12, perSec: 0.4 },
        { verdict: 'DropTruncated', frames: 3, lastMinute: 0, perSec: 0 },
      ],
      drops: { frames: 415, lastMinute: 12, perSec: 0.4 },
      services,
      servers: (chosen === null ? undefined : this.find(chosen))?.servers ?? [],
      warnings: this.warnings,
    };
  }
}

const NO_RATES: TrafficRates = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

function sumOf(rates: readonly TrafficRates[]): TrafficRates {
  const sum = (field: keyof TrafficRates) => rates.reduce((so, each) => so + each[field], 0);
  return {
    ...NO_RATES,
    connections: sum('connections'),
    inPackets: sum('inPackets'),
    inBytes: sum('inBytes'),
  };
}

function serviceOverview({ service, scheduler, servers }: FakeService): ServiceOverview {
  const total = (field: 'activeConnections' | 'inactiveConnections') =>
    servers.reduce((sum, each) => sum + each[field], 0);
  return {
    key: serviceKey(service),
    service,
    scheduler,
    servers: servers.length,
    down: servers.filter(({ state }) => state === 'down').length,
    drained: servers.filter(({ drained, weight }) => drained || weight === 0).length,
    activeConnections: total('activeConnections'),
    inactiveConnections: total('inactiveConnections'),
    counters: sumOf(servers.map(({ counters }) => counters)),
    rates: sumOf(servers.map(({ rates }) => rates)),
  };
}

/** A server that is up, with this many connections a second. */
export const fakeServer = (address: string, connectionsPerSec: number): FakeServer => ({
  server: { address, port: 80 },
  state: 'up',
  drained: false,
  weight: 100,
  weightInForce: 100,
  cause: '',
  sinceSec: 3725,
  last: { ok: true, cause: '', durationMs: 1.24, agoSec: 1 },
  activeConnections: Math.round(connectionsPerSec * 4),
  inactiveConnections: Math.round(connectionsPerSec * 9),
  persistentConnections: 0,
  counters: { ...NO_RATES, connections: 4_000_000, inPackets: 48_000_000, inBytes: 6_100_000_000 },
  rates: {
    ...NO_RATES,
    connections: connectionsPerSec,
    inPackets: connectionsPerSec * 11,
    inBytes: connectionsPerSec * 1430,
  },
});

const sendOverview = (response: ServerResponse, reply: OverviewReply): void => {
  response.write(`event: overview\ndata: ${JSON.stringify(reply)}\n\n`);
};

const sendEntry = (response: ServerResponse, entry: HistoryEntry): void => {
  response.write(`id: ${entry.sequence}\nevent: history\ndata: ${JSON.stringify(entry)}\n\n`);
};

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
