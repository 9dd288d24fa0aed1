/**
 * Frames in the words of a test: `eth().ipv4('10.0.0.9', VIP).tcp(31337, 80, SYN).bytes()`. Lengths and checksums
 * are right unless a field says otherwise. Shares no code with src/wire, so that the two check each other.
 */

/** Bits of the TCP flags byte, RFC 9293 §3.1. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const CWR = 0x80;

/** The macs of a test network: the director, and the router that every client is behind. */
export const DIRECTOR_MAC = '02:00:00:00:01:00';
export const GATEWAY_MAC = '02:00:00:00:02:00';

const IP_PROTOCOL = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132 } as const;
export const EXTENSION = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  authentication: 51,
  destination: 60,
} as const;

type Bytes = Uint8Array<ArrayBuffer>;

export interface Ipv4Fields {
  ttl?: number;
  tos?: number;
  id?: number;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** A multiple of 8. */
  fragmentOffsetBytes?: number;
  /** Padded with end-of-options to whole words. */
  options?: readonly number[];
  /** What the header claims; by default the truth. */
  version?: number;
  headerWords?: number;
  totalBytes?: number;
  checksum?: number;
  protocol?: number;
}

export interface Ipv6Fields {
  hopLimit?: number;
  version?: number;
  payloadBytes?: number;
  nextHeader?: number;
}

export interface TcpFields {
  payload?: Uint8Array;
  sequence?: number;
  acknowledgment?: number;
  /** Padded with zeroes to whole words. */
  options?: readonly number[];
  dataOffsetWords?: number;
  checksum?: number;
}

export interface UdpFields {
  payload?: Uint8Array;
  lengthBytes?: number;
  checksum?: number;
}

export interface SctpChunk {
  readonly type: number;
  readonly body?: readonly number[];
  /** What the chunk claims. */
  readonly lengthBytes?: number;
}

export interface IcmpFields {
  /** Bytes 4 to 7. */
  rest?: number;
  checksum?: number;
}

/** The nearest IP header around a layer. */
interface Ends {
  readonly version: 4 | 6;
  readonly from: Bytes;
  readonly to: Bytes;
}

interface Layer {
  /** How an Ethernet header, and how an IP header, names this layer. */
  readonly etherType?: number;
  readonly ipProtocol?: number | ((ends: Ends | undefined) => number);
  readonly ends?: Ends;
  build(payload: Bytes, next: { etherType: number; ipProtocol: number }, ends: Ends | undefined): Bytes;
}

export class FrameBuilder {
  private readonly layers: readonly Layer[];

  constructor(layers: readonly Layer[] = []) {
    this.layers = layers;
  }

  private with(layer: Layer): FrameBuilder {
    return new FrameBuilder([...this.layers, layer]);
  }

  /** An 802.1Q tag, or with tagType 0x88a8 a service tag. */
  vlan(id: number, tagType = 0x8100): FrameBuilder {
    return this.with({
      etherType: tagType,
      build: (payload, next) => concat(u16(id), u16(next.etherType), payload),
    });
  }

  ipv4(from: string, to: string, fields: Ipv4Fields = {}): FrameBuilder {
    const ends: Ends = { version: 4, from: ipv4Bytes(from), to: ipv4Bytes(to) };
    return this.with({
      etherType: 0x0800,
      ipProtocol: 4,
      ends,
      build: (payload, next) => ipv4Packet(ends, fields, payload, next.ipProtocol),
    });
  }

  ipv6(from: string, to: string, fields: Ipv6Fields = {}): FrameBuilder {
    const ends: Ends = { version: 6, from: ipv6Bytes(from), to: ipv6Bytes(to) };
    return this.with({
      etherType: 0x86dd,
      ipProtocol: 41,
      ends,
      build: (payload, next) =>
        concat(
          [(fields.version ?? 6) << 4, 0, 0, 0],
          u16(fields.payloadBytes ?? payload.length),
          [fields.nextHeader ?? next.ipProtocol, fields.hopLimit ?? 64],
          ends.from,
          ends.to,
          payload,
        ),
    });
  }

  /** An IPv6 extension header of (units + 1) × 8 bytes; the authentication header counts (units + 2) × 4. */
  extension(
    type: number,
    units = type === EXTENSION.authentication ? 4 : 0,
    claimedUnits = units,
  ): FrameBuilder {
    const lengthBytes = type === EXTENSION.authentication ? (units + 2) * 4 : (units + 1) * 8;
    return this.with({
      ipProtocol: type,
      build: (payload, next) => {
        const header = new Uint8Array(lengthBytes);
        header.set([next.ipProtocol, claimedUnits]);
        return concat(header, payload);
      },
    });
  }

  /** The IPv6 fragment header. */
  fragment(fields: { offsetBytes?: number; more?: boolean; id?: number } = {}): FrameBuilder {
    const { offsetBytes = 0, more = false, id = 1 } = fields;
    return this.with({
      ipProtocol: EXTENSION.fragment,
      build: (payload, next) =>
        concat([next.ipProtocol, 0], u16(offsetBytes | (more ? 1 : 0)), u32(id), payload),
    });
  }

  tcp(from: number, to: number, flags: number, fields: TcpFields = {}): FrameBuilder {
    return this.with({
      ipProtocol: IP_PROTOCOL.tcp,
      build: (payload, _next, ends) => {
        const options = padded(fields.options ?? [], 4);
        const words = fields.dataOffsetWords ?? 5 + options.length / 4;
        const segment = concat(
          u16(from),
          u16(to),
          u32(fields.sequence ?? 1000),
          u32(fields.acknowledgment ?? 0),
          [words << 4, flags],
          u16(64240),
          [0, 0, 0, 0],
          options,
          fields.payload ?? new Uint8Array(),
          payload,
        );
        return withChecksum(segment, 16, fields.checksum, IP_PROTOCOL.tcp, ends);
      },
    });
  }

  udp(from: number, to: number, fields: UdpFields = {}): FrameBuilder {
    return this.with({
      ipProtocol: IP_PROTOCOL.udp,
      build: (payload, _next, ends) => {
        const body = concat(fields.payload ?? new Uint8Array(), payload);
        const datagram = concat(u16(from), u16(to), u16(fields.lengthBytes ?? 8 + body.length), [0, 0], body);
        return withChecksum(datagram, 6, fields.checksum, IP_PROTOCOL.udp, ends);
      },
    });
  }

  /** Chunks of whole words; the CRC32c is right. */
  sctp(from: number, to: number, chunks: readonly SctpChunk[]): FrameBuilder {
    return this.with({
      ipProtocol: IP_PROTOCOL.sctp,
      build: (payload) => {
        const body = chunks.map(({ type, body = [], lengthBytes = 4 + body.length }) =>
          padded([type, 0, ...u16(lengthBytes), ...body], 4),
        );
        const packet = concat(u16(from), u16(to), u32(0x1234), u32(0), ...body, payload);
        new DataView(packet.buffer).setUint32(8, crc32c(packet), true);
        return packet;
      },
    });
  }

  /** ICMP behind IPv4, ICMPv6 behind IPv6. `about`: the packet that an error is about, or any bytes. */
  icmp(type: number, code: number, about: FrameBuilder | Uint8Array, fields: IcmpFields = {}): FrameBuilder {
    const body = about instanceof FrameBuilder ? about.bytes() : about;
    const protocolOf = (ends: Ends | undefined) =>
      ends?.version === 6 ? IP_PROTOCOL.icmpv6 : IP_PROTOCOL.icmp;
    return this.with({
      ipProtocol: protocolOf,
      build: (payload, _next, ends) => {
        const message = concat([type, code, 0, 0], u32(fields.rest ?? 0), body, payload);
        const pseudo = ends?.version === 6 ? ends : undefined;
        return withChecksum(message, 2, fields.checksum, protocolOf(ends), pseudo);
      },
    });
  }

  arp(fields: { senderMac: string; senderIp: string; targetIp: string; operation?: number }): FrameBuilder {
    const { senderMac, senderIp, targetIp, operation = 1 } = fields;
    return this.with({
      etherType: 0x0806,
      build: () =>
        concat(
          [0, 1, 8, 0, 6, 4],
          u16(operation),
          macBytes(senderMac),
          ipv4Bytes(senderIp),
          new Uint8Array(6),
          ipv4Bytes(targetIp),
        ),
    });
  }

  /** Any bytes, under the name that an Ethernet or an IP header shall give them. */
  raw(bytes: Uint8Array, names: { etherType?: number; ipProtocol?: number } = {}): FrameBuilder {
    return this.with({ ...names, build: (payload) => concat(bytes, payload) });
  }

  bytes(): Bytes {
    const endsAt = (index: number): Ends | undefined =>
      this.layers.slice(0, index).findLast((layer) => layer.ends !== undefined)?.ends;
    let payload: Bytes = new Uint8Array();
    let next = { etherType: 0, ipProtocol: 59 };
    for (const [index, layer] of [...this.layers.entries()].reverse()) {
      const ends = endsAt(index);
      payload = layer.build(payload, next, ends);
      const { ipProtocol = 59 } = layer;
      next = {
        etherType: layer.etherType ?? 0,
        ipProtocol: typeof ipProtocol === 'number' ? ipProtocol : ipProtocol(ends),
      };
    }
    return payload;
  }
}

/** A frame to the director, by default from the clients' router. */
export function eth({ from = GATEWAY_MAC, to = DIRECTOR_MAC, type }: EthernetFields = {}): FrameBuilder {
  return new FrameBuilder([
    {
      build: (payload, next) => concat(macBytes(to), macBytes(from), u16(type ?? next.etherType), payload),
    },
  ]);
}

export interface EthernetFields {
  from?: string;
  to?: string;
  type?: number;
}

/** A packet without an Ethernet header: what an ICMP error is about. */
export const packet = (): FrameBuilder => new FrameBuilder();

/** Hexadecimal digits, blanks between them as you like. */
export const hex = (text: string): Bytes => Uint8Array.from(Buffer.from(text.replaceAll(/\s+/g, ''), 'hex'));

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Counting bytes: a payload whose parts can be told apart. */
export const payloadOf = (lengthBytes: number): Bytes =>
  Uint8Array.from({ length: lengthBytes }, (_, index) => (index * 7 + (index >> 8)) & 255);

/** The frame as the card pads it. */
export function paddedTo(frame: Uint8Array, lengthBytes: number): Bytes {
  const out = new Uint8Array(Math.max(lengthBytes, frame.length));
  out.set(frame);
  return out;
}

/** What a forwarded frame looks like: both MACs and TTL or hop limit changed, the IPv4 checksum made anew. */
export function forwardedTo(serverMac: string, frame: Uint8Array, ipOffset = 14): Bytes {
  const out = Uint8Array.from(frame);
  out.set(macBytes(serverMac), 0);
  out.set(macBytes(DIRECTOR_MAC), 6);
  if (out[ipOffset]! >> 4 === 6) {
    out[ipOffset + 7]! -= 1;
    return out;
  }
  out[ipOffset + 8]! -= 1;
  out.set([0, 0], ipOffset + 10);
  const headerBytes = (out[ipOffset]! & 15) * 4;
  out.set(u16(internetChecksum(out.subarray(ipOffset, ipOffset + headerBytes))), ipOffset + 10);
  return out;
}

export const macBytes = (text: string): Bytes =>
  Uint8Array.from(text.split(':'), (pair) => Number.parseInt(pair, 16));

export const ipv4Bytes = (text: string): Bytes => Uint8Array.from(text.split('.'), Number);

export function ipv6Bytes(text: string): Bytes {
  const [head = '', tail] = text.split('::');
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]));
}

/** RFC 1071, the plain way: add, fold every time, complement. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += bytes[at]! * 256 + (bytes[at + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

/** Addresses, protocol and length, as TCP, UDP and ICMPv6 add them to their sums: RFC 9293 §3.1, RFC 8200 §8.1. */
export function pseudoHeader(from: Uint8Array, to: Uint8Array, protocol: number, lengthBytes: number): Bytes {
  return concat(from, to, u32(lengthBytes), u32(protocol));
}

function ipv4Packet({ from, to }: Ends, fields: Ipv4Fields, payload: Bytes, protocol: number): Bytes {
  const options = padded(fields.options ?? [], 4);
  const words = fields.headerWords ?? 5 + options.length / 4;
  const flags = (fields.dontFragment ? 0x4000 : 0) | (fields.moreFragments ? 0x2000 : 0);
  const header = concat(
    [((fields.version ?? 4) << 4) | words, fields.tos ?? 0],
    u16(fields.totalBytes ?? 20 + options.length + payload.length),
    u16(fields.id ?? 0x1c46),
    u16(flags | ((fields.fragmentOffsetBytes ?? 0) >> 3)),
    [fields.ttl ?? 64, fields.protocol ?? protocol, 0, 0],
    from,
    to,
    options,
  );
  header.set(u16(fields.checksum ?? internetChecksum(header)), 10);
  return concat(header, payload);
}

function withChecksum(
  message: Bytes,
  offset: number,
  forced: number | undefined,
  protocol: number,
  ends: Ends | undefined,
): Bytes {
  const pseudo =
    ends === undefined ? new Uint8Array() : pseudoHeader(ends.from, ends.to, protocol, message.length);
  const computed = internetChecksum(concat(pseudo, message));
  const sent = protocol === IP_PROTOCOL.udp && computed === 0 ? 0xffff : computed;
  message.set(u16(forced ?? sent), offset);
  return message;
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function concat(...parts: readonly (readonly number[] | Uint8Array)[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

function padded(bytes: readonly number[], multiple: number): Bytes {
  const out = new Uint8Array(Math.ceil(bytes.length / multiple) * multiple);
  out.set(bytes);
  return out;
}
