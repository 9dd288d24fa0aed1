/**
 * What was counted of services, as it travels from the datapath process: rows of numbers, since objects with names would
 * be three megabytes for 10,000 servers, and several ask for them each second.
 */
import type { ServerCounters, ServiceCounters, TrafficCounters } from '../service/model.ts';

export type PackedServices = Readonly<Record<string, PackedService>>;

interface PackedService {
  /** Traffic, then rates. */
  readonly own: readonly number[];
  /** Active, inactive and persistent connections, traffic, rates. */
  readonly servers: Readonly<Record<string, readonly number[]>>;
}

/** The order within a row. */
const TRAFFIC = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;

export const packServices = (services: Readonly<Record<string, ServiceCounters>>): PackedServices =>
  mapValues(services, ({ traffic, rates, servers }) => ({
    own: [...packTraffic(traffic), ...packTraffic(rates)],
    servers: mapValues(servers, packServer),
  }));

export const unpackServices = (services: PackedServices): Record<string, ServiceCounters> =>
  mapValues(services, ({ own, servers }) => ({
    traffic: unpackTraffic(own, 0),
    rates: unpackTraffic(own, TRAFFIC.length),
    servers: mapValues(servers, unpackServer),
  }));

const packServer = (counters: ServerCounters): number[] => [
  counters.activeConnections,
  counters.inactiveConnections,
  counters.persistentConnections,
  ...packTraffic(counters.traffic),
  ...packTraffic(counters.rates),
];

const unpackServer = (row: readonly number[]): ServerCounters => ({
  activeConnections: row[0]!,
  inactiveConnections: row[1]!,
  persistentConnections: row[2]!,
  traffic: unpackTraffic(row, 3),
  rates: unpackTraffic(row, 3 + TRAFFIC.length),
});

const packTraffic = (traffic: TrafficCounters): number[] => TRAFFIC.map((name) => traffic[name]);

const unpackTraffic = (row: readonly number[], at: number): TrafficCounters => ({
  connections: row[at]!,
  inPackets: row[at + 1]!,
  outPackets: row[at + 2]!,
  inBytes: row[at + 3]!,
  outBytes: row[at + 4]!,
});

function mapValues<A, B>(of: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  const changed: Record<string, B> = {};
  for (const key of Object.keys(of)) changed[key] = change(of[key]!);
  return changed;
}
