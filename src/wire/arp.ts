/** ARP for IPv4 over Ethernet. Offsets in bytes from the start of the ARP packet. RFC 826. */
import type { MacAddress } from './address.ts';

export const ARP_IPV4_BYTES = 28;

const HARDWARE_TYPE_OFFSET = 0;
const PROTOCOL_TYPE_OFFSET = 2;
const ADDRESS_LENGTHS_OFFSET = 4;
const SENDER_MAC_OFFSET = 8;
const SENDER_IP_OFFSET = 14;
const TARGET_IP_OFFSET = 24;
const OPERATION_OFFSET = 6;

const ETHERNET = 1;
const IPV4 = 0x0800;
/** Six bytes of MAC, four of IP. */
const LENGTHS = 0x0604;

export const ArpOperation = { Request: 1, Reply: 2 } as const;

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
export const arpOperation = (frame: DataView, offset: number): number =>
  frame.getUint16(offset + OPERATION_OFFSET);

/** Who has `target`? A sender of 0.0.0.0 is in nobody's cache afterwards: RFC 5227 §2.1.1. Words as wire/address.ts has them. */
export function encodeArpRequest(
  frame: DataView,
  offset: number,
  sender: { readonly mac: MacAddress; readonly ip: number },
  target: number,
): void {
  frame.setUint16(offset + HARDWARE_TYPE_OFFSET, ETHERNET);
  frame.setUint16(offset + PROTOCOL_TYPE_OFFSET, IPV4);
  frame.setUint16(offset + ADDRESS_LENGTHS_OFFSET, LENGTHS);
  frame.setUint16(offset + OPERATION_OFFSET, ArpOperation.Request);
  frame.setUint16(offset + SENDER_MAC_OFFSET, sender.mac.high);
  frame.setInt32(offset + SENDER_MAC_OFFSET + 2, sender.mac.low);
  frame.setInt32(offset + SENDER_IP_OFFSET, sender.ip);
  frame.setUint16(offset + SENDER_IP_OFFSET + 4, 0);
  frame.setInt32(offset + SENDER_IP_OFFSET + 6, 0);
  frame.setInt32(offset + TARGET_IP_OFFSET, target);
}
