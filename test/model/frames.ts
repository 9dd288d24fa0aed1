/** A frame as a step describes it, its bytes, and what a director makes of them. Made once for each description. */
import type { TransportProtocol } from '../../src/service/model.ts';
import {
  DIRECTOR_MAC,
  eth,
  type FrameBuilder,
  forwardedTo,
  GATEWAY_MAC,
  type Ipv4Fields,
  packet,
  payloadOf,
} from '../helpers/frame-builder.ts';
import type { BookPacket } from './book.ts';

export interface FrameSpec {
  readonly kind: 'packet' | 'icmp-error' | 'reply';
  readonly protocol: TransportProtocol;
  readonly client: string;
  readonly clientPort: number;
  readonly virtual: string;
  readonly virtualPort: number;
  /** Of TCP. */
  readonly flags: number;
  /** Of SCTP. */
  readonly chunk: number;
  readonly payloadBytes: number;
  readonly ttl: number;
  /** Of ICMP. */
  readonly type: number;
  readonly isDamaged: boolean;
  readonly fragment?: { readonly id: number; readonly part: 'first' | 'later' };
}

export interface Frame {
  readonly bytes: Uint8Array;
  readonly packet: BookPacket;
  /** By MAC. */
  readonly forwarded: Map<string, Uint8Array>;
  readonly replies: Map<string, Uint8Array>;
}

const IP_OFFSET = 14;
const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;
/** Where datagrams are cut. */
const FIRST_BYTES = 40;
const FRAGMENTED_PAYLOAD_BYTES = 48;

const KINDS = ['packet', 'icmp-error', 'reply'];
const PARTS = [undefined, 'first', 'later'];

/** By addresses, by ports, by the rest. */
const frames = new Map<string, Map<number, Map<number, Frame>>>();

export function frameOf(spec: FrameSpec): Frame {
  const ends = ensured(frames, spec.client + spec.virtual, () => new Map());
  const known = ensured(ends, spec.clientPort * 2 ** 16 + spec.virtualPort, () => new Map());
  return ensured(known, restOf(spec), () => {
    const bytes = builderOf(spec).bytes();
    const packet = { ...spec, ipBytes: bytes.length - IP_OFFSET };
    return { bytes, packet, forwarded: new Map(), replies: new Map() };
  });
}

/** What is no address and no port, as one number. */
function restOf({ kind, protocol, flags, chunk, payloadBytes, ttl, type, isDamaged, fragment }: FrameSpec) {
  let number = KINDS.indexOf(kind) * 4 + PARTS.indexOf(fragment?.part);
  number = number * 256 + PROTOCOL_NUMBER[protocol];
  number = number * 256 + (protocol === 'sctp' ? chunk : flags);
  number = number * 32 + payloadBytes * 2 + (isDamaged ? 1 : 0);
  number = (number * 128 + ttl) * 16 + type;
  return number * 4096 + (fragment?.id ?? 0);
}

function ensured<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** How it leaves for a server. */
export function forwardedFrame({ bytes, forwarded }: Frame, mac: string): Uint8Array {
  return ensured(forwarded, mac, () => forwardedTo(mac, bytes));
}

/** The ICMP error that goes back. RFC 792, RFC 4443; as much of the packet as fits into 576 or 1280 bytes. */
export function replyFrame(frame: Frame, verdict: string): Uint8Array {
  return ensured(frame.replies, verdict, () => makeReply(frame, verdict === 'ReplyPortUnreachable'));
}

function makeReply({ bytes, packet: { client, virtual } }: Frame, isUnreachable: boolean): Uint8Array {
  const back = eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC });
  if (virtual.includes(':')) {
    const [type, code] = isUnreachable ? [1, 4] : [3, 0];
    const body = bytes.subarray(IP_OFFSET, IP_OFFSET + 1280 - 48);
    return back.ipv6(virtual, client).icmp(type, code, body).bytes();
  }
  const [type, code] = isUnreachable ? [3, 3] : [11, 0];
  const body = bytes.subarray(IP_OFFSET, IP_OFFSET + 576 - 28);
  return back.ipv4(virtual, client, { tos: 0xc0, id: 0 }).icmp(type, code, body).bytes();
}

function builderOf(spec: FrameSpec): FrameBuilder {
  const { kind, client, virtual, ttl } = spec;
  if (kind === 'reply') {
    const { clientPort, virtualPort } = spec;
    const link = eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC });
    return transport(network(link, virtual, client, { ttl }), spec, virtualPort, clientPort);
  }
  if (kind === 'icmp-error') {
    const about = transport(
      network(packet(), virtual, client, {}),
      spec,
      spec.virtualPort,
      spec.clientPort,
    ).bytes();
    const router = virtual.includes(':') ? '2001:db8::1' : '198.51.100.1';
    const fields = spec.isDamaged ? { checksum: 0x1234 } : {};
    return network(eth(), router, virtual, { ttl }).icmp(spec.type, 0, about.subarray(0, 64), fields);
  }
  const { fragment } = spec;
  if (fragment !== undefined) return fragmentOf(spec, fragment.id, fragment.part === 'first');
  return transport(network(eth(), client, virtual, { ttl }), spec, spec.clientPort, spec.virtualPort);
}

const network = (link: FrameBuilder, from: string, to: string, fields: Ipv4Fields): FrameBuilder =>
  to.includes(':')
    ? link.ipv6(from, to, fields.ttl === undefined ? {} : { hopLimit: fields.ttl })
    : link.ipv4(from, to, fields);

function transport(ip: FrameBuilder, spec: FrameSpec, from: number, to: number): FrameBuilder {
  const payload = payloadOf(spec.fragment === undefined ? spec.payloadBytes : FRAGMENTED_PAYLOAD_BYTES);
  if (spec.protocol === 'tcp') return ip.tcp(from, to, spec.flags, { payload });
  if (spec.protocol === 'udp') return ip.udp(from, to, { payload });
  return ip.sctp(from, to, [{ type: spec.chunk, body: [...payload] }]);
}

function fragmentOf(spec: FrameSpec, id: number, isFirst: boolean): FrameBuilder {
  const { client, virtual, ttl, protocol } = spec;
  const whole = transport(
    network(packet(), client, virtual, { ttl }),
    spec,
    spec.clientPort,
    spec.virtualPort,
  );
  const segment = whole.bytes().subarray(virtual.includes(':') ? 40 : 20);
  const part = isFirst ? segment.subarray(0, FIRST_BYTES) : segment.subarray(FIRST_BYTES);
  const offset = isFirst ? 0 : FIRST_BYTES;
  const names = { ipProtocol: PROTOCOL_NUMBER[protocol] };
  if (virtual.includes(':')) {
    return eth()
      .ipv6(client, virtual, { hopLimit: ttl })
      .fragment({ offsetBytes: offset, more: isFirst, id })
      .raw(part, names);
  }
  const fields = { ttl, id, moreFragments: isFirst, fragmentOffsetBytes: offset };
  return eth().ipv4(client, virtual, fields).raw(part, names);
}

const FLAG_NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];
const CHUNK_NAMES: Readonly<Record<number, string>> = {
  0: 'DATA',
  1: 'INIT',
  2: 'INIT-ACK',
  6: 'ABORT',
  7: 'SHUTDOWN',
  8: 'SHUTDOWN-ACK',
  9: 'ERROR',
  10: 'COOKIE-ECHO',
  11: 'COOKIE-ACK',
  14: 'SHUTDOWN-COMPLETE',
};

/** For people. */
export function renderFrame(spec: FrameSpec): string {
  const { kind, protocol, client, clientPort, virtual, virtualPort, ttl, fragment } = spec;
  const end = (address: string, port: number) =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const names = FLAG_NAMES.filter((_, bit) => (spec.flags & (1 << bit)) !== 0).join('+');
  const what = { tcp: ` ${names || 'no flags'}`, udp: '', sctp: ` ${CHUNK_NAMES[spec.chunk] ?? spec.chunk}` };
  const ends = [end(client, clientPort), end(virtual, virtualPort)];
  if (kind !== 'packet') ends.reverse();
  const text = `${protocol} ${ends.join(' > ')}${what[protocol]} ttl ${ttl}`;
  if (kind === 'icmp-error') {
    return `ICMP type ${spec.type}${spec.isDamaged ? ' with a wrong checksum' : ''} about ${text}`;
  }
  const piece = fragment === undefined ? '' : `, ${fragment.part} fragment of datagram ${fragment.id}`;
  return `${kind === 'reply' ? 'this host sends ' : ''}${text}, ${spec.payloadBytes} bytes${piece}`;
}
