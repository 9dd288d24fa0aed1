/** Never queue, an idle server first: net/netfilter/ipvs/ip_vs_nq.c. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import { leastDelay } from './sed.ts';

export function createNeverQueue(): Scheduler {
  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      for (const server of servers) {
        if (server.isAvailable && server.activeConnections === 0) return server;
      }
      return leastDelay(servers);
    },
  };
}
