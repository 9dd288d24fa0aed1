/** The rewrite of direct routing: both MAC addresses and the TTL, in place. Addresses and ports stay. */
import type { OwnMac } from '../wire/decode.ts';
import { writeDestinationMac, writeSourceMac } from '../wire/ethernet.ts';
import { lowerIpv4Ttl } from '../wire/ipv4.ts';
import { lowerIpv6HopLimit } from '../wire/ipv6.ts';
import type { Packet } from '../wire/packet.ts';

/** The packet's TTL is above 1. */
export function rewriteDirectRoute(
  frame: DataView,
  packet: Packet,
  own: OwnMac,
  server: { readonly macHigh: number; readonly macLow: number },
): void {
  writeDestinationMac(frame, 0, server.macHigh, server.macLow);
  writeSourceMac(frame, 0, own.high, own.low);
  if (packet.ipVersion === 4) lowerIpv4Ttl(frame, packet.ipOffset);
  else lowerIpv6HopLimit(frame, packet.ipOffset);
}
