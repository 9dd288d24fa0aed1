/** What the hashing schedulers have in common. */
import type { Packet } from '../wire/packet.ts';

/** Buckets of dh and sh: CONFIG_IP_VS_SH_TAB_BITS and its like, as the kernel has them by default. */
export const BUCKET_BITS = 8;

/** The addresses of a packet as one word: IPv6 by XOR of its four; of IPv4 the other three are 0. */
export const foldedClient = ({ client0, client1, client2, client3 }: Packet): number =>
  client0 ^ client1 ^ client2 ^ client3;

export const foldedVirtual = ({ virtual0, virtual1, virtual2, virtual3 }: Packet): number =>
  virtual0 ^ virtual1 ^ virtual2 ^ virtual3;

/** The upper bits of the word times the golden ratio: linux/hash.h, hash_32(). */
export const goldenHash = (word: number, bits: number): number => Math.imul(word, 0x61c88647) >>> (32 - bits);
