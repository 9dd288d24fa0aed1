/** Ethernet II and VLAN tags. Offsets in bytes from the start of the frame. IEEE 802.3 §3.1, 802.1Q §9.6. */

export const ETHERNET_HEADER_BYTES = 14;
export const VLAN_TAG_BYTES = 4;
/** More tags than customer and service (802.1ad) have are not ours to route. */
export const MAX_VLAN_TAGS = 2;

const DESTINATION_OFFSET = 0;
const SOURCE_OFFSET = 6;
const ETHER_TYPE_OFFSET = 12;

/** linux/if_ether.h */
export const EtherType = {
  Ipv4: 0x0800,
  Arp: 0x0806,
  Ipv6: 0x86dd,
  Vlan: 0x8100,
  ServiceVlan: 0x88a8,
} as const;

/** First 16 bits of the destination MAC. */
export const destinationMacHigh = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + DESTINATION_OFFSET);
/** Last 32 bits of the destination MAC, signed. */
export const destinationMacLow = (frame: DataView, offset: number): number =>
  frame.getInt32(offset + DESTINATION_OFFSET + 2);
export const sourceMacHigh = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + SOURCE_OFFSET);
export const sourceMacLow = (frame: DataView, offset: number): number =>
  frame.getInt32(offset + SOURCE_OFFSET + 2);
export const etherType = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + ETHER_TYPE_OFFSET);

/** Both addresses, in three writes: all of the destination, then all of the source. */
export function writeMacs(
  frame: DataView,
  offset: number,
  destination: { readonly high: number; readonly low: number },
  source: { readonly high: number; readonly low: number },
): void {
  frame.setInt32(offset, (destination.high << 16) | (destination.low >>> 16));
  frame.setInt32(offset + 4, (destination.low << 16) | source.high);
  frame.setInt32(offset + 8, source.low);
}
