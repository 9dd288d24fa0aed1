/**
 * Frame -> Packet: the first stage of the path. Checks what Linux checks before IPVS sees a packet (eth_type_trans,
 * ip_rcv_core, ipv6_rcv, ip_rcv_options), in that order, and reads what the later stages need. Never throws: a
 * frame that is cut or lies about its lengths gets a result that says so. Later stages may read any byte up
 * to packet.ipEnd.
 */
import type { MacAddress } from './address.ts';
import { ARP_IPV4_BYTES, arpSenderIp, arpSenderMacHigh, arpSenderMacLow, isIpv4Arp } from './arp.ts';
import {
  destinationMacHigh,
  destinationMacLow,
  ETHERNET_HEADER_BYTES,
  EtherType,
  etherType,
  MAX_VLAN_TAGS,
  sourceMacHigh,
  sourceMacLow,
  VLAN_TAG_BYTES,
} from './ethernet.ts';
import { ICMP_HEADER_BYTES, icmpType, isIcmpErrorType, isIcmpv6ErrorType } from './icmp.ts';
import {
  IPV4_MIN_HEADER_BYTES,
  IpProtocol,
  ipv4ChecksumIsValid,
  ipv4FragmentOffsetBytesOf,
  ipv4HeaderBytesOf,
  ipv4IdentificationOf,
  ipv4MoreFragmentsOf,
  ipv4ProtocolOf,
  ipv4TotalBytesOf,
  ipv4TtlOf,
  ipv4VersionOf,
  ipv4Word,
  ipv4WordsAreIntact,
} from './ipv4.ts';
import { ipv4OptionsAreAcceptable } from './ipv4-options.ts';
import {
  extensionBytes,
  extensionNextHeader,
  hopByHopIsAcceptable,
  IPV6_FRAGMENT_HEADER_BYTES,
  IPV6_HEADER_BYTES,
  ipv6DestinationWord,
  ipv6FragmentOffsetBytes,
  ipv6HopLimit,
  ipv6Identification,
  ipv6MoreFragments,
  ipv6NextHeader,
  ipv6PayloadBytes,
  ipv6SourceWord,
  ipv6Version,
  isIpv6Extension,
} from './ipv6.ts';
import { NOT_PRESENT, type Packet } from './packet.ts';
import {
  PORTS_BYTES,
  portsWord,
  sctpFirstChunk,
  sctpStateChunk,
  TCP_MIN_HEADER_BYTES,
  tcpFlags,
} from './transport.ts';

/** Part of Verdict (datapath/verdict.ts): what a frame that goes no further than decode() ends with. */
export const DecodeResult = {
  /** The packet is whole and of a protocol that services have, or an ICMP error about one. */
  Continue: 0,
  /** Neither IPv4, IPv6 nor ARP, or more VLAN tags than two. */
  PassNotIp: 1,
  PassArp: 2,
  /** IP, but nothing that a service could have: ping, IGMP, neighbour discovery … */
  PassProtocol: 3,
  /** To another MAC than ours: broadcast, multicast, or a frame that the card need not have given us. */
  PassOtherMac: 4,
  DropTruncated: 16,
  DropIpVersion: 17,
  DropIpHeaderLength: 18,
  DropIpTotalLength: 19,
  DropIpChecksum: 20,
  DropIpOptions: 21,
} as const;
export type DecodeResult = (typeof DecodeResult)[keyof typeof DecodeResult];

/** Reads the frame at the start of `frame`, lengthBytes long. */
export function decode(packet: Packet, frame: DataView, lengthBytes: number, own: MacAddress): DecodeResult {
  if (lengthBytes < ETHERNET_HEADER_BYTES) return DecodeResult.DropTruncated;
  const isOurs = destinationMacLow(frame, 0) === own.low && destinationMacHigh(frame, 0) === own.high;
  packet.isOutgoing = !isOurs && sourceMacLow(frame, 0) === own.low && sourceMacHigh(frame, 0) === own.high;
  packet.isIcmpError = false;

  let ipOffset = ETHERNET_HEADER_BYTES;
  let type = etherType(frame, 0);
  for (let tags = 0; type === EtherType.Vlan || type === EtherType.ServiceVlan; tags++) {
    if (tags === MAX_VLAN_TAGS) return DecodeResult.PassNotIp;
    if (ipOffset + VLAN_TAG_BYTES > lengthBytes) return DecodeResult.DropTruncated;
    type = frame.getUint16(ipOffset + 2);
    ipOffset += VLAN_TAG_BYTES;
  }
  packet.ipOffset = ipOffset;

  if (type === EtherType.Arp) return decodeArp(packet, frame, ipOffset, lengthBytes);
  if (!isOurs && !packet.isOutgoing) return DecodeResult.PassOtherMac;
  if (type === EtherType.Ipv4) return decodeIpv4(packet, frame, ipOffset, lengthBytes);
  if (type === EtherType.Ipv6) return decodeIpv6(packet, frame, ipOffset, lengthBytes);
  return DecodeResult.PassNotIp;
}

function decodeArp(packet: Packet, frame: DataView, offset: number, end: number): DecodeResult {
  const isWhole = offset + ARP_IPV4_BYTES <= end && isIpv4Arp(frame, offset);
  packet.arpSenderIp = isWhole ? arpSenderIp(frame, offset) : 0;
  packet.arpSenderMacHigh = isWhole ? arpSenderMacHigh(frame, offset) : 0;
  packet.arpSenderMacLow = isWhole ? arpSenderMacLow(frame, offset) : 0;
  return DecodeResult.PassArp;
}

function decodeIpv4(packet: Packet, frame: DataView, offset: number, frameEnd: number): DecodeResult {
  if (offset + IPV4_MIN_HEADER_BYTES > frameEnd) return DecodeResult.DropTruncated;
  const word0 = ipv4Word(frame, offset, 0);
  if (ipv4VersionOf(word0) !== 4) return DecodeResult.DropIpVersion;
  const headerBytes = ipv4HeaderBytesOf(word0);
  if (headerBytes < IPV4_MIN_HEADER_BYTES) return DecodeResult.DropIpHeaderLength;
  if (offset + headerBytes > frameEnd) return DecodeResult.DropTruncated;
  const word1 = ipv4Word(frame, offset, 1);
  const word2 = ipv4Word(frame, offset, 2);
  const source = ipv4Word(frame, offset, 3);
  const destination = ipv4Word(frame, offset, 4);
  const hasOptions = headerBytes > IPV4_MIN_HEADER_BYTES;
  const isIntact = hasOptions
    ? ipv4ChecksumIsValid(frame, offset, headerBytes)
    : ipv4WordsAreIntact(word0, word1, word2, source, destination);
  if (!isIntact) return DecodeResult.DropIpChecksum;
  const totalBytes = ipv4TotalBytesOf(word0);
  if (totalBytes < headerBytes || offset + totalBytes > frameEnd) return DecodeResult.DropIpTotalLength;
  if (hasOptions && !ipv4OptionsAreAcceptable(frame, offset, headerBytes)) return DecodeResult.DropIpOptions;

  becomeIpv4(packet);
  packet.ipEnd = offset + totalBytes;
  packet.ttl = ipv4TtlOf(word2);
  packet.protocol = ipv4ProtocolOf(word2);
  packet.fragmentOffsetBytes = ipv4FragmentOffsetBytesOf(word1);
  packet.moreFragments = ipv4MoreFragmentsOf(word1);
  packet.identification = ipv4IdentificationOf(word1);
  packet.transportOffset = offset + headerBytes;
  setIpv4Ends(packet, source, destination, packet.isOutgoing);
  return decodeTransport(packet, frame);
}

function decodeIpv6(packet: Packet, frame: DataView, offset: number, frameEnd: number): DecodeResult {
  if (offset + IPV6_HEADER_BYTES > frameEnd) return DecodeResult.DropTruncated;
  if (ipv6Version(frame, offset) !== 6) return DecodeResult.DropIpVersion;
  const end = offset + IPV6_HEADER_BYTES + ipv6PayloadBytes(frame, offset);
  if (end > frameEnd) return DecodeResult.DropIpTotalLength;
  packet.ipVersion = 6;
  packet.ipEnd = end;
  packet.ttl = ipv6HopLimit(frame, offset);
  packet.fragmentOffsetBytes = 0;
  packet.moreFragments = false;
  readIpv6Ends(packet, frame, offset, packet.isOutgoing);
  const hasOptions = ipv6NextHeader(frame, offset) === IpProtocol.HopByHop;
  if (hasOptions && !hopByHopIsAcceptable(frame, offset + IPV6_HEADER_BYTES, end)) {
    return DecodeResult.DropIpOptions;
  }
  return skipExtensions(packet, frame, offset + IPV6_HEADER_BYTES, ipv6NextHeader(frame, offset))
    ? decodeTransport(packet, frame)
    : DecodeResult.DropTruncated;
}

/** Walks to the transport header, or to the fragment header of a later fragment. False: a header is cut. */
function skipExtensions(packet: Packet, frame: DataView, start: number, firstType: number): boolean {
  let offset = start;
  let type = firstType;
  while (isIpv6Extension(type)) {
    if (offset + IPV6_FRAGMENT_HEADER_BYTES > packet.ipEnd) return false;
    if (type === IpProtocol.Fragment) {
      packet.fragmentOffsetBytes = ipv6FragmentOffsetBytes(frame, offset);
      packet.moreFragments = ipv6MoreFragments(frame, offset);
      packet.identification = ipv6Identification(frame, offset);
    }
    const lengthBytes = extensionBytes(frame, offset, type);
    type = extensionNextHeader(frame, offset);
    offset += lengthBytes;
    if (packet.fragmentOffsetBytes > 0) break;
  }
  packet.protocol = type;
  packet.transportOffset = offset;
  return offset <= packet.ipEnd;
}

function decodeTransport(packet: Packet, frame: DataView): DecodeResult {
  const { protocol } = packet;
  if (protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp || protocol === IpProtocol.Sctp) {
    packet.hasPorts =
      packet.fragmentOffsetBytes === 0 && packet.transportOffset + PORTS_BYTES <= packet.ipEnd;
    if (packet.hasPorts) readPorts(packet, frame, packet.transportOffset, packet.isOutgoing);
    else packet.clientPort = packet.virtualPort = 0;
    readStateInput(packet, frame);
    return DecodeResult.Continue;
  }
  if (packet.fragmentOffsetBytes > 0 || packet.isOutgoing) return DecodeResult.PassProtocol;
  if (packet.ipVersion === 4 && protocol === IpProtocol.Icmp) return decodeIcmpError(packet, frame);
  if (packet.ipVersion === 6 && protocol === IpProtocol.Icmpv6) return decodeIcmpv6Error(packet, frame);
  return DecodeResult.PassProtocol;
}

/** What opens a connection, and what the state machines look at. */
function readStateInput(packet: Packet, frame: DataView): void {
  const { transportOffset: offset, ipEnd: end } = packet;
  packet.tcpFlags = NOT_PRESENT;
  packet.sctpChunk = NOT_PRESENT;
  packet.stateInput = NOT_PRESENT;
  if (packet.fragmentOffsetBytes > 0) return;
  if (packet.protocol === IpProtocol.Tcp) {
    if (offset + TCP_MIN_HEADER_BYTES <= end) packet.stateInput = packet.tcpFlags = tcpFlags(frame, offset);
  } else if (packet.protocol === IpProtocol.Sctp) {
    packet.sctpChunk = sctpFirstChunk(frame, offset, end);
    packet.stateInput = sctpStateChunk(frame, offset, end);
  }
}

function decodeIcmpError(packet: Packet, frame: DataView): DecodeResult {
  const { transportOffset, ipEnd: end } = packet;
  const inner = transportOffset + ICMP_HEADER_BYTES;
  if (inner + IPV4_MIN_HEADER_BYTES > end || !isIcmpErrorType(icmpType(frame, transportOffset))) {
    return DecodeResult.PassProtocol;
  }
  const word0 = ipv4Word(frame, inner, 0);
  const innerHeaderBytes = ipv4HeaderBytesOf(word0);
  if (ipv4VersionOf(word0) !== 4 || innerHeaderBytes < IPV4_MIN_HEADER_BYTES)
    return DecodeResult.PassProtocol;
  if (ipv4FragmentOffsetBytesOf(ipv4Word(frame, inner, 1)) > 0) return DecodeResult.PassProtocol;
  setIpv4Ends(packet, ipv4Word(frame, inner, 3), ipv4Word(frame, inner, 4), true);
  return readInnerPorts(packet, frame, inner + innerHeaderBytes, ipv4ProtocolOf(ipv4Word(frame, inner, 2)));
}

function decodeIcmpv6Error(packet: Packet, frame: DataView): DecodeResult {
  const { transportOffset, ipEnd: end } = packet;
  const inner = transportOffset + ICMP_HEADER_BYTES;
  if (inner + IPV6_HEADER_BYTES > end || !isIcmpv6ErrorType(icmpType(frame, transportOffset))) {
    return DecodeResult.PassProtocol;
  }
  if (ipv6Version(frame, inner) !== 6) return DecodeResult.PassProtocol;
  // The walk over the inner extension headers overwrites what it finds; put the outer packet's values back.
  const { moreFragments, identification } = packet;
  const isWhole = skipExtensions(packet, frame, inner + IPV6_HEADER_BYTES, ipv6NextHeader(frame, inner));
  const isLaterFragment = packet.fragmentOffsetBytes > 0;
  const innerTransportOffset = packet.transportOffset;
  packet.transportOffset = transportOffset;
  packet.fragmentOffsetBytes = 0;
  packet.moreFragments = moreFragments;
  packet.identification = identification;
  if (!isWhole || isLaterFragment) return DecodeResult.PassProtocol;
  readIpv6Ends(packet, frame, inner, true);
  return readInnerPorts(packet, frame, innerTransportOffset, packet.protocol);
}

function readInnerPorts(packet: Packet, frame: DataView, offset: number, protocol: number): DecodeResult {
  packet.protocol = protocol;
  packet.hasPorts = offset + PORTS_BYTES <= packet.ipEnd;
  if (protocol !== IpProtocol.Tcp && protocol !== IpProtocol.Udp && protocol !== IpProtocol.Sctp) {
    return DecodeResult.PassProtocol;
  }
  if (!packet.hasPorts) return DecodeResult.PassProtocol;
  readPorts(packet, frame, offset, true);
  packet.tcpFlags = NOT_PRESENT;
  packet.sctpChunk = NOT_PRESENT;
  packet.stateInput = NOT_PRESENT;
  packet.isIcmpError = true;
  return DecodeResult.Continue;
}

/** `fromServer`: the addresses are of a packet on its way to the client. */
function setIpv4Ends(packet: Packet, source: number, destination: number, fromServer: boolean): void {
  packet.client0 = fromServer ? destination : source;
  packet.virtual0 = fromServer ? source : destination;
}

/** The words that IPv4 does not use are 0 already, unless the packet before was IPv6. */
function becomeIpv4(packet: Packet): void {
  if (packet.ipVersion === 4) return;
  packet.ipVersion = 4;
  packet.client1 = packet.client2 = packet.client3 = 0;
  packet.virtual1 = packet.virtual2 = packet.virtual3 = 0;
}

function readIpv6Ends(packet: Packet, frame: DataView, offset: number, fromServer: boolean): void {
  const client = fromServer ? ipv6DestinationWord : ipv6SourceWord;
  const virtual = fromServer ? ipv6SourceWord : ipv6DestinationWord;
  packet.client0 = client(frame, offset, 0);
  packet.client1 = client(frame, offset, 1);
  packet.client2 = client(frame, offset, 2);
  packet.client3 = client(frame, offset, 3);
  packet.virtual0 = virtual(frame, offset, 0);
  packet.virtual1 = virtual(frame, offset, 1);
  packet.virtual2 = virtual(frame, offset, 2);
  packet.virtual3 = virtual(frame, offset, 3);
}

function readPorts(packet: Packet, frame: DataView, offset: number, fromServer: boolean): void {
  const word = portsWord(frame, offset);
  packet.clientPort = fromServer ? word & 0xffff : word >>> 16;
  packet.virtualPort = fromServer ? word >>> 16 : word & 0xffff;
}
