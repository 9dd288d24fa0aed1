/**
 * What a network card would have done to frames on their way out, for frames that never passed one: a sender behind
 * veth leaves checksums and the cutting of large TCP segments to its card. linux/skbuff.h, CHECKSUM_PARTIAL and
 * SKB_GSO_TCPV4; RFC 9293 §3.1.
 */
import { fold16, sum16 } from '../wire/checksum.ts';
import { IpProtocol, writeIpv4Checksum, writeIpv4LengthAndId } from '../wire/ipv4.ts';
import { IPV6_HEADER_BYTES, writeIpv6PayloadBytes } from '../wire/ipv6.ts';
import { NOT_PRESENT, type Packet } from '../wire/packet.ts';
import { pseudoHeaderSumOf } from '../wire/pseudo-header.ts';
import {
  TCP_CHECKSUM_OFFSET,
  TCP_MIN_HEADER_BYTES,
  TcpFlag,
  tcpFlags,
  tcpHeaderBytes,
  tcpSequence,
  UDP_CHECKSUM_OFFSET,
  writeTcpSequenceAndFlags,
} from '../wire/transport.ts';

/** Fills in a checksum that the sender left to its card: the field then holds the sum of the pseudo-header. */
export function completeChecksum(packet: Packet, frame: DataView): void {
  const isTcp = packet.protocol === IpProtocol.Tcp;
  if (packet.isIcmpError || isFragment(packet) || (!isTcp && packet.protocol !== IpProtocol.Udp)) return;
  const fieldOffset = packet.transportOffset + (isTcp ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET);
  if (fieldOffset + 2 > packet.ipEnd) return;
  const transportBytes = packet.ipEnd - packet.transportOffset;
  const pseudoHeader = fold16(pseudoHeaderSumOf(packet, packet.protocol, transportBytes));
  if (frame.getUint16(fieldOffset) !== pseudoHeader) return;
  const sum = fold16(sum16(frame, packet.transportOffset, transportBytes));
  // One frame in 65,536 with a proper checksum looks like this by chance: with the pseudo-header it sums to all ones.
  if (fold16(sum + pseudoHeader) === 0xffff) return;
  const field = ~sum & 0xffff;
  // 0 would say that there is none: RFC 768, RFC 8200 §8.1.
  frame.setUint16(fieldOffset, field === 0 && !isTcp ? 0xffff : field);
}

const isFragment = (packet: Packet): boolean => packet.moreFragments || packet.fragmentOffsetBytes > 0;

/**
 * Cuts a TCP packet that is larger than the MTU into ones that fit, each built at the start of `scratch` and given
 * to emit() with its frame length. False: it is no TCP packet that can be cut, or emit() failed.
 */
export function segmentTcp(
  packet: Packet,
  frame: DataView,
  mtuBytes: number,
  scratch: DataView,
  emit: (lengthBytes: number) => boolean,
): boolean {
  if (packet.protocol !== IpProtocol.Tcp || packet.isIcmpError || isFragment(packet)) return false;
  if (packet.tcpFlags === NOT_PRESENT) return false;
  const { ipOffset, transportOffset } = packet;
  const headerBytes = tcpHeaderBytes(frame, transportOffset);
  if (headerBytes < TCP_MIN_HEADER_BYTES) return false;
  const dataOffset = transportOffset + headerBytes;
  const maxDataBytes = mtuBytes - (dataOffset - ipOffset);
  const dataBytes = packet.ipEnd - dataOffset;
  if (maxDataBytes <= 0 || dataBytes <= 0) return false;

  copyBytes(frame, 0, scratch, 0, dataOffset);
  const sequence = tcpSequence(frame, transportOffset);
  const flags = tcpFlags(frame, transportOffset);
  const identification = packet.ipVersion === 4 ? packet.identification : 0;
  for (let sentBytes = 0, count = 0; sentBytes < dataBytes; count++) {
    const partBytes = Math.min(maxDataBytes, dataBytes - sentBytes);
    const isLast = sentBytes + partBytes === dataBytes;
    const onlyFirst = count === 0 ? 0 : TcpFlag.Cwr;
    const onlyLast = isLast ? 0 : TcpFlag.Fin | TcpFlag.Psh;
    copyBytes(frame, dataOffset + sentBytes, scratch, dataOffset, partBytes);
    writeTcpSequenceAndFlags(scratch, transportOffset, sequence + sentBytes, flags & ~onlyFirst & ~onlyLast);
    writeLengthsAndChecksums(packet, scratch, dataOffset + partBytes, (identification + count) & 0xffff);
    if (!emit(dataOffset + partBytes)) return false;
    sentBytes += partBytes;
  }
  return true;
}

function writeLengthsAndChecksums(
  packet: Packet,
  frame: DataView,
  end: number,
  identification: number,
): void {
  const { ipOffset, transportOffset } = packet;
  if (packet.ipVersion === 4) {
    writeIpv4LengthAndId(frame, ipOffset, end - ipOffset, identification);
    writeIpv4Checksum(frame, ipOffset, transportOffset - ipOffset);
  } else {
    writeIpv6PayloadBytes(frame, ipOffset, end - ipOffset - IPV6_HEADER_BYTES);
  }
  const transportBytes = end - transportOffset;
  frame.setUint16(transportOffset + TCP_CHECKSUM_OFFSET, 0);
  const sum = sum16(
    frame,
    transportOffset,
    transportBytes,
    pseudoHeaderSumOf(packet, packet.protocol, transportBytes),
  );
  frame.setUint16(transportOffset + TCP_CHECKSUM_OFFSET, ~fold16(sum) & 0xffff);
}

function copyBytes(
  from: DataView,
  fromOffset: number,
  to: DataView,
  toOffset: number,
  lengthBytes: number,
): void {
  const source = new Uint8Array(from.buffer, from.byteOffset + fromOffset, lengthBytes);
  new Uint8Array(to.buffer, to.byteOffset + toOffset, lengthBytes).set(source);
}
