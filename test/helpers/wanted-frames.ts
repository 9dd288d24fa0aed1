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
  'our reply': eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
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
