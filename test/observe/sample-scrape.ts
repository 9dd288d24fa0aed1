/** A scrape of a director that has everything: for tests of the metrics. */
import type {
  ServerHealthListing,
  ServerListing,
  ServiceHealthListing,
  ServiceListing,
  StatusReply,
} from '../../src/control/protocol.ts';
import type { Scrape } from '../../src/observe/scrape.ts';
import { endpoint, SERVER_OPTIONS, SERVICE_OPTIONS, serviceAddress } from '../helpers/edits.ts';

export const STATUS: StatusReply = {
  version: '0.1.0',
  pid: 1,
  uptimeSec: 5,
  interface: {
    name: 'eth0',
    up: true,
    mac: '02:00:00:00:00:01',
    mtu: 1500,
    offloads: { off: ['rx-vlan-offload'], stuck: [] },
  },
  datapath: { name: 'xdp', mode: 'native', state: 'running', pid: 2, restarts: 3, workers: [], notes: [] },
  connections: { live: 10, capacity: 1000 },
  madeRoom: { halfOpen: 4 },
  connectionTableBytes: 72_000,
  verdicts: { Forward: 100, DropTtl: 7, DropRingFull: 5 },
  neighbors: [
    {
      server: '10.0.0.11',
      kind: 'neighbor',
      mac: '02:00:00:00:00:0b',
      state: 'REACHABLE',
      interface: null,
      confirmedAgoSec: 0,
    },
    {
      server: '10.0.0.12',
      kind: 'neighbor',
      mac: null,
      state: 'FAILED',
      interface: null,
      confirmedAgoSec: 9,
    },
    {
      server: '127.0.0.1',
      kind: 'local',
      mac: null,
      state: 'this host',
      interface: null,
      confirmedAgoSec: null,
    },
    {
      server: '10.9.0.1',
      kind: 'unreachable',
      mac: null,
      state: 'no route',
      interface: null,
      confirmedAgoSec: null,
    },
  ],
  warnings: ['something'],
};

const traffic = (of: number) => ({
  connections: of,
  inPackets: 10 * of,
  outPackets: 0,
  inBytes: 1000 * of,
  outBytes: 0,
});

export const serverListing = (
  server: string,
  options: Partial<ServerListing['options']> = {},
): ServerListing => ({
  server: endpoint(server),
  options: { ...SERVER_OPTIONS, ...options },
  activeConnections: 2,
  inactiveConnections: 3,
  persistentConnections: 0,
  counters: traffic(5),
  rates: traffic(1),
});

export const serverHealth = (
  server: string,
  options: Partial<ServerHealthListing> = {},
): ServerHealthListing => ({
  server: endpoint(server),
  state: 'up',
  drained: false,
  weight: 1,
  weightInForce: 1,
  cause: '',
  sinceSec: 60,
  last: { ok: true, cause: '', durationMs: 1.5, agoSec: 0 },
  missed: 2,
  ...options,
});

export function serviceOf(
  name: string,
  servers: readonly ServerListing[],
  health: readonly ServerHealthListing[],
): { listing: ServiceListing; health: ServiceHealthListing } {
  const service = serviceAddress(name);
  return {
    listing: { service, options: SERVICE_OPTIONS, counters: traffic(9), rates: traffic(2), servers },
    health: { service, check: 'tcp, every 1 s', servers: health },
  };
}

/** One server that is up, one that is down and has never been checked; an IPv6 one; a mark without servers. */
export const SERVICES = [
  serviceOf(
    'tcp 10.0.0.100:80',
    [
      serverListing('10.0.0.12:80', { failed: true }),
      serverListing('10.0.0.11:80', { weight: 4, weightInForce: 2 }),
    ],
    [
      serverHealth('10.0.0.12:80', { state: 'down', cause: 'no answer within 1 s', last: null }),
      serverHealth('10.0.0.11:80', { weight: 4, weightInForce: 2 }),
    ],
  ),
  serviceOf('udp [fd00::100]:53', [serverListing('[fd00::b]:53')], [serverHealth('[fd00::b]:53')]),
  serviceOf('fwmark 8', [], []),
];

export const scrapeOf = (services = SERVICES, options: Partial<Scrape> = {}): Scrape => ({
  status: STATUS,
  services: services.map(({ listing }) => listing),
  health: { services: services.map(({ health }) => health) },
  reload: { isSuccess: true, succeededMs: 1_700_000_000_500 },
  maxServers: 2000,
  ...options,
});

/** A thousand services with so many servers each. */
export const manyServices = (services: number, serversEach: number) =>
  Array.from({ length: services }, (_, index) => {
    const names = Array.from(
      { length: serversEach },
      (_, server) => `10.1.${server}.${index % 250}:${1000 + index}`,
    );
    return serviceOf(
      `tcp 10.0.0.100:${1000 + index}`,
      names.map((name) => serverListing(name)),
      names.map((name) => serverHealth(name)),
    );
  });
