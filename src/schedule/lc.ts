/** Least connections: net/netfilter/ipvs/ip_vs_lc.c. The weight matters only where it is 0. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import { overhead } from './load.ts';

export function createLeastConnection(): Scheduler {
  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      let least: RealServer | undefined;
      let leastOverhead = 0;
      for (const server of servers) {
        if (!server.isAvailable) continue;
        const serverOverhead = overhead(server);
        if (least !== undefined && serverOverhead >= leastOverhead) continue;
        least = server;
        leastOverhead = serverOverhead;
      }
      return least;
    },
  };
}
