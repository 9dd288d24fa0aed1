/** What the hashing schedulers have in common. */
import type { Packet } from '../wire/packet.ts';

/** Buckets of dh and sh: CONFIG_IP_VS_SH_TAB_BITS and its like, as the kernel has them by default. */
export const BUCKET_BITS = 8;

/** The addresses of a packet as one word: IPv6 by XOR of its four; of IPv4 the other three are 0. */
export const foldedClient = ({ client0, client1, client2, client3 }: Packet): number =>
  client0 ^ client1 ^ client2 ^ client3;

/**
 * The destination: of an ICMP error, that of the packet inside as it stands there, which is the client (recorded;
 * sh and mh turn the packet round, the others do not).
 */
export const foldedDestination = (packet: Packet): number =>
  packet.isIcmpError
    ? foldedClient(packet)
    : packet.virtual0 ^ packet.virtual1 ^ packet.virtual2 ^ packet.virtual3;

/** The upper bits of the word times the golden ratio: linux/hash.h, hash_32(). */
export const goldenHash = (word: number, bits: number): number => Math.imul(word, 0x61c88647) >>> (32 - bits);
