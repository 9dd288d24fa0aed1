/** What doctor reads in frames that come back. Pure; a frame that is cut short is no answer. */
import { renderIp, renderMac } from '../wire/address.ts';
import {
  ARP_IPV4_BYTES,
  ArpOperation,
  arpOperation,
  arpSenderIp,
  arpSenderMacHigh,
  arpSenderMacLow,
  isIpv4Arp,
} from '../wire/arp.ts';
import { ETHERNET_HEADER_BYTES, EtherType, etherType } from '../wire/ethernet.ts';
import { IPV4_MIN_HEADER_BYTES, IpProtocol } from '../wire/ipv4.ts';
import { IPV6_HEADER_BYTES } from '../wire/ipv6.ts';
import { advertisedAddress, NdiscType, NEIGHBOR_ADVERTISEMENT_BYTES } from '../wire/ndisc.ts';

const FRAGMENT_FIELD_OFFSET = 6;
/** More fragments, or an offset. */
const FRAGMENT_MASK = 0x3fff;

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Whose address an answer to whoHas() names, and the MAC. */
export function readOwner(frame: Buffer): { address: string; mac: string } | undefined {
  const view = viewOf(frame);
  const at = ETHERNET_HEADER_BYTES;
  if (frame.length >= at + ARP_IPV4_BYTES && etherType(view, 0) === EtherType.Arp) {
    if (!isIpv4Arp(view, at) || arpOperation(view, at) !== ArpOperation.Reply) return undefined;
    const mac = renderMac({ high: arpSenderMacHigh(view, at), low: arpSenderMacLow(view, at) });
    return { address: renderIp({ version: 4, words: [arpSenderIp(view, at), 0, 0, 0] }), mac };
  }
  const packet = readIp(frame);
  if (packet?.protocol !== IpProtocol.Icmpv6 || packet.payload.length < NEIGHBOR_ADVERTISEMENT_BYTES)
    return undefined;
  if (packet.payload[0] !== NdiscType.Advertisement) return undefined;
  const advertised = advertisedAddress(viewOf(packet.payload), 0);
  return { address: renderIp(advertised), mac: packet.sourceMac };
}

export interface IpView {
  readonly sourceMac: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly isFragment: boolean;
  /** What the header says, in bytes. */
  readonly totalBytes: number;
  readonly payload: Buffer;
}

/** Undefined: no IP packet, or one with IPv6 extension headers, which no answer to us has but fragments. */
export function readIp(frame: Buffer): IpView | undefined {
  const packet = readPacket(frame.subarray(ETHERNET_HEADER_BYTES));
  if (packet === undefined) return undefined;
  const mac = frame.subarray(6, 12).toString('hex');
  return { ...packet, sourceMac: mac.replace(/..(?=.)/g, '$&:') };
}

export function readPacket(packet: Buffer): Omit<IpView, 'sourceMac'> | undefined {
  const version = (packet[0] ?? 0) >>> 4;
  if (version === 4 && packet.length >= IPV4_MIN_HEADER_BYTES) {
    const headerBytes = (packet[0]! & 15) * 4;
    const totalBytes = packet.readUInt16BE(2);
    return {
      source: ipv4At(packet, 12),
      destination: ipv4At(packet, 16),
      protocol: packet[9]!,
      isFragment: (packet.readUInt16BE(FRAGMENT_FIELD_OFFSET) & FRAGMENT_MASK) !== 0,
      totalBytes,
      payload: packet.subarray(headerBytes, totalBytes),
    };
  }
  if (version !== 6 || packet.length < IPV6_HEADER_BYTES) return undefined;
  const isFragment = packet[6] === IpProtocol.Fragment && packet.length >= IPV6_HEADER_BYTES + 8;
  const start = IPV6_HEADER_BYTES + (isFragment ? 8 : 0);
  const totalBytes = IPV6_HEADER_BYTES + packet.readUInt16BE(4);
  return {
    source: ipv6At(packet, 8),
    destination: ipv6At(packet, 24),
    protocol: isFragment ? packet[IPV6_HEADER_BYTES]! : packet[6]!,
    isFragment,
    totalBytes,
    payload: packet.subarray(start, totalBytes),
  };
}

const ipv4At = (packet: Buffer, at: number): string =>
  renderIp({ version: 4, words: [packet.readInt32BE(at), 0, 0, 0] });
const ipv6At = (packet: Buffer, at: number): string =>
  renderIp({
    version: 6,
    words: [0, 4, 8, 12].map((more) => packet.readInt32BE(at + more)) as [number, number, number, number],
  });
