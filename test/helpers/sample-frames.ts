/** One whole frame of every kind: what random tests mutate. */
import {
  ACK,
  CWR,
  DIRECTOR_MAC,
  EXTENSION,
  eth,
  FIN,
  PSH,
  packet,
  payloadOf,
  RST,
  SYN,
} from './frame-builder.ts';

export const CLIENT = '192.0.2.9';
export const VIP = '10.0.0.100';
export const CLIENT6 = '2001:db8:1::9';
export const VIP6 = 'fd00:10::100';
const ROUTER = '198.51.100.1';
const ROUTER6 = '2001:db8::1';
const GATEWAY = { from: DIRECTOR_MAC, to: '02:00:00:00:02:00' };

export const sampleFrames: readonly Uint8Array[] = [
  eth()
    .ipv4(CLIENT, VIP)
    .tcp(31337, 80, SYN, { options: [2, 4, 5, 180] }),
  eth()
    .ipv4(CLIENT, VIP)
    .tcp(31337, 80, ACK | PSH, { payload: payloadOf(64) }),
  eth()
    .ipv4(CLIENT, VIP)
    .tcp(31337, 80, FIN | ACK),
  eth().ipv4(CLIENT, VIP).tcp(31337, 80, RST),
  eth()
    .ipv4(CLIENT, VIP)
    .tcp(31337, 80, SYN | CWR),
  eth().ipv4(CLIENT, VIP, { ttl: 1 }).tcp(31338, 80, SYN),
  eth()
    .ipv4(CLIENT, VIP, { options: [7, 7, 4, 0, 0, 0, 0, 0] })
    .tcp(31339, 80, SYN),
  eth()
    .ipv4(CLIENT, VIP)
    .udp(5000, 53, { payload: payloadOf(30) }),
  eth()
    .ipv4(CLIENT, VIP, { moreFragments: true, id: 9 })
    .udp(5000, 53, { payload: payloadOf(24) }),
  eth().ipv4(CLIENT, VIP, { fragmentOffsetBytes: 32, id: 9 }).raw(payloadOf(40), { ipProtocol: 17 }),
  eth()
    .ipv4(CLIENT, VIP)
    .sctp(31337, 36412, [{ type: 1, body: [...payloadOf(16)] }]),
  eth()
    .ipv4(CLIENT, VIP)
    .sctp(31337, 36412, [{ type: 10, body: [1, 2, 3] }, { type: 6 }]),
  eth().ipv4(CLIENT, VIP).icmp(8, 0, payloadOf(56)),
  eth()
    .ipv4(ROUTER, VIP)
    .icmp(
      3,
      4,
      packet()
        .ipv4(VIP, CLIENT)
        .tcp(80, 31337, ACK, { payload: payloadOf(8) }),
    ),
  eth()
    .ipv4(ROUTER, VIP)
    .icmp(
      11,
      0,
      packet()
        .ipv4(VIP, CLIENT, { options: [1, 1, 1, 0] })
        .udp(53, 5000),
    ),
  eth().vlan(7).ipv4(CLIENT, VIP).tcp(31340, 80, SYN),
  eth().vlan(7, 0x88a8).vlan(8).ipv6(CLIENT6, VIP6).tcp(31340, 80, SYN),
  eth().ipv6(CLIENT6, VIP6).tcp(31337, 80, SYN),
  eth().ipv6(CLIENT6, VIP6, { hopLimit: 1 }).tcp(31338, 80, SYN),
  eth()
    .ipv6(CLIENT6, VIP6)
    .extension(EXTENSION.hopByHop)
    .extension(EXTENSION.routing, 1)
    .udp(5000, 53, { payload: payloadOf(9) }),
  eth()
    .ipv6(CLIENT6, VIP6)
    .extension(EXTENSION.authentication)
    .extension(EXTENSION.destination)
    .tcp(31337, 80, ACK),
  eth()
    .ipv6(CLIENT6, VIP6)
    .fragment({ more: true, id: 3 })
    .udp(5000, 53, { payload: payloadOf(16) }),
  eth().ipv6(CLIENT6, VIP6).fragment({ offsetBytes: 24, id: 3 }).raw(payloadOf(16), { ipProtocol: 17 }),
  eth()
    .ipv6(ROUTER6, VIP6)
    .icmp(2, 0, packet().ipv6(VIP6, CLIENT6).extension(EXTENSION.hopByHop).tcp(80, 31337, ACK)),
  eth().ipv6(CLIENT6, VIP6).icmp(135, 0, payloadOf(20)),
  eth(GATEWAY)
    .ipv4(VIP, CLIENT)
    .tcp(80, 31337, SYN | ACK),
  eth(GATEWAY)
    .ipv6(VIP6, CLIENT6)
    .udp(53, 5000, { payload: payloadOf(12) }),
  eth({ to: 'ff:ff:ff:ff:ff:ff' }).arp({ senderMac: '02:00:00:00:00:0b', senderIp: VIP, targetIp: VIP }),
].map((builder) => builder.bytes());
