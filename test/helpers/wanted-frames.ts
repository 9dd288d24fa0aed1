/** Frames that an engine is to let in, for services of VIP and VIP6 on a host with DIRECTOR_MAC, and ones it is not. */
import {
  ACK,
  DIRECTOR_MAC,
  eth,
  type FrameBuilder,
  GATEWAY_MAC,
  packet,
  payloadOf,
  SYN,
} from './frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from './sample-frames.ts';

const OTHER_MAC = '02:00:00:00:00:0b';

/** Of those that are wanted, the one that this host sends. */
export const OUR_REPLY = 'our reply';

export const wanted: Readonly<Record<string, FrameBuilder>> = {
  'TCP to us': eth().ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'UDP over IPv6 to us': eth().ipv6(CLIENT6, VIP6).udp(1, 53),
  'later fragment': eth().ipv4(CLIENT, VIP, { fragmentOffsetBytes: 8 }).raw(payloadOf(8), { ipProtocol: 17 }),
  'ICMP error': eth()
    .ipv4('198.51.100.1', VIP)
    .icmp(3, 4, packet().ipv4(VIP, CLIENT).tcp(80, 1, ACK)),
  'one tag': eth().vlan(7).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'two tags, IPv6': eth().vlan(7).vlan(8).ipv6(CLIENT6, VIP6).tcp(1, 80, SYN),
  'service tag': eth().vlan(7, 0x88a8).vlan(8).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  [OUR_REPLY]: eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
    .ipv4(VIP, CLIENT)
    .tcp(80, 1, SYN | ACK),
  'claim of the virtual address': eth({ to: 'ff:ff:ff:ff:ff:ff', from: OTHER_MAC }).arp({
    senderMac: OTHER_MAC,
    senderIp: VIP,
    targetIp: VIP,
  }),
};
export const unwanted: Readonly<Record<string, FrameBuilder>> = {
  'to another address': eth().ipv4(CLIENT, '10.0.0.1').tcp(1, 80, SYN),
  'to another MAC': eth({ to: OTHER_MAC }).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'what we forwarded': eth({ from: DIRECTOR_MAC, to: OTHER_MAC }).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'what we forwarded, tagged': eth({ from: DIRECTOR_MAC, to: OTHER_MAC })
    .vlan(7)
    .ipv4(CLIENT, VIP)
    .tcp(1, 80, SYN),
  'our ICMP answer': eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
    .ipv4(VIP, CLIENT)
    .icmp(3, 3, packet().ipv4(CLIENT, VIP).udp(1, 2)),
  'ARP request for the virtual address': eth({ to: 'ff:ff:ff:ff:ff:ff' }).arp({
    senderMac: GATEWAY_MAC,
    senderIp: '10.0.0.254',
    targetIp: VIP,
  }),
  'our own claim': eth({ to: 'ff:ff:ff:ff:ff:ff', from: DIRECTOR_MAC }).arp({
    senderMac: DIRECTOR_MAC,
    senderIp: VIP,
    targetIp: VIP,
  }),
  'our own ssh': eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC }).ipv4('10.0.0.1', CLIENT).tcp(22, 1, ACK),
};

const TRANSPORTS = [6, 17, 132];
const TYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
const TAGS = [0x8100, 0x88a8];

/** As the kernel has it when it asks: it has taken the first tag out of what it received, and of what it sends none. */
export function untagged(bytes: Uint8Array): Uint8Array {
  if (!TAGS.includes(half(bytes, 12))) return bytes;
  return Uint8Array.from([...bytes.subarray(0, 12), ...bytes.subarray(16)]);
}

/** What packet-filter.ts says in instructions, said in words: of a frame as untagged() has it. */
export function isWanted(frame: Uint8Array): boolean {
  const type = half(frame, 12);
  if (hex(frame, 6, 6) === macHex(DIRECTOR_MAC)) {
    if (type === TYPE.ipv4) return TRANSPORTS.includes(frame[23]!) && hex(frame, 26, 4) === VIP_HEX;
    if (type === TYPE.ipv6) return TRANSPORTS.includes(frame[20]!) && hex(frame, 22, 16) === VIP6_HEX;
    return false;
  }
  if (type === TYPE.arp) return hex(frame, 28, 4) === VIP_HEX;
  if (hex(frame, 0, 6) !== macHex(DIRECTOR_MAC)) return false;
  const inner = TAGS.includes(type) ? 4 : 0;
  const innerType = half(frame, 12 + inner);
  if (innerType === TYPE.ipv4) return hex(frame, 30 + inner, 4) === VIP_HEX;
  return innerType === TYPE.ipv6 && hex(frame, 38 + inner, 16) === VIP6_HEX;
}

const half = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const hex = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.subarray(at, at + length)).toString('hex');
const macHex = (mac: string): string => mac.replaceAll(':', '');
const VIP_HEX = hex(packet().ipv4(CLIENT, VIP).udp(1, 1).bytes(), 16, 4);
const VIP6_HEX = hex(packet().ipv6(CLIENT6, VIP6).udp(1, 1).bytes(), 24, 16);
