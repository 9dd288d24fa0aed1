/** RST from the virtual address to the client, in answer to the segment in path.packet. RFC 9293 §3.10.7.1. */
import { checksum } from '../wire/checksum.ts';
import { encodeIpv4, IPV4_MIN_HEADER_BYTES, IpProtocol } from '../wire/ipv4.ts';
import { encodeIpv6, IPV6_HEADER_BYTES } from '../wire/ipv6.ts';
import { pseudoHeaderSumOf } from '../wire/pseudo-header.ts';
import { encodeTcpReset, TCP_CHECKSUM_OFFSET, TCP_MIN_HEADER_BYTES } from '../wire/transport.ts';
import { REPLY_TTL, writeReplyLink } from './icmp-reply.ts';
import type { Path } from './path.ts';
import { Verdict } from './verdict.ts';

export function replyReset(path: Path, frame: DataView): Verdict {
  const { packet } = path;
  const out = path.replies.frame;
  const isIpv4 = packet.ipVersion === 4;
  const tcpOffset = packet.ipOffset + (isIpv4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES);
  const end = tcpOffset + TCP_MIN_HEADER_BYTES;
  writeReplyLink(path, frame);
  if (isIpv4) {
    const { virtual0, client0 } = packet;
    encodeIpv4(out, packet.ipOffset, end - packet.ipOffset, REPLY_TTL, IpProtocol.Tcp, virtual0, client0);
  } else {
    encodeIpv6(out, packet.ipOffset, TCP_MIN_HEADER_BYTES, IpProtocol.Tcp, REPLY_TTL, packet);
  }
  encodeTcpReset(out, tcpOffset, frame, packet.transportOffset, packet.ipEnd);
  const pseudo = pseudoHeaderSumOf(packet, IpProtocol.Tcp, TCP_MIN_HEADER_BYTES);
  out.setUint16(tcpOffset + TCP_CHECKSUM_OFFSET, checksum(out, tcpOffset, TCP_MIN_HEADER_BYTES, pseudo));
  return path.sink.transmit(out, end) ? Verdict.ReplyReset : Verdict.DropTransmit;
}
