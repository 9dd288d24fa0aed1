/**
 * Locality-based least connection with replication: net/netfilter/ipvs/ip_vs_lblcr.c. A destination address has a
 * set of servers, which grows when all of them are busy while another is idle, and shrinks in time.
 */
import type { RealServer } from '../service/real-server.ts';
import type { DestinationMemory, Scheduler, VirtualService } from '../service/virtual-service.ts';
import type { Packet } from '../wire/packet.ts';
import { DestinationCache, EXPIRATION } from './destination-cache.ts';
import { isBusy, isMoreLoaded, overhead } from './load.ts';
import { leastByWeight } from './wlc.ts';

interface ServerSet {
  /** The one added last comes first. */
  readonly servers: RealServer[];
  /** Ticks. */
  lastChanged: number;
}

export function createReplicatedLocalityBasedLeastConnection(): Scheduler {
  const cache = new DestinationCache<ServerSet>();

  return {
    choose({ servers }: VirtualService, packet: Packet, now: number): RealServer | undefined {
      const set = cache.find(packet, now)?.value;
      if (set !== undefined) {
        const member = leastLoadedMember(set.servers);
        if (set.servers.length > 1 && ((now - set.lastChanged) | 0) > EXPIRATION) {
          removeMostLoaded(set, now);
        }
        if (member !== undefined && !isBusy(member, servers)) return member;
      }
      const server = leastByWeight(servers);
      if (server === undefined) return undefined;
      if (set === undefined) cache.insert(packet, { servers: [server], lastChanged: now }, now);
      else add(set, server, now);
      return server;
    },

    readMemory(packet: Packet): DestinationMemory | undefined {
      const entry = cache.peek(packet);
      if (entry === undefined) return undefined;
      const { servers, lastChanged } = entry.value;
      return { servers: [...servers], lastUsed: entry.lastUsed, lastChanged };
    },

    takeMemory(packet: Packet, { servers, lastUsed, lastChanged }: DestinationMemory): void {
      cache.insert(packet, { servers: [...servers], lastChanged }, lastUsed);
    },
  };
}

/** Like leastByWeight(); a set may have servers that were deleted, or have failed, meanwhile. */
function leastLoadedMember(members: readonly RealServer[]): RealServer | undefined {
  let least: RealServer | undefined;
  for (const server of members) {
    if (!server.takesPart || !server.isAvailable) continue;
    if (least === undefined || isMoreLoaded(overhead(least), least.weight, overhead(server), server.weight)) {
      least = server;
    }
  }
  return least;
}

function add(set: ServerSet, server: RealServer, now: number): void {
  if (set.servers.includes(server)) return;
  set.servers.unshift(server);
  set.lastChanged = now;
}

/** Of those with a weight, be they deleted or overloaded. */
function removeMostLoaded(set: ServerSet, now: number): void {
  let most: RealServer | undefined;
  for (const server of set.servers) {
    if (server.weight === 0) continue;
    if (most === undefined || isMoreLoaded(overhead(server), server.weight, overhead(most), most.weight)) {
      most = server;
    }
  }
  if (most === undefined) return;
  set.servers.splice(set.servers.indexOf(most), 1);
  set.lastChanged = now;
}
