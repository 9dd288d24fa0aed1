/** Destination hashing: net/netfilter/ipvs/ip_vs_dh.c. A virtual address has one server; weights do not matter. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import type { Packet } from '../wire/packet.ts';
import { BUCKET_BITS, foldedDestination, goldenHash } from './hash.ts';

export function createDestinationHashing(): Scheduler {
  return {
    /** The kernel's buckets hold the servers in turn, from the first on, so that they need not be kept. */
    choose({ servers }: VirtualService, packet: Packet): RealServer | undefined {
      const server = servers[destinationBucket(packet) % servers.length];
      return server?.isAvailable ? server : undefined;
    },
  };
}

export const destinationBucket = (packet: Packet): number =>
  goldenHash(foldedDestination(packet), BUCKET_BITS);
