/** Round robin: net/netfilter/ipvs/ip_vs_rr.c. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, ServerChange, VirtualService } from '../service/virtual-service.ts';

export function createRoundRobin(): Scheduler {
  /** Index of the last pick; -1: before the first. */
  let last = -1;

  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      for (let tried = 0; tried < servers.length; tried++) {
        const index = (last + 1 + tried) % servers.length;
        const server = servers[index]!;
        if (!server.isAvailable) continue;
        last = index;
        return server;
      }
      return undefined;
    },

    serversChanged(_servers: readonly RealServer[], change: ServerChange): void {
      last = lastAfter(last, change);
    },

    readPlace: () => [last],

    takePlace(place: readonly number[]): void {
      [last = -1] = place;
    },
  };
}

/** The place is that of a server, not a number: it moves with it, and to the one before when it goes. */
export function lastAfter(last: number, change: ServerChange): number {
  if (change.kind === 'added' && last >= 0) return last + 1;
  return change.kind === 'removed' && change.index <= last ? last - 1 : last;
}
