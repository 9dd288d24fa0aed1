/** The pseudo-header that the checksums of TCP, UDP and ICMPv6 cover: RFC 9293 §3.1, RFC 8200 §8.1. */
import { pseudoHeaderSum } from './checksum.ts';
import type { Ipv6Ends } from './ipv6.ts';

/** Its sum, not folded, for a message of this protocol and length between the packet's two ends, in either direction. */
export const pseudoHeaderSumOf = (packet: Ipv6Ends, protocol: number, lengthBytes: number): number =>
  pseudoHeaderSum(packet.client0, packet.virtual0, protocol, lengthBytes) +
  pseudoHeaderSum(packet.client1, packet.virtual1, 0, 0) +
  pseudoHeaderSum(packet.client2, packet.virtual2, 0, 0) +
  pseudoHeaderSum(packet.client3, packet.virtual3, 0, 0);
