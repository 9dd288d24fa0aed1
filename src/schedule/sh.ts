/** Source hashing: net/netfilter/ipvs/ip_vs_sh.c. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import type { Packet } from '../wire/packet.ts';
import { hasFallback, hashesPort } from './flags.ts';
import { BUCKET_BITS, foldedClient, goldenHash } from './hash.ts';

export const BUCKET_COUNT = 2 ** BUCKET_BITS;

export function createSourceHashing(flags: number): Scheduler {
  const fallsBack = hasFallback(flags);
  const withPort = hashesPort(flags);
  let buckets: readonly RealServer[] = [];

  return {
    choose(_service: VirtualService, packet: Packet): RealServer | undefined {
      const home = homeBucket(packet, withPort);
      const server = buckets[home];
      if (server === undefined || server.isAvailable) return server;
      return fallsBack ? nextAvailable(buckets, home) : undefined;
    },

    serversChanged(servers: readonly RealServer[]): void {
      buckets = fillBuckets(servers);
    },
  };
}

/** The one that the packet's client is in. */
export const homeBucket = (packet: Packet, withPort: boolean): number =>
  goldenHash(foldedClient(packet) + (withPort ? packet.clientPort : 0), BUCKET_BITS);

/** Each server in turn takes as many buckets as its weight, at least one, until all are taken. */
export function fillBuckets(servers: readonly RealServer[]): readonly RealServer[] {
  const buckets: RealServer[] = [];
  while (servers.length > 0 && buckets.length < BUCKET_COUNT) {
    for (const server of servers) {
      const end = Math.min(buckets.length + Math.max(server.weight, 1), BUCKET_COUNT);
      while (buckets.length < end) buckets.push(server);
    }
  }
  return buckets;
}

/** The kernel counts `home` twice, as the place to start from and in the hash; once round, it is everywhere. */
function nextAvailable(buckets: readonly RealServer[], home: number): RealServer | undefined {
  for (let tried = 0; tried < BUCKET_COUNT; tried++) {
    const server = buckets[(home + home + tried) % BUCKET_COUNT]!;
    if (server.isAvailable) return server;
  }
  return undefined;
}
