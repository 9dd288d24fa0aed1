/** The frames with which doctor asks, whole. Pure. */
import { type IpAddress, type MacAddress, parseIp, parseMac, renderIp, renderMac } from '../wire/address.ts';
import { ARP_IPV4_BYTES, encodeArpRequest } from '../wire/arp.ts';
import { checksum } from '../wire/checksum.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeMacs } from '../wire/ethernet.ts';
import { encodeIpv4, IPV4_MIN_HEADER_BYTES, IpProtocol, writeIpv4Checksum } from '../wire/ipv4.ts';
import { encodeIpv6, IPV6_HEADER_BYTES, type Ipv6Ends } from '../wire/ipv6.ts';
import {
  encodeNeighborSolicitation,
  NDISC_HOP_LIMIT,
  NEIGHBOR_SOLICITATION_BYTES,
  solicitedNode,
} from '../wire/ndisc.ts';
import { pseudoHeaderSumOf } from '../wire/pseudo-header.ts';
import {
  TCP_CHECKSUM_OFFSET,
  TCP_MIN_HEADER_BYTES,
  TcpFlag,
  UDP_CHECKSUM_OFFSET,
} from '../wire/transport.ts';

const BROADCAST: MacAddress = { high: 0xffff, low: -1 };
/** What a frame has at least, without its check sequence: IEEE 802.3 §3.2.7. */
const MIN_FRAME_BYTES = 60;
const TTL = 64;
const FRAGMENT_FIELD_OFFSET = 6;
const DONT_FRAGMENT = 0x4000;
const WINDOW_BYTES = 1024;
const MAX_SEGMENT_OPTION = 0x020405b4;
const ICMP_CHECKSUM_OFFSET = 2;

/** Between whom a packet goes: our MAC and address, and the other's. */
export interface Ends {
  readonly ownMac: string;
  readonly own: string;
  readonly mac: string;
  readonly to: string;
}

interface Frame {
  readonly bytes: Buffer;
  readonly view: DataView;
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Whose is `target`? By ARP or neighbour discovery. `own` undefined: with IPv4 nobody learns who asks. */
export function whoHas(target: string, ownMac: string, own: string | undefined): Buffer | undefined {
  const ip = parseIp(target)!;
  const mac = parseMac(ownMac)!;
  if (ip.version === 4) {
    const { bytes, view } = emptyFrame(BROADCAST, mac, EtherType.Arp, ARP_IPV4_BYTES);
    const sender = { mac, ip: own === undefined ? 0 : parseIp(own)!.words[0] };
    encodeArpRequest(view, ETHERNET_HEADER_BYTES, sender, ip.words[0]);
    return bytes;
  }
  if (own === undefined) return undefined;
  const group = solicitedNode(ip);
  const ends = { ownMac, own, mac: renderMac(group.mac), to: renderIp(group.ip) };
  return ipFrame(ends, IpProtocol.Icmpv6, NEIGHBOR_SOLICITATION_BYTES, NDISC_HOP_LIMIT, (view, at) => {
    encodeNeighborSolicitation(view, at, ip, mac);
    return ICMP_CHECKSUM_OFFSET;
  });
}

/** `ipBytes`: of the whole IP packet, which must not be cut. */
export function echoRequest(ends: Ends, identifier: number, sequence: number, ipBytes: number): Buffer {
  const isIpv4 = parseIp(ends.to)!.version === 4;
  const length = ipBytes - (isIpv4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES);
  return ipFrame(ends, isIpv4 ? IpProtocol.Icmp : IpProtocol.Icmpv6, length, TTL, (view, at) => {
    view.setUint8(at, isIpv4 ? 8 : 128);
    view.setUint16(at + 4, identifier);
    view.setUint16(at + 6, sequence);
    return ICMP_CHECKSUM_OFFSET;
  });
}

/** What time is it? RFC 792, p. 16; IPv4 only. */
export const timestampRequest = (ends: Ends, identifier: number): Buffer =>
  ipFrame(ends, IpProtocol.Icmp, 20, TTL, (view, at) => {
    view.setUint8(at, 13);
    view.setUint16(at + 4, identifier);
    return ICMP_CHECKSUM_OFFSET;
  });

export interface Segment {
  readonly ownPort: number;
  readonly port: number;
  readonly sequence: number;
  readonly flags: number;
}

export const tcpSegment = (ends: Ends, { ownPort, port, sequence, flags }: Segment): Buffer => {
  const hasOptions = (flags & TcpFlag.Syn) !== 0;
  const length = TCP_MIN_HEADER_BYTES + (hasOptions ? 4 : 0);
  return ipFrame(ends, IpProtocol.Tcp, length, TTL, (view, at) => {
    view.setUint16(at, ownPort);
    view.setUint16(at + 2, port);
    view.setUint32(at + 4, sequence);
    view.setUint16(at + 12, ((length / 4) << 12) | flags);
    view.setUint16(at + 14, hasOptions ? WINDOW_BYTES : 0);
    if (hasOptions) view.setUint32(at + TCP_MIN_HEADER_BYTES, MAX_SEGMENT_OPTION);
    return TCP_CHECKSUM_OFFSET;
  });
};

/** A datagram without anything in it. */
export const datagram = (ends: Ends, ownPort: number, port: number): Buffer =>
  ipFrame(ends, 17, 8, TTL, (view, at) => {
    view.setUint16(at, ownPort);
    view.setUint16(at + 2, port);
    view.setUint16(at + 4, 8);
    return UDP_CHECKSUM_OFFSET;
  });

function emptyFrame(to: MacAddress, from: MacAddress, type: number, payloadBytes: number): Frame {
  const bytes = Buffer.alloc(Math.max(MIN_FRAME_BYTES, ETHERNET_HEADER_BYTES + payloadBytes));
  const view = viewOf(bytes);
  writeMacs(view, 0, to, from);
  view.setUint16(ETHERNET_HEADER_BYTES - 2, type);
  return { bytes, view };
}

/** `write` fills in the message of `length` bytes and says where its checksum stands. */
function ipFrame(
  { ownMac, own, mac, to }: Ends,
  protocol: number,
  length: number,
  ttl: number,
  write: (view: DataView, at: number) => number,
): Buffer {
  const [source, destination] = [parseIp(own)!, parseIp(to)!];
  const isIpv4 = destination.version === 4;
  const at = ETHERNET_HEADER_BYTES + (isIpv4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES);
  const type = isIpv4 ? EtherType.Ipv4 : EtherType.Ipv6;
  const { bytes, view } = emptyFrame(
    parseMac(mac)!,
    parseMac(ownMac)!,
    type,
    at + length - ETHERNET_HEADER_BYTES,
  );
  const ends = endsOf(source, destination);
  if (isIpv4) {
    const total = IPV4_MIN_HEADER_BYTES + length;
    encodeIpv4(view, ETHERNET_HEADER_BYTES, total, ttl, protocol, source.words[0], destination.words[0]);
    view.setUint16(ETHERNET_HEADER_BYTES + FRAGMENT_FIELD_OFFSET, DONT_FRAGMENT);
    writeIpv4Checksum(view, ETHERNET_HEADER_BYTES, IPV4_MIN_HEADER_BYTES);
  } else encodeIpv6(view, ETHERNET_HEADER_BYTES, length, protocol, ttl, ends);
  const field = at + write(view, at);
  const pseudo = protocol === IpProtocol.Icmp ? 0 : pseudoHeaderSumOf(ends, protocol, length);
  view.setUint16(field, checksum(view, at, length, pseudo));
  return bytes;
}

/** encodeIpv6() writes from `virtual` to `client`. */
const endsOf = ({ words: source }: IpAddress, { words: destination }: IpAddress): Ipv6Ends => ({
  virtual0: source[0],
  virtual1: source[1],
  virtual2: source[2],
  virtual3: source[3],
  client0: destination[0],
  client1: destination[1],
  client2: destination[2],
  client3: destination[3],
});
