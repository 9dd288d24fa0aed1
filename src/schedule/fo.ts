/** Fail-over, all to the server of the highest weight: net/netfilter/ipvs/ip_vs_fo.c. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';

export function createFailOver(): Scheduler {
  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      let highest: RealServer | undefined;
      for (const server of servers) {
        if (!server.isAvailable) continue;
        if (highest === undefined || server.weight > highest.weight) highest = server;
      }
      return highest;
    },
  };
}
