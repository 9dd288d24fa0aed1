/** ICMP and ICMPv6. Offsets in bytes from the start of the ICMP header. RFC 792, RFC 4443. */
import { checksum } from './checksum.ts';

/** Type, code, checksum and four bytes of the type's own; in an error the packet that it is about follows. */
export const ICMP_HEADER_BYTES = 8;

const CHECKSUM_OFFSET = 2;

export const IcmpType = { Unreachable: 3, SourceQuench: 4, TimeExceeded: 11 } as const;
export const ICMP_PORT_UNREACHABLE = 3;
export const ICMP_TTL_EXCEEDED = 0;

export const Icmpv6Type = { Unreachable: 1, TimeExceeded: 3 } as const;
export const ICMPV6_PORT_UNREACHABLE = 4;
export const ICMPV6_HOP_LIMIT_EXCEEDED = 0;
/** Types from here on are informational, not errors: RFC 4443 §2.1. */
const ICMPV6_FIRST_INFORMATIONAL = 128;

export const icmpType = (frame: DataView, offset: number): number => frame.getUint8(offset);

/** The ones that IPVS relates to a connection (ip_vs_in_icmp() in net/netfilter/ipvs/ip_vs_core.c). */
export const isIcmpErrorType = (type: number): boolean =>
  type === IcmpType.Unreachable || type === IcmpType.SourceQuench || type === IcmpType.TimeExceeded;
export const isIcmpv6ErrorType = (type: number): boolean => type < ICMPV6_FIRST_INFORMATIONAL;

/** Writes type, code, zeroes for the rest of the header, and the checksum over header and body. */
export function encodeIcmp(
  frame: DataView,
  offset: number,
  type: number,
  code: number,
  lengthBytes: number,
  pseudoHeader = 0,
): void {
  frame.setUint8(offset, type);
  frame.setUint8(offset + 1, code);
  frame.setUint16(offset + CHECKSUM_OFFSET, 0);
  frame.setUint32(offset + 4, 0);
  frame.setUint16(offset + CHECKSUM_OFFSET, checksum(frame, offset, lengthBytes, pseudoHeader));
}
