/**
 * Overflow, all to the server of the highest weight until it is full: net/netfilter/ipvs/ip_vs_ovf.c. Full is
 * more active connections than weight, so that a server gets one above its weight.
 */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';

export function createOverflow(): Scheduler {
  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      let highest: RealServer | undefined;
      for (const server of servers) {
        if (!server.isAvailable || server.activeConnections > server.weight) continue;
        if (highest === undefined || server.weight > highest.weight) highest = server;
      }
      return highest;
    },
  };
}
