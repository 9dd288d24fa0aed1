/** ICMP echo as bytes: RFC 792 p. 14, RFC 4443 §4.1, §4.2. */
import { checksum } from '../wire/checksum.ts';

export interface Echo {
  /** 0 … 0xffff each. */
  readonly identifier: number;
  readonly sequence: number;
}

const TYPES = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

const CHECKSUM_OFFSET = 2;
const IDENTIFIER_OFFSET = 4;
const SEQUENCE_OFFSET = 6;
const HEADER_BYTES = 8;

/** For those who look at it on the wire. */
const BODY = Buffer.from('director: are you there?');

export function encodeEchoRequest(family: 4 | 6, { identifier, sequence }: Echo): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + BODY.length);
  message[0] = TYPES[family].request;
  message.writeUInt16BE(identifier, IDENTIFIER_OFFSET);
  message.writeUInt16BE(sequence, SEQUENCE_OFFSET);
  BODY.copy(message, HEADER_BYTES);
  // The kernel does it for IPv6, whose checksum covers the addresses: RFC 3542 §3.1.
  if (family === 4) message.writeUInt16BE(checksum(viewOf(message), 0, message.length), CHECKSUM_OFFSET);
  return message;
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** What a raw socket received: of IPv4 with the IP header, of IPv6 without. Undefined: no echo reply. */
export function decodeEchoReply(family: 4 | 6, received: Buffer): Echo | undefined {
  const message = family === 4 ? received.subarray(ipv4HeaderBytes(received)) : received;
  if (message.length < HEADER_BYTES || message[0] !== TYPES[family].reply || message[1] !== 0)
    return undefined;
  return {
    identifier: message.readUInt16BE(IDENTIFIER_OFFSET),
    sequence: message.readUInt16BE(SEQUENCE_OFFSET),
  };
}

/** RFC 791 §3.1: the low half of the first byte, in words of four bytes. */
const ipv4HeaderBytes = (packet: Buffer): number => ((packet[0] ?? 0) & 0x0f) * 4;

/** Lets a raw socket have echo replies only: a bit for each type that it is not to have. */
export function echoReplyFilter(family: 4 | 6): Buffer {
  const type = TYPES[family].reply;
  const filter = new Uint32Array(family === 4 ? 1 : 8).fill(0xffffffff);
  filter[type >>> 5]! &= ~(1 << (type & 31));
  return Buffer.from(filter.buffer);
}
