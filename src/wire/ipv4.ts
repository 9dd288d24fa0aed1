/** IPv4. Offsets in bytes from the start of the IP header. RFC 791 §3.1. */
import { fold16, updatedChecksum } from './checksum.ts';

export const IPV4_MIN_HEADER_BYTES = 20;

const TOTAL_LENGTH_OFFSET = 2;
const IDENTIFICATION_OFFSET = 4;
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

/**
 * The header as 32-bit words, signed: word 3 is the source, word 4 the destination. decode() reads each word once
 * and takes the fields out of it: a dozen reads fewer a frame.
 */
export const ipv4Word = (frame: DataView, offset: number, index: number): number =>
  frame.getInt32(offset + 4 * index);

export const ipv4VersionOf = (word0: number): number => word0 >>> 28;
export const ipv4HeaderBytesOf = (word0: number): number => (word0 >>> 22) & 0x3c;
export const ipv4TotalBytesOf = (word0: number): number => word0 & 0xffff;
export const ipv4IdentificationOf = (word1: number): number => word1 >>> 16;
export const ipv4MoreFragmentsOf = (word1: number): boolean => (word1 & MORE_FRAGMENTS) !== 0;
/** Where this fragment's payload belongs in the datagram, in bytes. */
export const ipv4FragmentOffsetBytesOf = (word1: number): number => (word1 & FRAGMENT_OFFSET_MASK) * 8;
export const ipv4TtlOf = (word2: number): number => word2 >>> 24;
export const ipv4ProtocolOf = (word2: number): number => (word2 >>> 16) & 0xff;

/** The checksum of a header without options, given as its five words. */
export const ipv4WordsAreIntact = (
  word0: number,
  word1: number,
  word2: number,
  word3: number,
  word4: number,
): boolean =>
  fold16(
    (word0 >>> 16) +
      (word0 & 0xffff) +
      (word1 >>> 16) +
      (word1 & 0xffff) +
      (word2 >>> 16) +
      (word2 & 0xffff) +
      (word3 >>> 16) +
      (word3 & 0xffff) +
      (word4 >>> 16) +
      (word4 & 0xffff),
  ) === 0xffff;

/** The caller has checked that headerBytes (a multiple of 4) are there. */
export function ipv4ChecksumIsValid(frame: DataView, offset: number, headerBytes: number): boolean {
  let sum = 0;
  for (let at = offset; at < offset + headerBytes; at += 4) {
    const word = frame.getInt32(at);
    sum += (word >>> 16) + (word & 0xffff);
  }
  return fold16(sum) === 0xffff;
}

/** Lowers the TTL by one, in one read and one write of the word that holds it and the checksum. It is at least 1. */
export function lowerIpv4Ttl(frame: DataView, offset: number): void {
  const word = frame.getInt32(offset + TTL_OFFSET);
  const ttlAndProtocol = word >>> 16;
  const lowered = ttlAndProtocol - 0x100;
  frame.setInt32(
    offset + TTL_OFFSET,
    (lowered << 16) | updatedChecksum(word & 0xffff, ttlAndProtocol, lowered),
  );
}

/** Multicast (224/4) or limited broadcast. */
const isIpv4MultipleDestination = (word: number): boolean => word >>> 28 === 14 || word === -1;

/** Sources that Linux takes for martian (ip_route_input_slow()): 0.0.0.0, loopback, multicast, broadcast. */
export const isInvalidIpv4Source = (word: number): boolean =>
  word === 0 || word >>> 24 === 127 || isIpv4MultipleDestination(word);

/** Addresses that ip_vs_new_dest() takes for one host's: all but 0.0.0.0, multicast and broadcast. */
export const isUnicastIpv4 = (word: number): boolean => word !== 0 && !isIpv4MultipleDestination(word);

/** Class selector 6, as Linux gives its ICMP errors: RFC 1812 §4.3.2.5. */
const INTERNETWORK_CONTROL = 0xc0;

/** Writes the header of an answer of our own: 20 bytes, not a fragment, with its checksum. */
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
