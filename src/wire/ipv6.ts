/** IPv6 and its extension headers. Offsets in bytes from the start of the header named. RFC 8200 §3, §4. */
import { IpProtocol } from './ipv4.ts';
import type { Packet } from './packet.ts';

export const IPV6_HEADER_BYTES = 40;
export const IPV6_FRAGMENT_HEADER_BYTES = 8;

const PAYLOAD_LENGTH_OFFSET = 4;
const NEXT_HEADER_OFFSET = 6;
const HOP_LIMIT_OFFSET = 7;
const SOURCE_OFFSET = 8;
const DESTINATION_OFFSET = 24;

const EXTENSION_LENGTH_OFFSET = 1;
const FRAGMENT_OFFSET_OFFSET = 2;
const FRAGMENT_ID_OFFSET = 4;

const Option = { Pad1: 0, PadN: 1, RouterAlert: 5 } as const;
const MAX_PAD_BYTES = 7;
/** Default of net.ipv6.max_hbh_opts_number. */
const MAX_OPTIONS = 8;

export const ipv6Version = (frame: DataView, offset: number): number => frame.getUint8(offset) >>> 4;
export const ipv6PayloadBytes = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + PAYLOAD_LENGTH_OFFSET);
export const ipv6NextHeader = (frame: DataView, offset: number): number =>
  frame.getUint8(offset + NEXT_HEADER_OFFSET);
export const ipv6HopLimit = (frame: DataView, offset: number): number =>
  frame.getUint8(offset + HOP_LIMIT_OFFSET);
/** Word 0 … 3 of the address, signed 32 bits. */
export const ipv6SourceWord = (frame: DataView, offset: number, index: number): number =>
  frame.getInt32(offset + SOURCE_OFFSET + 4 * index);
export const ipv6DestinationWord = (frame: DataView, offset: number, index: number): number =>
  frame.getInt32(offset + DESTINATION_OFFSET + 4 * index);

/** No checksum covers the hop limit. It is at least 1. */
export function lowerIpv6HopLimit(frame: DataView, offset: number): void {
  frame.setUint8(offset + HOP_LIMIT_OFFSET, frame.getUint8(offset + HOP_LIMIT_OFFSET) - 1);
}

export const isIpv6Extension = (nextHeader: number): boolean =>
  nextHeader === IpProtocol.HopByHop ||
  nextHeader === IpProtocol.Routing ||
  nextHeader === IpProtocol.Fragment ||
  nextHeader === IpProtocol.Authentication ||
  nextHeader === IpProtocol.DestinationOptions;

/** Every extension header begins with the type of the one after it. */
export const extensionNextHeader = (frame: DataView, offset: number): number => frame.getUint8(offset);

/** Length of the extension header at `offset`; the authentication header counts in words of 4 (RFC 4302 §2.2). */
export function extensionBytes(frame: DataView, offset: number, type: number): number {
  if (type === IpProtocol.Fragment) return IPV6_FRAGMENT_HEADER_BYTES;
  const units = frame.getUint8(offset + EXTENSION_LENGTH_OFFSET);
  return type === IpProtocol.Authentication ? (units + 2) * 4 : (units + 1) * 8;
}

/**
 * Whether Linux goes on with a packet whose first header is this hop-by-hop one: ip6_parse_tlv() in net/ipv6/exthdrs.c.
 * What it does not know it skips or refuses, as the first two bits of the option say. One that is cut is acceptable.
 */
export function hopByHopIsAcceptable(frame: DataView, offset: number, packetEnd: number): boolean {
  if (offset + IPV6_FRAGMENT_HEADER_BYTES > packetEnd) return true;
  const end = offset + extensionBytes(frame, offset, IpProtocol.HopByHop);
  if (end > packetEnd) return true;
  let padBytes = 0;
  let unpadded = 0;
  for (let at = offset + 2; at < end; ) {
    const type = frame.getUint8(at);
    if (type !== Option.Pad1 && at + 1 >= end) return false;
    const lengthBytes = type === Option.Pad1 ? 1 : frame.getUint8(at + 1) + 2;
    if (at + lengthBytes > end) return false;
    if (type === Option.Pad1 || type === Option.PadN) {
      padBytes += lengthBytes;
      if (padBytes > MAX_PAD_BYTES) return false;
      for (let zero = at + 2; zero < at + lengthBytes; zero++) if (frame.getUint8(zero) !== 0) return false;
    } else {
      padBytes = 0;
      if (++unpadded > MAX_OPTIONS || type >>> 6 !== 0) return false;
      if (type === Option.RouterAlert && lengthBytes !== 4) return false;
    }
    at += lengthBytes;
  }
  return true;
}

export const ipv6FragmentOffsetBytes = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + FRAGMENT_OFFSET_OFFSET) & 0xfff8;
export const ipv6MoreFragments = (frame: DataView, offset: number): boolean =>
  (frame.getUint16(offset + FRAGMENT_OFFSET_OFFSET) & 1) !== 0;
/** Signed 32 bits. */
export const ipv6Identification = (frame: DataView, offset: number): number =>
  frame.getInt32(offset + FRAGMENT_ID_OFFSET);

/** Sources that ip6_rcv_core() of Linux refuses: multicast and loopback, but not the unspecified address. */
export const isInvalidIpv6Source = (word0: number, word1: number, word2: number, word3: number): boolean =>
  word0 >>> 24 === 0xff || (word0 === 0 && word1 === 0 && word2 === 0 && word3 === 1);

/** Unicast and not link-local, which would need an interface: RFC 4291 §2.5. */
export function isRoutableUnicastIpv6(words: readonly number[]): boolean {
  const first = words[0] ?? 0;
  return first >>> 24 !== 0xff && first >>> 22 !== 0x3fa && words.some((word) => word !== 0);
}

export type Ipv6Ends = Pick<
  Packet,
  'client0' | 'client1' | 'client2' | 'client3' | 'virtual0' | 'virtual1' | 'virtual2' | 'virtual3'
>;

/** Writes a header from the virtual address to the client of `ends`. */
export function encodeIpv6(
  frame: DataView,
  offset: number,
  payloadBytes: number,
  nextHeader: number,
  hopLimit: number,
  ends: Ipv6Ends,
): void {
  frame.setUint32(offset, 0x60000000);
  writeIpv6PayloadBytes(frame, offset, payloadBytes);
  frame.setUint8(offset + NEXT_HEADER_OFFSET, nextHeader);
  frame.setUint8(offset + HOP_LIMIT_OFFSET, hopLimit);
  frame.setInt32(offset + SOURCE_OFFSET, ends.virtual0);
  frame.setInt32(offset + SOURCE_OFFSET + 4, ends.virtual1);
  frame.setInt32(offset + SOURCE_OFFSET + 8, ends.virtual2);
  frame.setInt32(offset + SOURCE_OFFSET + 12, ends.virtual3);
  frame.setInt32(offset + DESTINATION_OFFSET, ends.client0);
  frame.setInt32(offset + DESTINATION_OFFSET + 4, ends.client1);
  frame.setInt32(offset + DESTINATION_OFFSET + 8, ends.client2);
  frame.setInt32(offset + DESTINATION_OFFSET + 12, ends.client3);
}

export function writeIpv6PayloadBytes(frame: DataView, offset: number, payloadBytes: number): void {
  frame.setUint16(offset + PAYLOAD_LENGTH_OFFSET, payloadBytes);
}
