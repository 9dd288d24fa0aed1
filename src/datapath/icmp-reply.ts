/**
 * What the director itself answers: port unreachable, time exceeded. Built in a buffer of its own and sent back to
 * the MAC that the frame came from. RFC 792, RFC 1812 §4.3.2, RFC 4443 §2.4; a bounded number each second.
 */
import { sourceMacHigh, sourceMacLow, writeMacs } from '../wire/ethernet.ts';
import {
  encodeIcmp,
  ICMP_HEADER_BYTES,
  ICMP_PORT_UNREACHABLE,
  ICMP_TTL_EXCEEDED,
  ICMPV6_HOP_LIMIT_EXCEEDED,
  ICMPV6_PORT_UNREACHABLE,
  IcmpType,
  Icmpv6Type,
} from '../wire/icmp.ts';
import { encodeIpv4, IPV4_MIN_HEADER_BYTES, IpProtocol } from '../wire/ipv4.ts';
import { encodeIpv6, IPV6_HEADER_BYTES } from '../wire/ipv6.ts';
import { pseudoHeaderSumOf } from '../wire/pseudo-header.ts';
import type { Path } from './path.ts';
import { Verdict } from './verdict.ts';

/** RFC 1812 §4.3.2.3: as much of the packet as fits without exceeding 576 bytes. */
const MAX_ICMP_PACKET_BYTES = 576;
/** RFC 4443 §2.4 (c): without exceeding the minimum IPv6 MTU. */
const MAX_ICMPV6_PACKET_BYTES = 1280;
export const REPLY_TTL = 64;

export function replyPortUnreachable(path: Path, frame: DataView): Verdict {
  const isIpv4 = path.packet.ipVersion === 4;
  return isIpv4
    ? reply4(path, frame, IcmpType.Unreachable, ICMP_PORT_UNREACHABLE, Verdict.ReplyPortUnreachable)
    : reply6(path, frame, Icmpv6Type.Unreachable, ICMPV6_PORT_UNREACHABLE, Verdict.ReplyPortUnreachable);
}

export function replyTimeExceeded(path: Path, frame: DataView): Verdict {
  // No error about an error, nor about a later fragment: RFC 1122 §3.2.2.
  if (path.packet.isIcmpError || path.packet.fragmentOffsetBytes > 0) return Verdict.DropTtl;
  return path.packet.ipVersion === 4
    ? reply4(path, frame, IcmpType.TimeExceeded, ICMP_TTL_EXCEEDED, Verdict.ReplyTimeExceeded)
    : reply6(path, frame, Icmpv6Type.TimeExceeded, ICMPV6_HOP_LIMIT_EXCEEDED, Verdict.ReplyTimeExceeded);
}

function reply4(path: Path, frame: DataView, type: number, code: number, replied: Verdict): Verdict {
  const { packet, replies } = path;
  if (!replies.take(path.now, packet)) return Verdict.DropReplyLimit;
  const out = replies.frame;
  const icmpOffset = packet.ipOffset + IPV4_MIN_HEADER_BYTES;
  const bodyOffset = icmpOffset + ICMP_HEADER_BYTES;
  const bodyBytes = Math.min(
    packet.ipBytes,
    MAX_ICMP_PACKET_BYTES - IPV4_MIN_HEADER_BYTES - ICMP_HEADER_BYTES,
  );
  beginReply(path, frame, bodyOffset, bodyBytes);
  encodeIcmp(out, icmpOffset, type, code, ICMP_HEADER_BYTES + bodyBytes);
  encodeIpv4(
    out,
    packet.ipOffset,
    IPV4_MIN_HEADER_BYTES + ICMP_HEADER_BYTES + bodyBytes,
    REPLY_TTL,
    IpProtocol.Icmp,
    packet.virtual0,
    packet.client0,
  );
  return path.sink.transmit(out, bodyOffset + bodyBytes) ? replied : Verdict.DropTransmit;
}

function reply6(path: Path, frame: DataView, type: number, code: number, replied: Verdict): Verdict {
  const { packet, replies } = path;
  // Nobody has the unspecified address: RFC 4443 §2.4 (e.6).
  if ((packet.client0 | packet.client1 | packet.client2 | packet.client3) === 0)
    return Verdict.DropMartianSource;
  if (!replies.take(path.now, packet)) return Verdict.DropReplyLimit;
  const out = replies.frame;
  const icmpOffset = packet.ipOffset + IPV6_HEADER_BYTES;
  const bodyOffset = icmpOffset + ICMP_HEADER_BYTES;
  const bodyBytes = Math.min(packet.ipBytes, MAX_ICMPV6_PACKET_BYTES - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES);
  const icmpBytes = ICMP_HEADER_BYTES + bodyBytes;
  beginReply(path, frame, bodyOffset, bodyBytes);
  encodeIpv6(out, packet.ipOffset, icmpBytes, IpProtocol.Icmpv6, REPLY_TTL, packet);
  encodeIcmp(out, icmpOffset, type, code, icmpBytes, pseudoHeaderSumOf(packet, IpProtocol.Icmpv6, icmpBytes));
  return path.sink.transmit(out, bodyOffset + bodyBytes) ? replied : Verdict.DropTransmit;
}

/** Link header with its VLAN tags, back to where the frame came from. */
export function writeReplyLink({ packet, replies, ownMac }: Path, frame: DataView): void {
  const out = replies.frame;
  for (let at = 12; at < packet.ipOffset; at += 2) out.setUint16(at, frame.getUint16(at));
  writeMacs(out, 0, { high: sourceMacHigh(frame, 0), low: sourceMacLow(frame, 0) }, ownMac);
}

/** The link header, and the start of the packet as the body. */
function beginReply(path: Path, frame: DataView, bodyOffset: number, bodyBytes: number): void {
  const { packet, replies } = path;
  const out = replies.frame;
  writeReplyLink(path, frame);
  for (let at = 0; at < bodyBytes; at++) out.setUint8(bodyOffset + at, frame.getUint8(packet.ipOffset + at));
}
