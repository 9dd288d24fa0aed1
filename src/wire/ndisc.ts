/** Neighbour discovery, the questions and answers of IPv6 in place of ARP. Offsets in bytes from the ICMPv6 header. RFC 4861. */
import type { IpAddress, MacAddress } from './address.ts';

/** Solicitation with the option that tells our MAC: RFC 4861 §4.3, §4.6.1. */
export const NEIGHBOR_SOLICITATION_BYTES = 32;
/** Routers do not pass it on, so an answer with less came from elsewhere: RFC 4861 §7.1. */
export const NDISC_HOP_LIMIT = 255;
export const NdiscType = { Solicitation: 135, Advertisement: 136 } as const;

const TARGET_OFFSET = 8;
const OPTIONS_OFFSET = 24;
/** Type 1: source link-layer address; length 1: of eight bytes. */
const SOURCE_MAC_OPTION = 0x0101;
export const NEIGHBOR_ADVERTISEMENT_BYTES = OPTIONS_OFFSET;

/** Without its checksum. */
export function encodeNeighborSolicitation(
  frame: DataView,
  offset: number,
  target: IpAddress,
  own: MacAddress,
): void {
  frame.setUint32(offset, NdiscType.Solicitation << 24);
  frame.setUint32(offset + 4, 0);
  for (const [index, word] of target.words.entries())
    frame.setInt32(offset + TARGET_OFFSET + 4 * index, word);
  frame.setUint16(offset + OPTIONS_OFFSET, SOURCE_MAC_OPTION);
  frame.setUint16(offset + OPTIONS_OFFSET + 2, own.high);
  frame.setInt32(offset + OPTIONS_OFFSET + 4, own.low);
}

/** Whom an advertisement is about. The caller has checked that NEIGHBOR_ADVERTISEMENT_BYTES are there. */
export const advertisedAddress = (frame: DataView, offset: number): IpAddress => ({
  version: 6,
  words: [0, 4, 8, 12].map((at) => frame.getInt32(offset + TARGET_OFFSET + at)) as [
    number,
    number,
    number,
    number,
  ],
});

/** The group that an address's owner listens to, RFC 4291 §2.7.1, and its MAC, RFC 2464 §7. */
export function solicitedNode({ words }: IpAddress): { ip: IpAddress; mac: MacAddress } {
  const tail = 0xff000000 | (words[3] & 0xffffff) | 0;
  return {
    ip: { version: 6, words: [0xff020000 | 0, 0, 1, tail] },
    mac: { high: 0x3333, low: tail },
  };
}
