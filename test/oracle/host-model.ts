/**
 * What the host's own stack does with a frame that is left to it: the answers that the recordings name, no more.
 * Nothing listens on the recorded host, so TCP is answered with RST, UDP with port unreachable, echo with a reply, and
 * a protocol that it does not have, SCTP among them, with protocol unreachable.
 */

import { parseIp, parseMac, renderIp } from '../../src/wire/address.ts';
import { fold16, sum16 } from '../../src/wire/checksum.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { IpProtocol, isInvalidIpv4Source } from '../../src/wire/ipv4.ts';
import { hopByHopIsAcceptable } from '../../src/wire/ipv6.ts';
import { Packet } from '../../src/wire/packet.ts';
import {
  TCP_MIN_HEADER_BYTES,
  TcpFlag,
  tcpFlags,
  tcpHeaderBytes,
  UDP_HEADER_BYTES,
} from '../../src/wire/transport.ts';

export interface HostAnswer {
  /** As recordings name it: tcp-rst, icmp-3/3, icmp-0/0 … */
  readonly kind: string;
}

/** Protocols that the recorded host's kernel has, and answers in its own way or not at all. */
const KNOWN4: ReadonlySet<number> = new Set([IpProtocol.Icmp, 2, IpProtocol.Tcp, IpProtocol.Udp, 136]);
const TUNNELS: ReadonlySet<number> = new Set([4, 41]);
const KNOWN6: ReadonlySet<number> = new Set([
  IpProtocol.Tcp,
  IpProtocol.Udp,
  IpProtocol.Icmpv6,
  IpProtocol.NoNext,
  136,
]);
const ICMP_ECHO = 8;
const ICMP_TIMESTAMP = 13;
const ICMPV6_ECHO = 128;
const ICMP_HEADER_BYTES = 8;

export class HostModel {
  private readonly mac: { readonly high: number; readonly low: number };
  private readonly ownAddresses: ReadonlySet<string>;
  private readonly packet = new Packet();

  constructor(mac: string, ownAddresses: readonly string[]) {
    this.mac = parseMac(mac)!;
    this.ownAddresses = new Set(ownAddresses.map((address) => renderIp(parseIp(address)!)));
  }

  /** Undefined: it says nothing. */
  answer(frame: Uint8Array): HostAnswer | undefined {
    const { packet } = this;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const result = decode(packet, view, frame.length, this.mac);
    if (result === DecodeResult.DropIpOptions) return answerToOptions(packet, view);
    const isWhole = result === DecodeResult.Continue || result === DecodeResult.PassProtocol;
    if (!isWhole || packet.isOutgoing || packet.isIcmpError || !this.isTakenIn(view)) return undefined;
    if (packet.moreFragments || packet.fragmentOffsetBytes > 0) return undefined;
    // Of an ICMP error about no connection it is the protocol of the packet inside.
    packet.protocol = outerProtocol(packet, view);
    const kind = packet.ipVersion === 4 ? answer4(packet, view) : answer6(packet, view);
    return kind === undefined ? undefined : { kind };
  }

  /** To one of its addresses, and not from where nothing comes. */
  private isTakenIn(view: DataView): boolean {
    const { ipVersion, ipOffset } = this.packet;
    const at = ipOffset + (ipVersion === 4 ? 12 : 8);
    const source = addressAt(view, at, ipVersion);
    const destination = addressAt(view, at + (ipVersion === 4 ? 4 : 16), ipVersion);
    const isMartian =
      ipVersion === 4 && (isInvalidIpv4Source(view.getInt32(at)) || this.ownAddresses.has(source));
    return !isMartian && this.ownAddresses.has(destination);
  }
}

function outerProtocol({ ipVersion, ipOffset, protocol }: Packet, view: DataView): number {
  if (ipVersion === 4) return view.getUint8(ipOffset + 9);
  return view.getUint8(ipOffset + 6) === IpProtocol.Icmpv6 ? IpProtocol.Icmpv6 : protocol;
}

function addressAt(view: DataView, at: number, ipVersion: number): string {
  const word = (index: number) => (index === 0 || ipVersion === 6 ? view.getInt32(at + 4 * index) : 0);
  return renderIp({ version: ipVersion === 6 ? 6 : 4, words: [word(0), word(1), word(2), word(3)] });
}

function answer4(packet: Packet, view: DataView): string | undefined {
  const { protocol, transportOffset, ipEnd } = packet;
  if (TUNNELS.has(protocol)) return 'icmp-3/3';
  if (protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp)
    return answerToPort(packet, view, 'icmp-3/3');
  if (!KNOWN4.has(protocol)) return 'icmp-3/2';
  const lengthBytes = ipEnd - transportOffset;
  if (protocol !== IpProtocol.Icmp || lengthBytes < ICMP_HEADER_BYTES || !isIntact(packet, view))
    return undefined;
  const type = view.getUint8(transportOffset);
  if (type === ICMP_ECHO) return `icmp-0/${view.getUint8(transportOffset + 1)}`;
  return type === ICMP_TIMESTAMP ? 'icmp-14/0' : undefined;
}

function answer6(packet: Packet, view: DataView): string | undefined {
  const { protocol, transportOffset } = packet;
  if (protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp)
    return answerToPort(packet, view, 'icmp6-1/4');
  if (!KNOWN6.has(protocol)) return 'icmp6-4/1';
  const isEcho = protocol === IpProtocol.Icmpv6 && view.getUint8(transportOffset) === ICMPV6_ECHO;
  return isEcho ? 'icmp6-129/0' : undefined;
}

/** Of TCP or UDP that is whole and intact. */
function answerToPort(packet: Packet, view: DataView, unreachable: string): string | undefined {
  const { protocol, transportOffset, ipEnd } = packet;
  const lengthBytes = ipEnd - transportOffset;
  if (protocol === IpProtocol.Tcp) {
    const hasHeader = lengthBytes >= TCP_MIN_HEADER_BYTES;
    const headerBytes = hasHeader ? tcpHeaderBytes(view, transportOffset) : 0;
    if (headerBytes < TCP_MIN_HEADER_BYTES || headerBytes > lengthBytes || !isIntact(packet, view))
      return undefined;
    return (tcpFlags(view, transportOffset) & TcpFlag.Rst) === 0 ? 'tcp-rst' : undefined;
  }
  if (lengthBytes < UDP_HEADER_BYTES) return undefined;
  const udpBytes = view.getUint16(transportOffset + 4);
  if (udpBytes < UDP_HEADER_BYTES || udpBytes > lengthBytes) return undefined;
  const hasChecksum = view.getUint16(transportOffset + 6) !== 0;
  return !hasChecksum || isIntact(packet, view, udpBytes) ? unreachable : undefined;
}

/** The checksum of the transport header, with its pseudo-header where it has one. */
function isIntact(
  packet: Packet,
  view: DataView,
  lengthBytes = packet.ipEnd - packet.transportOffset,
): boolean {
  const { ipVersion, ipOffset, transportOffset, protocol } = packet;
  const addresses = ipVersion === 4 ? sum16(view, ipOffset + 12, 8) : sum16(view, ipOffset + 8, 32);
  const pseudo = protocol === IpProtocol.Icmp ? 0 : addresses + protocol + lengthBytes;
  return fold16(sum16(view, transportOffset, lengthBytes, pseudo)) === 0xffff;
}

/** Source routes are dropped, others that are not well-formed are answered; IPv6 says in the option what to do. */
function answerToOptions({ ipOffset, ipVersion }: Packet, view: DataView): HostAnswer | undefined {
  if (view.getUint8(ipOffset) >>> 4 === 4) {
    const type = view.getUint8(ipOffset + 20);
    return type === 131 || type === 137 ? undefined : { kind: 'icmp-12/0' };
  }
  const option = view.getUint8(ipOffset + 42);
  const isRefused = ipVersion === 6 && !hopByHopIsAcceptable(view, ipOffset + 40, view.byteLength);
  if (option === 0xc2) return { kind: 'icmp6-4/0' };
  return isRefused && option >>> 7 === 1 ? { kind: 'icmp6-4/2' } : undefined;
}

/** The frame that carries a TCP RST back to the client of `frame`: both pairs of ends swapped. */
export function resetFrame(frame: Uint8Array): Uint8Array {
  const reset = frame.slice();
  const swap = (a: number, b: number, lengthBytes: number) => {
    reset.set(frame.subarray(a, a + lengthBytes), b);
    reset.set(frame.subarray(b, b + lengthBytes), a);
  };
  swap(0, 6, 6);
  const isIpv4 = frame[12] === 0x08;
  const transportOffset = isIpv4 ? 34 : 54;
  if (isIpv4) swap(26, 30, 4);
  else swap(22, 38, 16);
  swap(transportOffset, transportOffset + 2, 2);
  const view = new DataView(reset.buffer);
  reset[transportOffset + 13] = TcpFlag.Rst | (tcpFlags(view, transportOffset) === 0 ? 0 : TcpFlag.Ack);
  return reset;
}
