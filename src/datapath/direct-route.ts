/** The rewrite of direct routing: both MAC addresses and the TTL, in place. Addresses and ports stay. */
import type { MacAddress } from '../wire/address.ts';
import { writeMacs } from '../wire/ethernet.ts';
import { lowerIpv4Ttl } from '../wire/ipv4.ts';
import { lowerIpv6HopLimit } from '../wire/ipv6.ts';
import type { Packet } from '../wire/packet.ts';

/** The packet's TTL is above 1. */
export function rewriteDirectRoute(
  frame: DataView,
  packet: Packet,
  own: MacAddress,
  server: MacAddress,
): void {
  writeMacs(frame, 0, server, own);
  if (packet.ipVersion === 4) lowerIpv4Ttl(frame, packet.ipOffset);
  else lowerIpv6HopLimit(frame, packet.ipOffset);
}
