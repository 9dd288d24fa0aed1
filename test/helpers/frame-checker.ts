/**
 * Whether an Ethernet frame is one that a director may put on the wire, judged without src/wire: whole, lengths true,
 * IPv4 header checksum right, TTL above 0.
 */
import { internetChecksum } from './frame-builder.ts';

/** Undefined: nothing is wrong with it. */
export function frameProblem(frame: Uint8Array): string | undefined {
  if (frame.length < 14) return 'shorter than an Ethernet header';
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let offset = 12;
  while (offset + 2 <= frame.length && [0x8100, 0x88a8].includes(view.getUint16(offset))) offset += 4;
  if (offset + 2 > frame.length) return 'ends in its VLAN tags';
  const type = view.getUint16(offset);
  const ip = frame.subarray(offset + 2);
  if (type === 0x0800) return ipv4Problem(ip);
  if (type === 0x86dd) return ipv6Problem(ip);
  return `neither IPv4 nor IPv6: ${type.toString(16)}`;
}

function ipv4Problem(ip: Uint8Array): string | undefined {
  if (ip.length < 20) return 'IPv4 header is cut';
  if (ip[0]! >> 4 !== 4) return 'not version 4';
  const headerBytes = (ip[0]! & 15) * 4;
  const totalBytes = ip[2]! * 256 + ip[3]!;
  if (headerBytes < 20 || headerBytes > ip.length) return 'IPv4 header length is wrong';
  if (totalBytes !== ip.length) return `IPv4 total length ${totalBytes}, but ${ip.length} bytes are sent`;
  if (totalBytes < headerBytes) return 'IPv4 total length is below the header length';
  if (internetChecksum(ip.subarray(0, headerBytes)) !== 0) return 'IPv4 header checksum is wrong';
  return ip[8] === 0 ? 'TTL 0' : undefined;
}

function ipv6Problem(ip: Uint8Array): string | undefined {
  if (ip.length < 40) return 'IPv6 header is cut';
  if (ip[0]! >> 4 !== 6) return 'not version 6';
  const totalBytes = 40 + ip[4]! * 256 + ip[5]!;
  if (totalBytes !== ip.length) return `IPv6 length ${totalBytes}, but ${ip.length} bytes are sent`;
  return ip[7] === 0 ? 'hop limit 0' : undefined;
}
