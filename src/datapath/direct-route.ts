/** The rewrite of direct routing: both MAC addresses and the TTL, in place. Addresses and ports stay. */
import type { MacAddress } from '../wire/address.ts';
import { writeMacs } from '../wire/ethernet.ts';
import { IPV4_MIN_HEADER_BYTES, ipv4Word, lowerIpv4Ttl, writeIpv4Checksum } from '../wire/ipv4.ts';
import { fillIpv4Options } from '../wire/ipv4-options.ts';
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
  const { ipVersion, ipOffset, transportOffset } = packet;
  if (ipVersion === 4) {
    lowerIpv4Ttl(frame, ipOffset);
    if (transportOffset - ipOffset > IPV4_MIN_HEADER_BYTES)
      fillOptions(frame, ipOffset, transportOffset - ipOffset);
  } else lowerIpv6HopLimit(frame, ipOffset);
}

function fillOptions(frame: DataView, ipOffset: number, headerBytes: number): void {
  fillIpv4Options(frame, ipOffset, headerBytes, ipv4Word(frame, ipOffset, 4), Date.now());
  writeIpv4Checksum(frame, ipOffset, headerBytes);
}
