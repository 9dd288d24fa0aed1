/**
 * Locality-based least connection: net/netfilter/ipvs/ip_vs_lblc.c. All connections to a destination address go
 * to one server, as long as it is not busy while another is idle. Meant for proxies.
 */
import type { RealServer } from '../service/real-server.ts';
import type { DestinationMemory, Scheduler, VirtualService } from '../service/virtual-service.ts';
import type { Packet } from '../wire/packet.ts';
import { DestinationCache } from './destination-cache.ts';
import { isBusy } from './load.ts';
import { leastByWeight } from './wlc.ts';

export function createLocalityBasedLeastConnection(): Scheduler {
  const cache = new DestinationCache<RealServer>();

  return {
    /** The remembered server may be overloaded: the kernel asks for the thresholds only of a new one. */
    choose({ servers }: VirtualService, packet: Packet, now: number): RealServer | undefined {
      const remembered = cache.find(packet, now);
      if (remembered !== undefined) {
        const server = remembered.value;
        if (server.takesPart && server.weight > 0 && !isBusy(server, servers)) return server;
      }
      const server = leastByWeight(servers);
      if (server === undefined) return undefined;
      if (remembered === undefined) cache.insert(packet, server, now);
      else remembered.value = server;
      return server;
    },

    readMemory(packet: Packet): DestinationMemory | undefined {
      const entry = cache.peek(packet);
      return entry && { servers: [entry.value], lastUsed: entry.lastUsed, lastChanged: entry.lastUsed };
    },

    takeMemory(packet: Packet, { servers: [server], lastUsed }: DestinationMemory): void {
      if (server !== undefined) cache.insert(packet, server, lastUsed);
    },
  };
}
