/** What a host says to a ping, a SYN, a datagram that goes to its MAC, whatever address is in it. */
import { randomInt } from 'node:crypto';
import { IpProtocol } from '../wire/ipv4.ts';
import { TcpFlag } from '../wire/transport.ts';
import { type HostLink, ownAddress, versionOf } from './host-view.ts';
import { type IpView, readIp, readPacket } from './probe-answers.ts';
import { datagram, type Ends, echoRequest, tcpSegment, timestampRequest } from './probe-frames.ts';
import type { Wire } from './wire.ts';

/** rejected: by an ICMP error, named in `by`. */
export type Answer =
  | { readonly kind: 'open' | 'refused' | 'silent' }
  | { readonly kind: 'rejected'; readonly by: string };

const SILENT: Answer = { kind: 'silent' };
const UDP = 17;
const ECHO_REPLIES = [0, 129];
const PING_BYTES = 84;

/** Null: we have no address from which we could ask. */
export function endsFor(
  link: HostLink,
  mac: string,
  to: string,
  virtual: readonly string[],
  peer = to,
): Ends | null {
  const own = ownAddress(link, peer, virtual);
  return own === undefined || link.mac === null ? null : { ownMac: link.mac, own, mac, to };
}

/** Whether the host behind `ends.mac` answers a ping for `ends.to`, of `ipBytes` altogether, in one piece. */
export async function ping(wire: Wire, ends: Ends, ipBytes = PING_BYTES): Promise<boolean> {
  const sequence = wire.sequence();
  const answer = await wire.askOne(echoRequest(ends, wire.identifier, sequence, ipBytes), (frame) => {
    const packet = readIp(frame);
    if (packet === undefined || !isFrom(packet, ends) || packet.isFragment) return undefined;
    const { payload } = packet;
    if (payload.length < 8 || !ECHO_REPLIES.includes(payload[0]!)) return undefined;
    const isOurs = payload.readUInt16BE(4) === wire.identifier && payload.readUInt16BE(6) === sequence;
    return isOurs ? true : undefined;
  });
  return answer === true;
}

/** Begins a connection and resets it at once. */
export async function connect(wire: Wire, ends: Ends, port: number): Promise<Answer> {
  const sequence = randomInt(0x7fffffff);
  const segment = { ownPort: wire.port, port };
  const syn = tcpSegment(ends, { ...segment, sequence, flags: TcpFlag.Syn });
  const answer = await wire.askOne(syn, (frame): Answer | undefined => {
    const packet = readIp(frame);
    if (packet === undefined) return undefined;
    if (packet.protocol !== IpProtocol.Tcp)
      return readRejection(packet, ends, IpProtocol.Tcp, wire.port, port);
    const { payload } = packet;
    if (!isFrom(packet, ends) || payload.length < 20) return undefined;
    if (payload.readUInt16BE(0) !== port || payload.readUInt16BE(2) !== wire.port) return undefined;
    if (payload.readUInt32BE(8) !== (sequence + 1) >>> 0) return undefined;
    return { kind: (payload[13]! & TcpFlag.Rst) === 0 ? 'open' : 'refused' };
  });
  if (answer?.kind === 'open')
    wire.send(tcpSegment(ends, { ...segment, sequence: sequence + 1, flags: TcpFlag.Rst }));
  return answer ?? SILENT;
}

/** Silence is what most programs say to an empty datagram. */
export async function sendDatagram(wire: Wire, ends: Ends, port: number): Promise<Answer> {
  const answer = await wire.askOne(datagram(ends, wire.port, port), (frame): Answer | undefined => {
    const packet = readIp(frame);
    if (packet === undefined) return undefined;
    if (packet.protocol !== UDP) return readRejection(packet, ends, UDP, wire.port, port);
    const { payload } = packet;
    const isOurs = isFrom(packet, ends) && payload.length >= 4 && payload.readUInt16BE(0) === port;
    return isOurs ? { kind: 'open' } : undefined;
  });
  return answer ?? SILENT;
}

const DAY_MS = 86_400_000;

/** By how many milliseconds the other's clock is ahead of ours; undefined: it does not say. RFC 792, p. 16. */
export async function clockAhead(wire: Wire, ends: Ends): Promise<number | undefined> {
  return wire.askOne(timestampRequest(ends, wire.identifier), (frame) => {
    const packet = readIp(frame);
    if (packet?.protocol !== IpProtocol.Icmp || !isFrom(packet, ends)) return undefined;
    const { payload } = packet;
    if (payload.length < 20 || payload[0] !== 14 || payload.readUInt16BE(4) !== wire.identifier)
      return undefined;
    const theirs = payload.readUInt32BE(16);
    return theirs >= DAY_MS ? undefined : shortestWay(theirs - (Date.now() % DAY_MS));
  });
}

/** Milliseconds since midnight know no days: a difference of at most half of one. */
const shortestWay = (ms: number): number => ((((ms + DAY_MS / 2) % DAY_MS) + DAY_MS) % DAY_MS) - DAY_MS / 2;

const isFrom = (packet: IpView, { mac, to }: Ends): boolean =>
  packet.sourceMac === mac && packet.source === to;

/** An ICMP error about the packet that we sent, by the host that it was sent to; its address may be another. */
function readRejection(
  packet: IpView,
  { own, mac, to }: Ends,
  protocol: number,
  ownPort: number,
  port: number,
): Answer | undefined {
  const errorType = { [IpProtocol.Icmp]: 3, [IpProtocol.Icmpv6]: 1 }[packet.protocol];
  if (errorType === undefined || packet.payload[0] !== errorType || packet.sourceMac !== mac)
    return undefined;
  const about = readPacket(packet.payload.subarray(8));
  if (about?.protocol !== protocol || about.source !== own || about.destination !== to) return undefined;
  if (about.payload.length < 4) return undefined;
  if (about.payload.readUInt16BE(0) !== ownPort || about.payload.readUInt16BE(2) !== port) return undefined;
  const code = packet.payload[1]!;
  const names = versionOf(to) === 4 ? UNREACHABLE : UNREACHABLE_V6;
  return { kind: 'rejected', by: `ICMP ${names[code] ?? `unreachable, code ${code}`} from ${packet.source}` };
}

/** RFC 792, RFC 1812 §5.2.7.1; RFC 4443 §3.1. */
const UNREACHABLE: Readonly<Record<number, string>> = {
  0: 'network unreachable',
  1: 'host unreachable',
  2: 'protocol unreachable',
  3: 'port unreachable',
  9: 'network prohibited',
  10: 'host prohibited',
  13: 'administratively prohibited',
};
const UNREACHABLE_V6: Readonly<Record<number, string>> = {
  0: 'no route',
  1: 'administratively prohibited',
  3: 'address unreachable',
  4: 'port unreachable',
  5: 'policy failed',
  6: 'route rejected',
};
