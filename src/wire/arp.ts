/** ARP for IPv4 over Ethernet. Offsets in bytes from the start of the ARP packet. RFC 826. */

export const ARP_IPV4_BYTES = 28;

const HARDWARE_TYPE_OFFSET = 0;
const PROTOCOL_TYPE_OFFSET = 2;
const ADDRESS_LENGTHS_OFFSET = 4;
const SENDER_MAC_OFFSET = 8;
const SENDER_IP_OFFSET = 14;

const ETHERNET = 1;
const IPV4 = 0x0800;
/** Six bytes of MAC, four of IP. */
const LENGTHS = 0x0604;

/** The caller has checked that ARP_IPV4_BYTES are there. */
export const isIpv4Arp = (frame: DataView, offset: number): boolean =>
  frame.getUint16(offset + HARDWARE_TYPE_OFFSET) === ETHERNET &&
  frame.getUint16(offset + PROTOCOL_TYPE_OFFSET) === IPV4 &&
  frame.getUint16(offset + ADDRESS_LENGTHS_OFFSET) === LENGTHS;

/** Who says that it holds the address: signed 32 bits. */
export const arpSenderIp = (frame: DataView, offset: number): number =>
  frame.getInt32(offset + SENDER_IP_OFFSET);
export const arpSenderMacHigh = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + SENDER_MAC_OFFSET);
export const arpSenderMacLow = (frame: DataView, offset: number): number =>
  frame.getInt32(offset + SENDER_MAC_OFFSET + 2);
