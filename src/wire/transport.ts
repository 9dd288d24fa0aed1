/** TCP, UDP and SCTP, as far as a balancer reads them. Offsets in bytes from the start of the transport header. */

/** Ports stand first in all three: RFC 9293 §3.1, RFC 768, RFC 9260 §3.1. */
export const PORTS_BYTES = 4;
/** Source port << 16 | destination port, signed. */
export const portsWord = (frame: DataView, offset: number): number => frame.getInt32(offset);

export const TCP_MIN_HEADER_BYTES = 20;
export const UDP_HEADER_BYTES = 8;
/** Common header; chunks follow. */
export const SCTP_HEADER_BYTES = 12;
export const SCTP_CHUNK_HEADER_BYTES = 4;

const TCP_SEQUENCE_OFFSET = 4;
const TCP_DATA_OFFSET_OFFSET = 12;
const TCP_FLAGS_OFFSET = 13;
const TCP_ACKNOWLEDGEMENT_OFFSET = 8;
export const TCP_CHECKSUM_OFFSET = 16;
export const UDP_CHECKSUM_OFFSET = 6;

export const TcpFlag = { Fin: 1, Syn: 2, Rst: 4, Psh: 8, Ack: 16, Urg: 32, Ece: 64, Cwr: 128 } as const;

export const tcpFlags = (frame: DataView, offset: number): number =>
  frame.getUint8(offset + TCP_FLAGS_OFFSET);
export const tcpHeaderBytes = (frame: DataView, offset: number): number =>
  (frame.getUint8(offset + TCP_DATA_OFFSET_OFFSET) >>> 4) * 4;
export const tcpSequence = (frame: DataView, offset: number): number =>
  frame.getUint32(offset + TCP_SEQUENCE_OFFSET);

export function writeTcpSequenceAndFlags(
  frame: DataView,
  offset: number,
  sequence: number,
  flags: number,
): void {
  frame.setUint32(offset + TCP_SEQUENCE_OFFSET, sequence >>> 0);
  frame.setUint8(offset + TCP_FLAGS_OFFSET, flags);
}

/** What RST answers this segment with, the bytes that it takes counting SYN and FIN: RFC 9293 §3.10.7.1. */
export function encodeTcpReset(
  out: DataView,
  outOffset: number,
  segment: DataView,
  offset: number,
  segmentEnd: number,
): void {
  const flags = tcpFlags(segment, offset);
  const hasAck = (flags & TcpFlag.Ack) !== 0;
  const payloadBytes = Math.max(0, segmentEnd - offset - tcpHeaderBytes(segment, offset));
  const length = payloadBytes + ((flags & TcpFlag.Syn) !== 0 ? 1 : 0) + ((flags & TcpFlag.Fin) !== 0 ? 1 : 0);
  const sequence = hasAck ? segment.getUint32(offset + TCP_ACKNOWLEDGEMENT_OFFSET) : 0;
  out.setUint16(outOffset, segment.getUint16(offset + 2));
  out.setUint16(outOffset + 2, segment.getUint16(offset));
  out.setUint32(outOffset + TCP_ACKNOWLEDGEMENT_OFFSET, hasAck ? 0 : tcpSequence(segment, offset) + length);
  out.setUint8(outOffset + TCP_DATA_OFFSET_OFFSET, (TCP_MIN_HEADER_BYTES / 4) << 4);
  writeTcpSequenceAndFlags(out, outOffset, sequence, TcpFlag.Rst | (hasAck ? 0 : TcpFlag.Ack));
  // Window, checksum, urgent pointer.
  out.setUint16(outOffset + TCP_CHECKSUM_OFFSET - 2, 0);
  out.setUint32(outOffset + TCP_CHECKSUM_OFFSET, 0);
}

/** RFC 9260 §3.2 */
export const SctpChunk = {
  Data: 0,
  Init: 1,
  InitAck: 2,
  Sack: 3,
  Heartbeat: 4,
  HeartbeatAck: 5,
  Abort: 6,
  Shutdown: 7,
  ShutdownAck: 8,
  Error: 9,
  CookieEcho: 10,
  CookieAck: 11,
  EcnEcho: 12,
  Cwr: 13,
  ShutdownComplete: 14,
} as const;

/** Type of the first chunk; -1 when the packet ends before it. */
export function sctpFirstChunk(frame: DataView, offset: number, end: number): number {
  const first = offset + SCTP_HEADER_BYTES;
  return first + SCTP_CHUNK_HEADER_BYTES > end ? -1 : frame.getUint8(first);
}

/**
 * The chunk that moves the state of an association: the first, or an ABORT bundled behind a cookie
 * (set_sctp_state() in net/netfilter/ipvs/ip_vs_proto_sctp.c). -1 when the packet ends before it.
 */
export function sctpStateChunk(frame: DataView, offset: number, end: number): number {
  const first = offset + SCTP_HEADER_BYTES;
  const type = sctpFirstChunk(frame, offset, end);
  if (type !== SctpChunk.CookieEcho && type !== SctpChunk.CookieAck) return type;
  const lengthBytes = frame.getUint16(first + 2);
  const next = first + ((lengthBytes + 3) & ~3);
  const bundledAbort =
    lengthBytes >= SCTP_CHUNK_HEADER_BYTES &&
    next + SCTP_CHUNK_HEADER_BYTES <= end &&
    frame.getUint8(next) === SctpChunk.Abort;
  return bundledAbort ? SctpChunk.Abort : type;
}
