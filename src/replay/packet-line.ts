/** What became of one frame, as a line for people or for programs. */

import { renderEndpoint } from '../control/endpoint.ts';
import type { Path } from '../datapath/path.ts';
import { Verdict, verdictNames } from '../datapath/verdict.ts';
import { renderIp } from '../wire/address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { NOT_PRESENT, type Packet } from '../wire/packet.ts';
import { TcpFlag } from '../wire/transport.ts';

export interface PacketReport {
  /** In the capture, from 1. */
  readonly number: number;
  /** Since the first frame. */
  readonly seconds: number;
  readonly bytes: number;
  /** Null: a frame whose packet was not looked at. */
  readonly packet: PacketEnds | null;
  readonly verdict: string;
  /** Real servers, or MAC addresses, that something was sent to. */
  readonly sentTo: readonly string[];
}

export interface PacketEnds {
  readonly protocol: string;
  readonly client: string;
  readonly virtual: string;
  /** Of TCP, such as SYN ACK. */
  readonly flags: string;
  readonly isIcmpError: boolean;
  /** A frame that this host sent, to the client. */
  readonly isOutgoing: boolean;
}

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [IpProtocol.Tcp, 'tcp'],
  [IpProtocol.Udp, 'udp'],
  [IpProtocol.Sctp, 'sctp'],
]);

/** Those that decode() alone gives: path.packet is then none, or not whole. */
const FIRST_PAST_DECODE = Verdict.Forward;

/** Of the frame that `path` has handled last. */
export const packetEnds = ({ packet }: Path, verdict: Verdict): PacketEnds | null =>
  verdict < FIRST_PAST_DECODE || verdict === Verdict.PassArpConflict ? null : endsOf(packet);

function endsOf(packet: Packet): PacketEnds {
  const version = packet.ipVersion === 6 ? 6 : 4;
  const { client0, client1, client2, client3, virtual0, virtual1, virtual2, virtual3 } = packet;
  const at = (words: [number, number, number, number], port: number) =>
    renderEndpoint({ address: renderIp({ version, words }), ...(packet.hasPorts ? { port } : {}) });
  return {
    protocol: PROTOCOL_NAMES.get(packet.protocol) ?? String(packet.protocol),
    client: at([client0, client1, client2, client3], packet.clientPort),
    virtual: at([virtual0, virtual1, virtual2, virtual3], packet.virtualPort),
    flags: packet.protocol === IpProtocol.Tcp && packet.hasPorts ? flagNames(packet.tcpFlags) : '',
    isIcmpError: packet.isIcmpError,
    isOutgoing: packet.isOutgoing,
  };
}

const flagNames = (flags: number): string =>
  flags === NOT_PRESENT
    ? ''
    : Object.entries(TcpFlag)
        .filter(([, bit]) => (flags & bit) !== 0)
        .map(([name]) => name.toUpperCase())
        .join(' ');

export const verdictName = (verdict: Verdict): string => verdictNames.get(verdict) ?? String(verdict);

const NUMBER_WIDTH = 7;
const SECONDS_WIDTH = 13;

export function renderPacketLine({ number, seconds, bytes, packet, verdict, sentTo }: PacketReport): string {
  const what = packet === null ? `${bytes} bytes` : renderEnds(packet);
  const to = sentTo.length === 0 ? '' : ` -> ${sentTo.join(', ')}`;
  return `${String(number).padStart(NUMBER_WIDTH)} ${seconds.toFixed(6).padStart(SECONDS_WIDTH)}  ${what}  ${verdict}${to}`;
}

function renderEnds({ protocol, client, virtual, flags, isIcmpError, isOutgoing }: PacketEnds): string {
  const [from, to] = isOutgoing ? [virtual, client] : [client, virtual];
  const ends = `${protocol} ${from} > ${to}${flags === '' ? '' : ` ${flags}`}`;
  return isIcmpError ? `ICMP error about ${ends}` : ends;
}
