/** IPv4. Offsets in bytes from the start of the IP header. RFC 791 §3.1. */
import { fold16, updatedChecksum } from './checksum.ts';

export const IPV4_MIN_HEADER_BYTES = 20;

const VERSION_IHL_OFFSET = 0;
const TOTAL_LENGTH_OFFSET = 2;
const IDENTIFICATION_OFFSET = 4;
const FLAGS_FRAGMENT_OFFSET = 6;
const TTL_OFFSET = 8;
const PROTOCOL_OFFSET = 9;
const CHECKSUM_OFFSET = 10;
const SOURCE_OFFSET = 12;
const DESTINATION_OFFSET = 16;

const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

export const IpProtocol = {
  HopByHop: 0,
  Icmp: 1,
  Tcp: 6,
  Udp: 17,
  Routing: 43,
  Fragment: 44,
  Authentication: 51,
  Icmpv6: 58,
  NoNext: 59,
  DestinationOptions: 60,
  Sctp: 132,
} as const;

export const ipv4Version = (frame: DataView, offset: number): number =>
  frame.getUint8(offset + VERSION_IHL_OFFSET) >>> 4;
export const ipv4HeaderBytes = (frame: DataView, offset: number): number =>
  (frame.getUint8(offset + VERSION_IHL_OFFSET) & 15) * 4;
export const ipv4TotalBytes = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + TOTAL_LENGTH_OFFSET);
export const ipv4Identification = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + IDENTIFICATION_OFFSET);
export const ipv4MoreFragments = (frame: DataView, offset: number): boolean =>
  (frame.getUint16(offset + FLAGS_FRAGMENT_OFFSET) & MORE_FRAGMENTS) !== 0;
/** Where this fragment's payload belongs in the datagram, in bytes. */
export const ipv4FragmentOffsetBytes = (frame: DataView, offset: number): number =>
  (frame.getUint16(offset + FLAGS_FRAGMENT_OFFSET) & FRAGMENT_OFFSET_MASK) * 8;
export const ipv4Ttl = (frame: DataView, offset: number): number => frame.getUint8(offset + TTL_OFFSET);
export const ipv4Protocol = (frame: DataView, offset: number): number =>
  frame.getUint8(offset + PROTOCOL_OFFSET);
/** Signed 32 bits. */
export const ipv4Source = (frame: DataView, offset: number): number => frame.getInt32(offset + SOURCE_OFFSET);
/** Signed 32 bits. */
export const ipv4Destination = (frame: DataView, offset: number): number =>
  frame.getInt32(offset + DESTINATION_OFFSET);

/** The caller has checked that headerBytes (a multiple of 4) are there. */
export function ipv4ChecksumIsValid(frame: DataView, offset: number, headerBytes: number): boolean {
  let sum = 0;
  for (let at = offset; at < offset + headerBytes; at += 4) {
    const word = frame.getInt32(at);
    sum += (word >>> 16) + (word & 0xffff);
  }
  return fold16(sum) === 0xffff;
}

/** Lowers the TTL by one and keeps the header checksum right. The TTL is at least 1. */
export function lowerIpv4Ttl(frame: DataView, offset: number): void {
  const ttlAndProtocol = frame.getUint16(offset + TTL_OFFSET);
  const lowered = ttlAndProtocol - 0x100;
  frame.setUint16(offset + TTL_OFFSET, lowered);
  const field = frame.getUint16(offset + CHECKSUM_OFFSET);
  frame.setUint16(offset + CHECKSUM_OFFSET, updatedChecksum(field, ttlAndProtocol, lowered));
}

/** Multicast (224/4) or limited broadcast. */
const isIpv4MultipleDestination = (word: number): boolean => word >>> 28 === 14 || word === -1;

/** Sources that Linux takes for martian (ip_route_input_slow()): "this network", loopback, multicast, broadcast. */
export const isInvalidIpv4Source = (word: number): boolean =>
  word >>> 24 === 0 || word >>> 24 === 127 || isIpv4MultipleDestination(word);

/** Addresses that ip_vs_new_dest() takes for one host's: all but 0.0.0.0, multicast and broadcast. */
export const isUnicastIpv4 = (word: number): boolean => word !== 0 && !isIpv4MultipleDestination(word);

/** Whether the options are ones that Linux delivers: well-formed and without source routes (ip_options.c). */
export function ipv4OptionsAreAcceptable(frame: DataView, offset: number, headerBytes: number): boolean {
  const END = 0;
  const NO_OPERATION = 1;
  const LOOSE_SOURCE_ROUTE = 0x83;
  const STRICT_SOURCE_ROUTE = 0x89;
  const end = offset + headerBytes;
  for (let at = offset + IPV4_MIN_HEADER_BYTES; at < end; ) {
    const type = frame.getUint8(at);
    if (type === END) return true;
    if (type === NO_OPERATION) {
      at++;
      continue;
    }
    if (type === LOOSE_SOURCE_ROUTE || type === STRICT_SOURCE_ROUTE || at + 1 >= end) return false;
    const lengthBytes = frame.getUint8(at + 1);
    if (lengthBytes < 2 || at + lengthBytes > end) return false;
    at += lengthBytes;
  }
  return true;
}

/** Class selector 6, as Linux gives its ICMP errors: RFC 1812 §4.3.2.5. */
const INTERNETWORK_CONTROL = 0xc0;

/** Writes the header of an ICMP error: 20 bytes, not a fragment, with its checksum. */
export function encodeIpv4(
  frame: DataView,
  offset: number,
  totalBytes: number,
  ttl: number,
  protocol: number,
  source: number,
  destination: number,
): void {
  frame.setUint16(offset, 0x4500 | INTERNETWORK_CONTROL);
  frame.setUint16(offset + TOTAL_LENGTH_OFFSET, totalBytes);
  frame.setUint32(offset + IDENTIFICATION_OFFSET, 0);
  frame.setUint8(offset + TTL_OFFSET, ttl);
  frame.setUint8(offset + PROTOCOL_OFFSET, protocol);
  frame.setInt32(offset + SOURCE_OFFSET, source);
  frame.setInt32(offset + DESTINATION_OFFSET, destination);
  writeIpv4Checksum(frame, offset, IPV4_MIN_HEADER_BYTES);
}

export function writeIpv4Checksum(frame: DataView, offset: number, headerBytes: number): void {
  frame.setUint16(offset + CHECKSUM_OFFSET, 0);
  let sum = 0;
  for (let at = offset; at < offset + headerBytes; at += 2) sum += frame.getUint16(at);
  frame.setUint16(offset + CHECKSUM_OFFSET, ~fold16(sum) & 0xffff);
}

/** For a datagram that is cut into several: see engine/segment.ts. */
export function writeIpv4LengthAndId(
  frame: DataView,
  offset: number,
  totalBytes: number,
  identification: number,
): void {
  frame.setUint16(offset + TOTAL_LENGTH_OFFSET, totalBytes);
  frame.setUint16(offset + IDENTIFICATION_OFFSET, identification);
}
