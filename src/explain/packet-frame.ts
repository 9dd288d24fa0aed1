/** A frame that is made up: from a client to a virtual address, without payload, as it would come in. */
import type { ExplainRequest, SctpChunkName, TcpFlagName } from '../control/protocol.ts';
import { type MacAddress, parseIp } from '../wire/address.ts';
import { checksum } from '../wire/checksum.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeMacs } from '../wire/ethernet.ts';
import { encodeIpv4, IPV4_MIN_HEADER_BYTES, IpProtocol } from '../wire/ipv4.ts';
import { encodeIpv6, IPV6_HEADER_BYTES } from '../wire/ipv6.ts';
import { Packet } from '../wire/packet.ts';
import { pseudoHeaderSumOf } from '../wire/pseudo-header.ts';
import {
  SCTP_CHUNK_HEADER_BYTES,
  SCTP_HEADER_BYTES,
  SctpChunk,
  TCP_CHECKSUM_OFFSET,
  TCP_MIN_HEADER_BYTES,
  TcpFlag,
  UDP_CHECKSUM_OFFSET,
  UDP_HEADER_BYTES,
} from '../wire/transport.ts';

export type PacketFields = Exclude<ExplainRequest, { readonly frame: string }>;

/** As Linux sends. */
const TTL = 64;
/** Nobody's: of whom the frame comes from. */
const SENDER_MAC: MacAddress = { high: 0x0200, low: 0 };

const FLAG_BITS: Readonly<Record<TcpFlagName, number>> = {
  fin: TcpFlag.Fin,
  syn: TcpFlag.Syn,
  rst: TcpFlag.Rst,
  psh: TcpFlag.Psh,
  ack: TcpFlag.Ack,
  urg: TcpFlag.Urg,
};
const CHUNKS: Readonly<Record<SctpChunkName, number>> = {
  data: SctpChunk.Data,
  init: SctpChunk.Init,
  sack: SctpChunk.Sack,
  heartbeat: SctpChunk.Heartbeat,
  abort: SctpChunk.Abort,
  shutdown: SctpChunk.Shutdown,
  'shutdown-ack': SctpChunk.ShutdownAck,
  'cookie-echo': SctpChunk.CookieEcho,
  'shutdown-complete': SctpChunk.ShutdownComplete,
};

/** Both addresses are of one IP version. */
export function frameOf(fields: PacketFields, ownMac: MacAddress): Uint8Array {
  const client = parseIp(fields.from.address)!;
  const virtual = parseIp(fields.to.address)!;
  const [client0, client1, client2, client3] = client.words;
  const [virtual0, virtual1, virtual2, virtual3] = virtual.words;
  // encodeIpv6() writes what goes to a client.
  const ends = Object.assign(new Packet(), {
    ipVersion: client.version,
    ...{ client0: virtual0, client1: virtual1, client2: virtual2, client3: virtual3 },
    ...{ virtual0: client0, virtual1: client1, virtual2: client2, virtual3: client3 },
  });
  const isIpv4 = client.version === 4;
  const { protocol, bytes } = SHAPES[fields.protocol];
  const transportOffset = ETHERNET_HEADER_BYTES + (isIpv4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES);
  const frame = new DataView(new ArrayBuffer(transportOffset + bytes));
  writeMacs(frame, 0, ownMac, SENDER_MAC);
  frame.setUint16(12, isIpv4 ? EtherType.Ipv4 : EtherType.Ipv6);
  if (isIpv4)
    encodeIpv4(frame, ETHERNET_HEADER_BYTES, IPV4_MIN_HEADER_BYTES + bytes, TTL, protocol, client0, virtual0);
  else encodeIpv6(frame, ETHERNET_HEADER_BYTES, bytes, protocol, TTL, ends);
  frame.setUint16(transportOffset, fields.from.port);
  frame.setUint16(transportOffset + 2, fields.to.port);
  writeRest(frame, transportOffset, fields);
  const checksumOffset = CHECKSUM_OFFSETS[fields.protocol];
  if (checksumOffset !== undefined) {
    const pseudo = pseudoHeaderSumOf(ends, protocol, bytes);
    frame.setUint16(transportOffset + checksumOffset, checksum(frame, transportOffset, bytes, pseudo));
  }
  return new Uint8Array(frame.buffer);
}

const SHAPES = {
  tcp: { protocol: IpProtocol.Tcp, bytes: TCP_MIN_HEADER_BYTES },
  udp: { protocol: IpProtocol.Udp, bytes: UDP_HEADER_BYTES },
  sctp: { protocol: IpProtocol.Sctp, bytes: SCTP_HEADER_BYTES + SCTP_CHUNK_HEADER_BYTES },
} as const;

/** SCTP has a CRC, at which nobody looks. */
const CHECKSUM_OFFSETS: Partial<Record<PacketFields['protocol'], number>> = {
  tcp: TCP_CHECKSUM_OFFSET,
  udp: UDP_CHECKSUM_OFFSET,
};

/** After the ports. */
function writeRest(frame: DataView, offset: number, fields: PacketFields): void {
  if (fields.protocol === 'tcp') {
    frame.setUint8(offset + 12, (TCP_MIN_HEADER_BYTES / 4) << 4);
    frame.setUint8(
      offset + 13,
      fields.flags.reduce((bits, name) => bits | FLAG_BITS[name], 0),
    );
  } else if (fields.protocol === 'udp') frame.setUint16(offset + 4, UDP_HEADER_BYTES);
  else {
    frame.setUint8(offset + SCTP_HEADER_BYTES, CHUNKS[fields.chunk]);
    frame.setUint16(offset + SCTP_HEADER_BYTES + 2, SCTP_CHUNK_HEADER_BYTES);
  }
}
