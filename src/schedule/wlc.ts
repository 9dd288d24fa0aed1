/** Weighted least connections, ipvsadm's default: net/netfilter/ipvs/ip_vs_wlc.c. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import { isMoreLoaded, overhead } from './load.ts';

export function createWeightedLeastConnection(): Scheduler {
  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      return leastByWeight(servers);
    },
  };
}

/** The available server with the least overhead for its weight; the first of several. */
export function leastByWeight(servers: readonly RealServer[]): RealServer | undefined {
  let least: RealServer | undefined;
  for (const server of servers) {
    if (!server.isAvailable) continue;
    if (least === undefined || isMoreLoaded(overhead(least), least.weight, overhead(server), server.weight)) {
      least = server;
    }
  }
  return least;
}
