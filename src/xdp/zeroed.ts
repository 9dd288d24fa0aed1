/**
 * What the counters do not show of what the program counted: it counts on when they are zeroed, and forgets what servers
 * counted that are no more. Kept beside the maps of the program, for who takes over.
 */
import type { TrafficCounters } from '../service/model.ts';
import type { RealServer } from '../service/real-server.ts';
import type { ServerRegistry } from '../service/server-registry.ts';
import type { ServiceTable } from '../service/service-table.ts';
import type { Traffic } from '../service/traffic.ts';
import { ZEROED } from './layout.ts';
import type { Memory } from './memory.ts';
import type { Program } from './program.ts';
import type { Publisher } from './publisher.ts';
import { isRecordInUse } from './server-record.ts';
import { COUNTERS, type Counts, type TrafficReader } from './traffic-reader.ts';

export class ZeroedCounts {
  private readonly program: Program;
  private readonly traffic: TrafficReader;
  private readonly publisher: Publisher;
  private readonly registry: ServerRegistry;

  constructor(program: Program, traffic: TrafficReader, publisher: Publisher, registry: ServerRegistry) {
    this.program = program;
    this.traffic = traffic;
    this.publisher = publisher;
    this.registry = registry;
  }

  /** After whatever changes counters otherwise than by counting. */
  save(table: ServiceTable): void {
    const { serversZeroed, servicesZeroed } = this.program;
    const counted = this.countedFor(table);
    for (const server of this.recorded()) {
      // When it is listed again, it is by another service of that name, and begins anew.
      const isOfAnother = !server.isListed && serviceOf(server, table) !== server.serviceTraffic;
      const seen = this.traffic.seenOf(server.id);
      write(serversZeroed, server.id, (name) => seen[name] - (isOfAnother ? 0 : server.traffic[name]));
    }
    for (const [traffic, { element, counts }] of counted)
      write(servicesZeroed, element, (name) => counts[name] - traffic[name]);
  }

  /** After all that was counted has been taken over. */
  subtract(table: ServiceTable): void {
    const { serversZeroed, servicesZeroed } = this.program;
    for (const server of this.recorded())
      server.traffic.restore(rest(server.traffic, serversZeroed, server.id));
    for (const [traffic, { element }] of this.countedFor(table))
      traffic.restore(rest(traffic, servicesZeroed, element));
  }

  private *recorded(): Generator<RealServer> {
    for (const server of this.registry) if (isRecordInUse(this.program.servers, server.id)) yield server;
  }

  /** What the program counted of each service: by its servers, those that were removed, too, and by itself. */
  private countedFor(
    table: ServiceTable,
  ): Map<Traffic, { readonly element: number; readonly counts: Counts }> {
    const counted = new Map<Traffic, { readonly element: number; readonly counts: Counts }>();
    for (const { traffic, address } of table.services) {
      const published = this.publisher.countedBy(address);
      if (published === undefined) continue;
      const { element, strays } = published;
      const counts: Counts = { connections: strays, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
      counted.set(traffic, { element, counts });
    }
    for (const server of this.recorded()) {
      const traffic = server.isListed ? server.serviceTraffic : serviceOf(server, table);
      const counts = traffic && counted.get(traffic)?.counts;
      if (counts === undefined) continue;
      const seen = this.traffic.seenOf(server.id);
      for (const name of COUNTERS) counts[name] += seen[name];
      counts.connections -= seen.foreign;
    }
    return counted;
  }
}

const serviceOf = ({ service }: RealServer, table: ServiceTable): Traffic | undefined =>
  table.get(service)?.traffic;

function write(memory: Memory, element: number, hidden: (name: keyof Counts) => number): void {
  for (const name of COUNTERS) {
    const value = hidden(name);
    if (memory.getSigned(element, ZEROED.at[name]) !== value)
      memory.set64(element, ZEROED.at[name], BigInt(value));
  }
}

/** Never below nothing, although the process before may have died between two stores. */
function rest(counters: TrafficCounters, memory: Memory, element: number): Counts {
  const left = (name: keyof Counts) =>
    Math.max(0, counters[name] - memory.getSigned(element, ZEROED.at[name]));
  return {
    connections: left('connections'),
    inPackets: left('inPackets'),
    outPackets: left('outPackets'),
    inBytes: left('inBytes'),
    outBytes: left('outBytes'),
  };
}
