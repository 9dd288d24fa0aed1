/**
 * Maglev hashing: net/netfilter/ipvs/ip_vs_mh.c. When servers come or go, few clients of the others move. Chosen
 * by the last weight that was not 0: a server that is quiesced keeps its slots, and takes its clients back later.
 */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, VirtualService } from '../service/virtual-service.ts';
import { parseIp } from '../wire/address.ts';
import type { Packet } from '../wire/packet.ts';
import { hasFallback, hashesPort } from './flags.ts';
import { greatestCommonDivisor } from './greatest-common-divisor.ts';
import { foldedClient } from './hash.ts';
import { sipHash13 } from './siphash.ts';

/** CONFIG_IP_VS_MH_TAB_INDEX of most distributions, and the prime it stands for. */
const TABLE_INDEX = 12;
export const SLOT_COUNT = 4093;
/** A server takes fewer than two to the power of this in each round. */
const TURN_BITS = TABLE_INDEX / 2;

const HOME_KEY = 2654435761;
const SKIP_KEY = 2654446892;

export function createMaglevHashing(flags: number): Scheduler {
  const fallsBack = hasFallback(flags);
  const withPort = hashesPort(flags);
  let slots: readonly RealServer[] = [];

  return {
    choose(_service: VirtualService, packet: Packet): RealServer | undefined {
      const home = homeSlot(packet, withPort);
      const server = slots[home];
      if (server === undefined || server.isAvailable) return server;
      return fallsBack ? nextAvailable(slots, packet, withPort, home) : undefined;
    },

    serversChanged(servers: readonly RealServer[]): void {
      slots = fillSlots(servers);
    },
  };
}

/** The one that the packet's client is in. */
export const homeSlot = (packet: Packet, withPort: boolean): number =>
  sipHash13(foldedClient(packet) + (withPort ? packet.clientPort : 0), HOME_KEY) % SLOT_COUNT;

/** Hashes on, starting from the number of the slot that is not available. */
function nextAvailable(
  slots: readonly RealServer[],
  packet: Packet,
  withPort: boolean,
  home: number,
): RealServer | undefined {
  const client = foldedClient(packet) + (withPort ? packet.clientPort : 0);
  for (let tried = 0; tried < SLOT_COUNT; tried++) {
    const again = client + ((home + tried) % SLOT_COUNT);
    const server = slots[sipHash13(again, HOME_KEY) % SLOT_COUNT]!;
    if (server.isAvailable) return server;
  }
  return undefined;
}

/** How a server takes slots: `turns` of them each round, those that are free of slot, slot + skip, slot + 2 skip … */
interface Permutation {
  readonly server: RealServer;
  slot: number;
  readonly skip: number;
  readonly turns: number;
}

export function fillSlots(servers: readonly RealServer[]): readonly RealServer[] {
  const permutations = permute(servers);
  if (permutations.length === 0) return [];
  const slots = new Array<RealServer | undefined>(SLOT_COUNT).fill(undefined);
  let free = SLOT_COUNT;
  for (;;) {
    for (const permutation of permutations) {
      for (let turn = 0; turn < permutation.turns; turn++) {
        slots[nextFree(permutation, slots)] = permutation.server;
        if (--free === 0) return slots as RealServer[];
      }
    }
  }
}

function nextFree(permutation: Permutation, slots: readonly (RealServer | undefined)[]): number {
  while (slots[permutation.slot] !== undefined) {
    permutation.slot = (permutation.slot + permutation.skip) % SLOT_COUNT;
  }
  return permutation.slot;
}

/** Of the servers that ever had a weight. */
function permute(servers: readonly RealServer[]): Permutation[] {
  const weighted = servers.filter(({ lastWeight }) => lastWeight > 0);
  const divisor = weighted.reduce((common, { lastWeight }) => greatestCommonDivisor(common, lastWeight), 0);
  const highest = weighted.reduce((most, { lastWeight }) => Math.max(most, lastWeight), 0) / divisor;
  const shift = Math.max(0, 32 - Math.clz32(highest) - TURN_BITS);
  return weighted.map((server) => {
    const endpoint = endpointWord(server);
    return {
      server,
      slot: sipHash13(endpoint, HOME_KEY) % SLOT_COUNT,
      skip: (sipHash13(endpoint, SKIP_KEY) % (SLOT_COUNT - 1)) + 1,
      turns: Math.max(1, (server.lastWeight / divisor) >> shift),
    };
  });
}

function endpointWord({ address: { address, port } }: RealServer): number {
  const [word0, word1, word2, word3] = parseIp(address)!.words;
  return (word0 ^ word1 ^ word2 ^ word3) + port;
}
