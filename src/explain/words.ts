/** Numbers of the path in the words that people read. */
import { TICKS_PER_SECOND } from '../clock.ts';
import { SCTP_STATE_NAMES } from '../connection/sctp-state.ts';
import { TCP_STATE_NAMES } from '../connection/tcp-state.ts';
import { endpointText } from '../service/configuration.ts';
import { renderIp } from '../wire/address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { NOT_PRESENT, type Packet } from '../wire/packet.ts';
import { SctpChunk, TcpFlag } from '../wire/transport.ts';

export const clientAddress = ({ ipVersion, client0, client1, client2, client3 }: Packet): string =>
  renderIp({ version: ipVersion === 6 ? 6 : 4, words: [client0, client1, client2, client3] });

export const virtualAddress = ({ ipVersion, virtual0, virtual1, virtual2, virtual3 }: Packet): string =>
  renderIp({ version: ipVersion === 6 ? 6 : 4, words: [virtual0, virtual1, virtual2, virtual3] });

export const clientEnd = (packet: Packet): string =>
  packet.hasPorts
    ? endpointText({ address: clientAddress(packet), port: packet.clientPort })
    : clientAddress(packet);
export const virtualEnd = (packet: Packet): string =>
  packet.hasPorts
    ? endpointText({ address: virtualAddress(packet), port: packet.virtualPort })
    : virtualAddress(packet);

export function protocolName(protocol: number): string {
  if (protocol === IpProtocol.Tcp) return 'TCP';
  if (protocol === IpProtocol.Udp) return 'UDP';
  return protocol === IpProtocol.Sctp ? 'SCTP' : `protocol ${protocol}`;
}

/** `TCP SYN`, `UDP`, `SCTP INIT` */
export function packetKind({ protocol, tcpFlags, sctpChunk, fragmentOffsetBytes }: Packet): string {
  const name = protocolName(protocol);
  if (fragmentOffsetBytes > 0) return name;
  if (protocol === IpProtocol.Tcp && tcpFlags !== NOT_PRESENT) return `${name} ${flagNames(tcpFlags)}`;
  if (protocol === IpProtocol.Sctp && sctpChunk !== NOT_PRESENT) return `${name} ${chunkName(sctpChunk)}`;
  return name;
}

export function flagNames(flags: number): string {
  const names = Object.entries(TcpFlag).filter(([, bit]) => (flags & bit) !== 0);
  return names.length === 0 ? 'without flags' : names.map(([name]) => name.toUpperCase()).join('+');
}

export function chunkName(chunk: number): string {
  const found = Object.entries(SctpChunk).find(([, number]) => number === chunk);
  return found === undefined ? `chunk ${chunk}` : found[0].replaceAll(/(?<=.)[A-Z]/g, '-$&').toUpperCase();
}

export function stateName(protocol: number, state: number): string {
  if (protocol === IpProtocol.Tcp) return TCP_STATE_NAMES[state]!;
  return protocol === IpProtocol.Sctp ? SCTP_STATE_NAMES[state]! : 'UDP';
}

/** `12 s`, `0.4 s` */
export function seconds(ticks: number): string {
  const sec = ticks / TICKS_PER_SECOND;
  return `${sec < 10 ? Math.round(10 * sec) / 10 : Math.round(sec)} s`;
}

/** `1 connection`, `2 connections` */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
