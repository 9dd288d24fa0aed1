/** Shortest expected delay: net/netfilter/ipvs/ip_vs_sed.c. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import { isMoreLoaded } from './load.ts';

export function createShortestExpectedDelay(): Scheduler {
  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      return leastDelay(servers);
    },
  };
}

/**
 * The available server that has the fewest active connections for its weight once it has the new one; the first
 * of several.
 */
export function leastDelay(servers: readonly RealServer[]): RealServer | undefined {
  let least: RealServer | undefined;
  for (const server of servers) {
    if (!server.isAvailable) continue;
    if (least === undefined || isMoreLoaded(delay(least), least.weight, delay(server), server.weight)) {
      least = server;
    }
  }
  return least;
}

const delay = ({ activeConnections }: RealServer): number => activeConnections + 1;
