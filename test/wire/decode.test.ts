/** Rows of frames: what decode() says of each, and what it found. The frames come from frame-builder.ts. */
import { describe, expect, test } from 'vitest';
import { parseIp, parseMac } from '../../src/wire/address.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { IpProtocol } from '../../src/wire/ipv4.ts';
import { NOT_PRESENT, Packet } from '../../src/wire/packet.ts';
import { SctpChunk } from '../../src/wire/transport.ts';
import {
  ACK,
  DIRECTOR_MAC,
  EXTENSION,
  eth,
  FIN,
  type FrameBuilder,
  hex,
  packet,
  paddedTo,
  payloadOf,
  SYN,
} from '../helpers/frame-builder.ts';

const CLIENT = '192.0.2.9';
const VIP = '10.0.0.100';
const CLIENT6 = '2001:db8:1::9';
const VIP6 = 'fd00:10::100';

const OWN = parseMac(DIRECTOR_MAC)!;
const POISON = 0xee;

interface Decoded extends Packet {
  readonly result: string;
}

const RESULT_NAMES = new Map(Object.entries(DecodeResult).map(([name, value]) => [value, name]));

/** The frame lies in a larger memory, as in an engine's buffer; what follows it is poison. */
function decodeBytes(frame: Uint8Array, poison = POISON): Decoded {
  const memory = new Uint8Array(frame.length + 256).fill(poison);
  memory.set(frame);
  const found = new Packet();
  const result = decode(found, new DataView(memory.buffer), frame.length, OWN);
  return Object.assign(found, { result: RESULT_NAMES.get(result)! });
}

const word = (address: string): number => parseIp(address)!.words[0];
const words = (address: string): readonly number[] => parseIp(address)!.words;

/** Both ends of the packet as the row names them. */
const ends = (client: string, virtual: string): Partial<Decoded> => {
  const [client0, client1, client2, client3] = words(client);
  const [virtual0, virtual1, virtual2, virtual3] = words(virtual);
  return { client0, client1, client2, client3, virtual0, virtual1, virtual2, virtual3 } as Partial<Decoded>;
};

interface Row {
  readonly name: string;
  readonly frame: FrameBuilder | Uint8Array;
  readonly result: keyof typeof DecodeResult;
  readonly found?: Partial<Decoded>;
}

function rows(table: readonly Row[]): void {
  test.each(table)('$name: $result', ({ frame, result, found = {} }) => {
    const decoded = decodeBytes(frame instanceof Uint8Array ? frame : frame.bytes());
    expect(decoded.result).toBe(result);
    expect(decoded).toMatchObject(found);
  });
}

const syn = (frame: FrameBuilder): FrameBuilder => frame.ipv4(CLIENT, VIP).tcp(31337, 80, SYN);
const SYN_FOUND: Partial<Decoded> = {
  ipVersion: 4,
  protocol: IpProtocol.Tcp,
  ...ends(CLIENT, VIP),
  clientPort: 31337,
  virtualPort: 80,
  hasPorts: true,
  tcpFlags: SYN,
  ttl: 64,
  isIcmpError: false,
  isOutgoing: false,
  fragmentOffsetBytes: 0,
  moreFragments: false,
};

describe('Ethernet and VLAN tags', () => {
  rows([
    {
      name: 'untagged',
      frame: syn(eth()),
      result: 'Continue',
      found: { ...SYN_FOUND, ipOffset: 14, ipEnd: 54 },
    },
    {
      name: 'one tag',
      frame: syn(eth().vlan(7)),
      result: 'Continue',
      found: { ...SYN_FOUND, ipOffset: 18, ipEnd: 58 },
    },
    {
      name: 'service and customer tag',
      frame: syn(eth().vlan(7, 0x88a8).vlan(8)),
      result: 'Continue',
      found: { ...SYN_FOUND, ipOffset: 22, ipEnd: 62 },
    },
    {
      name: 'two customer tags',
      frame: syn(eth().vlan(7).vlan(8)),
      result: 'Continue',
      found: { ipOffset: 22 },
    },
    { name: 'three tags', frame: syn(eth().vlan(7).vlan(8).vlan(9)), result: 'PassNotIp' },
    { name: 'another EtherType', frame: eth({ type: 0x88cc }).raw(payloadOf(40)), result: 'PassNotIp' },
    {
      name: 'another EtherType behind a tag',
      frame: eth().vlan(3).raw(payloadOf(40), { etherType: 0x88cc }),
      result: 'PassNotIp',
    },
    {
      name: 'an 802.3 length instead of an EtherType',
      frame: eth({ type: 46 }).raw(payloadOf(46)),
      result: 'PassNotIp',
    },
    { name: 'to another MAC', frame: syn(eth({ to: '02:00:00:00:00:0b' })), result: 'PassOtherMac' },
    { name: 'to broadcast', frame: syn(eth({ to: 'ff:ff:ff:ff:ff:ff' })), result: 'PassOtherMac' },
    {
      name: 'to a MAC that differs in its first byte',
      frame: syn(eth({ to: '12:00:00:00:01:00' })),
      result: 'PassOtherMac',
    },
    {
      name: 'sent by this host: ends are seen from the client',
      frame: eth({ from: DIRECTOR_MAC, to: '02:00:00:00:02:00' })
        .ipv4(VIP, CLIENT)
        .tcp(80, 31337, SYN | ACK),
      result: 'Continue',
      found: { ...SYN_FOUND, isOutgoing: true, tcpFlags: SYN | ACK },
    },
    {
      name: 'from and to this host is a frame to it',
      frame: syn(eth({ from: DIRECTOR_MAC })),
      result: 'Continue',
      found: { isOutgoing: false },
    },
    {
      name: 'padding behind the packet is not part of it',
      frame: paddedTo(syn(eth()).bytes(), 60),
      result: 'Continue',
      found: { ipEnd: 54, ipBytes: 40 },
    },
  ]);
});

describe('ARP', () => {
  const claim = (target: FrameBuilder) =>
    target.arp({ senderMac: '02:00:00:00:00:0b', senderIp: VIP, targetIp: VIP });
  const CLAIM = { arpSenderIp: word(VIP), arpSenderMacHigh: 0x0200, arpSenderMacLow: 0x0b };
  const NO_CLAIM = { arpSenderIp: 0, arpSenderMacHigh: 0, arpSenderMacLow: 0 };
  rows([
    { name: 'broadcast', frame: claim(eth({ to: 'ff:ff:ff:ff:ff:ff' })), result: 'PassArp', found: CLAIM },
    { name: 'to us', frame: claim(eth()), result: 'PassArp', found: CLAIM },
    { name: 'behind a tag', frame: claim(eth().vlan(5)), result: 'PassArp', found: CLAIM },
    { name: 'cut', frame: claim(eth()).bytes().subarray(0, 41), result: 'PassArp', found: NO_CLAIM },
    {
      name: 'for another protocol than IPv4',
      frame: eth({ type: 0x0806 }).raw(
        hex('0001 86dd 0604 0001 020000000a0b 0a000064 000000000000 0a000064'),
      ),
      result: 'PassArp',
      found: NO_CLAIM,
    },
    {
      name: 'with other address lengths',
      frame: eth({ type: 0x0806 }).raw(
        hex('0001 0800 0810 0001 020000000a0b 0a000064 000000000000 0a000064'),
      ),
      result: 'PassArp',
      found: NO_CLAIM,
    },
  ]);
});

describe('IPv4', () => {
  const with4 = (fields: Parameters<FrameBuilder['ipv4']>[2]) =>
    eth().ipv4(CLIENT, VIP, fields).tcp(31337, 80, SYN);
  const options = (...bytes: number[]) => with4({ options: bytes });
  rows([
    { name: 'version 5', frame: with4({ version: 5 }), result: 'DropIpVersion' },
    { name: 'version 6 behind the EtherType of IPv4', frame: with4({ version: 6 }), result: 'DropIpVersion' },
    { name: 'version 0', frame: with4({ version: 0 }), result: 'DropIpVersion' },
    { name: 'header of 4 words', frame: with4({ headerWords: 4 }), result: 'DropIpHeaderLength' },
    { name: 'header of 0 words', frame: with4({ headerWords: 0 }), result: 'DropIpHeaderLength' },
    {
      name: 'header that claims more words than the frame has',
      frame: with4({ headerWords: 15 }),
      result: 'DropTruncated',
    },
    {
      name: 'header that claims a word of the TCP header',
      frame: with4({ headerWords: 6 }),
      result: 'DropIpChecksum',
    },
    { name: 'wrong checksum', frame: with4({ checksum: 0x1234 }), result: 'DropIpChecksum' },
    { name: 'checksum 0', frame: with4({ checksum: 0 }), result: 'DropIpChecksum' },
    {
      name: 'total length of the header alone',
      frame: with4({ totalBytes: 20 }),
      result: 'Continue',
      found: { hasPorts: false, tcpFlags: NOT_PRESENT },
    },
    { name: 'total length below the header', frame: with4({ totalBytes: 19 }), result: 'DropIpTotalLength' },
    { name: 'total length 0', frame: with4({ totalBytes: 0 }), result: 'DropIpTotalLength' },
    {
      name: 'total length one byte beyond the frame',
      frame: with4({ totalBytes: 41 }),
      result: 'DropIpTotalLength',
    },
    { name: 'total length 65535', frame: with4({ totalBytes: 65535 }), result: 'DropIpTotalLength' },
    {
      name: 'total length that ends in the TCP header',
      frame: with4({ totalBytes: 30 }),
      result: 'Continue',
      found: { ipEnd: 44, hasPorts: true, tcpFlags: NOT_PRESENT },
    },
    { name: 'TTL', frame: with4({ ttl: 3 }), result: 'Continue', found: { ttl: 3 } },
    {
      name: 'no-operation and end of options',
      frame: options(1, 1, 0, 0),
      result: 'Continue',
      found: { ...SYN_FOUND, transportOffset: 38 },
    },
    {
      name: 'what follows the end of options does not count',
      frame: options(0, 0x83, 99, 1),
      result: 'Continue',
    },
    { name: 'record route', frame: options(7, 7, 4, 0, 0, 0, 0, 0), result: 'Continue', found: SYN_FOUND },
    { name: 'timestamp', frame: options(68, 8, 5, 0, 0, 0, 0, 0), result: 'Continue', found: SYN_FOUND },
    { name: 'router alert', frame: options(148, 4, 0, 0), result: 'Continue', found: SYN_FOUND },
    {
      name: '40 bytes of options',
      frame: options(...new Array<number>(40).fill(1)),
      result: 'Continue',
      found: { transportOffset: 74 },
    },
    { name: 'loose source route', frame: options(0x83, 7, 4, 10, 0, 0, 1, 0), result: 'DropIpOptions' },
    { name: 'strict source route', frame: options(1, 0x89, 7, 4, 10, 0, 0, 1), result: 'DropIpOptions' },
    { name: 'option of length 0', frame: options(7, 0, 0, 0), result: 'DropIpOptions' },
    { name: 'option of length 1', frame: options(7, 1, 0, 0), result: 'DropIpOptions' },
    { name: 'option longer than the header', frame: options(7, 5, 4, 0), result: 'DropIpOptions' },
    { name: 'option without a length byte', frame: options(1, 1, 1, 7), result: 'DropIpOptions' },
    { name: 'ICMP echo', frame: eth().ipv4(CLIENT, VIP).icmp(8, 0, payloadOf(56)), result: 'PassProtocol' },
    {
      name: 'IGMP',
      frame: eth().ipv4(CLIENT, VIP).raw(payloadOf(8), { ipProtocol: 2 }),
      result: 'PassProtocol',
    },
    {
      name: 'GRE',
      frame: eth().ipv4(CLIENT, VIP).raw(payloadOf(8), { ipProtocol: 47 }),
      result: 'PassProtocol',
    },
    {
      name: 'protocol 0 is not hop-by-hop here',
      frame: eth().ipv4(CLIENT, VIP, { protocol: 0 }).tcp(1, 2, SYN),
      result: 'PassProtocol',
    },
    {
      name: 'ICMP that this host sends',
      frame: eth({ from: DIRECTOR_MAC, to: '02:00:00:00:02:00' })
        .ipv4(VIP, CLIENT)
        .icmp(3, 3, packet().ipv4(CLIENT, VIP).udp(5000, 53)),
      result: 'PassProtocol',
    },
  ]);
});

describe('IPv4 fragments', () => {
  const fragment = (fields: Parameters<FrameBuilder['ipv4']>[2]) =>
    eth().ipv4(CLIENT, VIP, { id: 77, ...fields });
  rows([
    {
      name: 'first',
      frame: fragment({ moreFragments: true }).udp(5000, 53, { payload: payloadOf(24) }),
      result: 'Continue',
      found: {
        fragmentOffsetBytes: 0,
        moreFragments: true,
        identification: 77,
        hasPorts: true,
        clientPort: 5000,
        virtualPort: 53,
      },
    },
    {
      name: 'middle',
      frame: fragment({ moreFragments: true, fragmentOffsetBytes: 32 }).raw(payloadOf(32), {
        ipProtocol: 17,
      }),
      result: 'Continue',
      found: {
        fragmentOffsetBytes: 32,
        moreFragments: true,
        identification: 77,
        hasPorts: false,
        protocol: IpProtocol.Udp,
      },
    },
    {
      name: 'last, with the largest offset',
      frame: fragment({ fragmentOffsetBytes: 0xfff8 }).raw(payloadOf(4), { ipProtocol: 6 }),
      result: 'Continue',
      found: { fragmentOffsetBytes: 0xfff8, moreFragments: false, hasPorts: false, tcpFlags: NOT_PRESENT },
    },
    {
      name: 'TCP first fragment that ends in the TCP header',
      frame: fragment({ moreFragments: true }).raw(payloadOf(8), { ipProtocol: 6 }),
      result: 'Continue',
      found: { hasPorts: true, tcpFlags: NOT_PRESENT },
    },
    {
      name: 'of ICMP',
      frame: fragment({ fragmentOffsetBytes: 8 }).raw(payloadOf(64), { ipProtocol: 1 }),
      result: 'PassProtocol',
    },
    {
      name: "don't fragment is no fragment",
      frame: fragment({ dontFragment: true }).udp(5000, 53),
      result: 'Continue',
      found: { moreFragments: false, fragmentOffsetBytes: 0 },
    },
  ]);
});

describe('IPv6', () => {
  const base = (fields: Parameters<FrameBuilder['ipv6']>[2] = {}) => eth().ipv6(CLIENT6, VIP6, fields);
  const FOUND6: Partial<Decoded> = { ...SYN_FOUND, ipVersion: 6, ...ends(CLIENT6, VIP6) };
  const { hopByHop, routing, authentication, destination } = EXTENSION;
  rows([
    {
      name: 'TCP',
      frame: base().tcp(31337, 80, SYN),
      result: 'Continue',
      found: { ...FOUND6, ipEnd: 74, transportOffset: 54 },
    },
    {
      name: 'UDP behind a tag',
      frame: eth().vlan(2).ipv6(CLIENT6, VIP6).udp(5000, 53),
      result: 'Continue',
      found: { ipOffset: 18, virtualPort: 53, ipVersion: 6 },
    },
    {
      name: 'hop limit',
      frame: base({ hopLimit: 1 }).tcp(31337, 80, SYN),
      result: 'Continue',
      found: { ttl: 1 },
    },
    { name: 'version 4', frame: base({ version: 4 }).tcp(31337, 80, SYN), result: 'DropIpVersion' },
    {
      name: 'payload length one beyond the frame',
      frame: base({ payloadBytes: 21 }).tcp(31337, 80, SYN),
      result: 'DropIpTotalLength',
    },
    {
      name: 'payload length 65535',
      frame: base({ payloadBytes: 65535 }).tcp(31337, 80, SYN),
      result: 'DropIpTotalLength',
    },
    {
      name: 'payload length 0',
      frame: base({ payloadBytes: 0 }).tcp(31337, 80, SYN),
      result: 'Continue',
      found: { hasPorts: false, ipEnd: 54 },
    },
    {
      name: 'payload that ends in the TCP header',
      frame: base({ payloadBytes: 19 }).tcp(31337, 80, SYN),
      result: 'Continue',
      found: { hasPorts: true, tcpFlags: NOT_PRESENT },
    },
    {
      name: 'hop-by-hop options',
      frame: base().extension(hopByHop).tcp(31337, 80, SYN),
      result: 'Continue',
      found: { ...FOUND6, transportOffset: 62 },
    },
    {
      name: 'routing header of 3 units',
      frame: base().extension(routing, 2).tcp(31337, 80, SYN),
      result: 'Continue',
      found: { ...FOUND6, transportOffset: 78 },
    },
    {
      name: 'destination options',
      frame: base().extension(destination, 1).tcp(31337, 80, SYN),
      result: 'Continue',
      found: FOUND6,
    },
    {
      name: 'authentication header counts in words of 4',
      frame: base().extension(authentication, 4).tcp(31337, 80, SYN),
      result: 'Continue',
      found: { ...FOUND6, transportOffset: 78 },
    },
    {
      name: 'all of them',
      frame: base()
        .extension(hopByHop)
        .extension(destination)
        .extension(routing, 1)
        .fragment()
        .extension(authentication)
        .extension(destination)
        .tcp(31337, 80, SYN),
      result: 'Continue',
      found: FOUND6,
    },
    {
      name: 'hop-by-hop that claims to go beyond the packet',
      frame: base().extension(hopByHop, 0, 255).tcp(31337, 80, SYN),
      result: 'DropTruncated',
    },
    {
      name: 'hop-by-hop that claims the whole packet, in which there are no options',
      frame: base().extension(hopByHop, 0, 2).raw(payloadOf(16), { ipProtocol: 6 }),
      result: 'DropIpOptions',
    },
    {
      name: 'packet that ends before its extension header',
      frame: base({ nextHeader: hopByHop }).raw(payloadOf(7)),
      result: 'DropTruncated',
    },
    { name: 'no next header', frame: base().raw(payloadOf(8), { ipProtocol: 59 }), result: 'PassProtocol' },
    { name: 'echo', frame: base().icmp(128, 0, payloadOf(56)), result: 'PassProtocol' },
    { name: 'neighbour solicitation', frame: base().icmp(135, 0, payloadOf(20)), result: 'PassProtocol' },
    {
      name: 'IPv4 ICMP inside IPv6',
      frame: base({ nextHeader: 1 }).icmp(3, 3, packet().ipv6(VIP6, CLIENT6).udp(53, 5000)),
      result: 'PassProtocol',
    },
    {
      name: 'first fragment',
      frame: base()
        .fragment({ more: true, id: 0x80000001 })
        .udp(5000, 53, { payload: payloadOf(16) }),
      result: 'Continue',
      found: {
        moreFragments: true,
        fragmentOffsetBytes: 0,
        identification: 0x80000001 | 0,
        hasPorts: true,
        virtualPort: 53,
      },
    },
    {
      name: 'later fragment: nothing behind the fragment header is read',
      frame: base()
        .extension(hopByHop)
        .fragment({ offsetBytes: 1448, id: 9 })
        .raw(hex('00ff ffff ffff ffff'), { ipProtocol: 60 }),
      result: 'PassProtocol',
      found: { fragmentOffsetBytes: 1448, identification: 9 },
    },
    {
      name: 'later fragment of UDP',
      frame: base().fragment({ offsetBytes: 1448, more: true, id: 9 }).raw(payloadOf(8), { ipProtocol: 17 }),
      result: 'Continue',
      found: { fragmentOffsetBytes: 1448, moreFragments: true, hasPorts: false },
    },
    {
      name: 'sent by this host',
      frame: eth({ from: DIRECTOR_MAC, to: '02:00:00:00:02:00' })
        .ipv6(VIP6, CLIENT6)
        .tcp(80, 31337, SYN | ACK),
      result: 'Continue',
      found: { ...FOUND6, isOutgoing: true, tcpFlags: SYN | ACK },
    },
  ]);
});

describe('SCTP', () => {
  const sctp = (...chunks: Parameters<FrameBuilder['sctp']>[2]) =>
    eth().ipv4(CLIENT, VIP).sctp(31337, 36412, chunks);
  const { Init, Data, CookieEcho, CookieAck, Abort, Sack } = SctpChunk;
  const chunk = (stateInput: number, sctpChunk = stateInput): Partial<Decoded> => ({
    stateInput,
    sctpChunk,
    protocol: IpProtocol.Sctp,
    hasPorts: true,
    virtualPort: 36412,
  });
  rows([
    {
      name: 'INIT',
      frame: sctp({ type: Init, body: [...payloadOf(16)] }),
      result: 'Continue',
      found: chunk(Init),
    },
    {
      name: 'the first chunk decides',
      frame: sctp({ type: Sack, body: [0, 0, 0, 0] }, { type: Abort }),
      result: 'Continue',
      found: chunk(Sack),
    },
    {
      name: 'ABORT behind COOKIE-ECHO decides',
      frame: sctp({ type: CookieEcho, body: [1, 2, 3, 4] }, { type: Abort }),
      result: 'Continue',
      found: chunk(Abort, CookieEcho),
    },
    {
      name: 'ABORT behind a COOKIE-ECHO of odd length',
      frame: sctp({ type: CookieEcho, body: [1, 2, 3] }, { type: Abort }),
      result: 'Continue',
      found: chunk(Abort, CookieEcho),
    },
    {
      name: 'ABORT behind COOKIE-ACK decides',
      frame: sctp({ type: CookieAck }, { type: Abort }),
      result: 'Continue',
      found: chunk(Abort, CookieAck),
    },
    {
      name: 'DATA behind COOKIE-ECHO',
      frame: sctp({ type: CookieEcho }, { type: Data, body: [0, 0, 0, 0] }),
      result: 'Continue',
      found: chunk(CookieEcho),
    },
    {
      name: 'COOKIE-ECHO that claims length 0',
      frame: sctp({ type: CookieEcho, lengthBytes: 0 }, { type: Abort }),
      result: 'Continue',
      found: chunk(CookieEcho),
    },
    {
      name: 'COOKIE-ECHO that claims length 65535',
      frame: sctp({ type: CookieEcho, lengthBytes: 65535 }, { type: Abort }),
      result: 'Continue',
      found: chunk(CookieEcho),
    },
    { name: 'no chunk at all', frame: sctp(), result: 'Continue', found: chunk(NOT_PRESENT) },
    {
      name: 'over IPv6',
      frame: eth()
        .ipv6(CLIENT6, VIP6)
        .sctp(31337, 36412, [{ type: Abort }]),
      result: 'Continue',
      found: chunk(Abort),
    },
  ]);
});

describe('ICMP errors carry the packet that they are about', () => {
  const about = packet()
    .ipv4(VIP, CLIENT, { dontFragment: true })
    .tcp(80, 31337, ACK, { payload: payloadOf(8) });
  const error = (type: number, code: number, inner: FrameBuilder | Uint8Array) =>
    eth().ipv4('198.51.100.1', VIP).icmp(type, code, inner);
  const FOUND: Partial<Decoded> = {
    isIcmpError: true,
    protocol: IpProtocol.Tcp,
    ...ends(CLIENT, VIP),
    clientPort: 31337,
    virtualPort: 80,
    hasPorts: true,
    tcpFlags: NOT_PRESENT,
    transportOffset: 34,
  };
  const cut = (frame: FrameBuilder, lengthBytes: number) => frame.bytes().subarray(0, lengthBytes);
  rows([
    { name: 'fragmentation needed', frame: error(3, 4, about), result: 'Continue', found: FOUND },
    { name: 'source quench', frame: error(4, 0, about), result: 'Continue', found: FOUND },
    { name: 'time exceeded', frame: error(11, 0, about), result: 'Continue', found: FOUND },
    {
      name: 'with eight bytes of the transport header',
      frame: error(3, 1, cut(about, 28)),
      result: 'Continue',
      found: FOUND,
    },
    { name: 'with the ports alone', frame: error(3, 1, cut(about, 24)), result: 'Continue', found: FOUND },
    { name: 'cut in the ports', frame: error(3, 1, cut(about, 23)), result: 'PassProtocol' },
    { name: 'cut in the inner header', frame: error(3, 1, cut(about, 19)), result: 'PassProtocol' },
    {
      name: 'inner header with options',
      frame: error(
        3,
        4,
        packet()
          .ipv4(VIP, CLIENT, { options: [7, 7, 4, 0, 0, 0, 0, 0] })
          .tcp(80, 31337, ACK),
      ),
      result: 'Continue',
      found: FOUND,
    },
    {
      name: 'inner header that claims more words than there are',
      frame: error(3, 4, cut(packet().ipv4(VIP, CLIENT, { headerWords: 15 }).tcp(80, 31337, ACK), 40)),
      result: 'PassProtocol',
    },
    {
      name: 'inner header of 4 words',
      frame: error(3, 4, packet().ipv4(VIP, CLIENT, { headerWords: 4 }).tcp(80, 31337, ACK)),
      result: 'PassProtocol',
    },
    {
      name: 'inner version 6',
      frame: error(3, 4, packet().ipv6(VIP6, CLIENT6).tcp(80, 31337, ACK)),
      result: 'PassProtocol',
    },
    {
      name: 'inner first fragment',
      frame: error(11, 1, packet().ipv4(VIP, CLIENT, { moreFragments: true }).udp(53, 5000)),
      result: 'Continue',
      found: { isIcmpError: true, clientPort: 5000, moreFragments: false },
    },
    {
      name: 'inner later fragment',
      frame: error(11, 1, packet().ipv4(VIP, CLIENT, { fragmentOffsetBytes: 8 }).udp(53, 5000)),
      result: 'PassProtocol',
    },
    {
      name: 'about ICMP',
      frame: error(3, 1, packet().ipv4(VIP, CLIENT).icmp(8, 0, payloadOf(8))),
      result: 'PassProtocol',
    },
    {
      name: 'about UDP',
      frame: error(3, 3, packet().ipv4(VIP, CLIENT).udp(53, 5000)),
      result: 'Continue',
      found: { isIcmpError: true, protocol: IpProtocol.Udp, clientPort: 5000, virtualPort: 53 },
    },
    {
      name: 'about SCTP',
      frame: error(3, 3, packet().ipv4(VIP, CLIENT).sctp(36412, 5000, [])),
      result: 'Continue',
      found: { isIcmpError: true, sctpChunk: NOT_PRESENT },
    },
    { name: 'redirect is none', frame: error(5, 1, about), result: 'PassProtocol' },
    {
      name: 'parameter problem is none of those that IPVS follows',
      frame: error(12, 0, about),
      result: 'PassProtocol',
    },
    {
      name: 'behind a VLAN tag',
      frame: eth().vlan(4).ipv4('198.51.100.1', VIP).icmp(3, 4, about),
      result: 'Continue',
      found: { ...FOUND, transportOffset: 38 },
    },
    {
      name: 'outer header with options',
      frame: eth()
        .ipv4('198.51.100.1', VIP, { options: [1, 1, 1, 0] })
        .icmp(3, 4, about),
      result: 'Continue',
      found: { ...FOUND, transportOffset: 38 },
    },
    {
      name: 'a later fragment of one',
      frame: eth().ipv4('198.51.100.1', VIP, { fragmentOffsetBytes: 8 }).icmp(3, 4, about),
      result: 'PassProtocol',
    },
  ]);
});

describe('ICMPv6 errors carry the packet that they are about', () => {
  const inner = () => packet().ipv6(VIP6, CLIENT6);
  const about = inner().tcp(80, 31337, ACK, { payload: payloadOf(8) });
  const error = (type: number, code: number, body: FrameBuilder | Uint8Array) =>
    eth().ipv6('2001:db8::1', VIP6).icmp(type, code, body);
  const FOUND: Partial<Decoded> = {
    isIcmpError: true,
    protocol: IpProtocol.Tcp,
    ...ends(CLIENT6, VIP6),
    clientPort: 31337,
    virtualPort: 80,
    transportOffset: 54,
    fragmentOffsetBytes: 0,
    moreFragments: false,
  };
  const { hopByHop, destination } = EXTENSION;
  rows([
    { name: 'unreachable', frame: error(1, 4, about), result: 'Continue', found: FOUND },
    { name: 'packet too big', frame: error(2, 0, about), result: 'Continue', found: FOUND },
    { name: 'time exceeded', frame: error(3, 0, about), result: 'Continue', found: FOUND },
    { name: 'parameter problem', frame: error(4, 1, about), result: 'Continue', found: FOUND },
    {
      name: 'inner extension headers',
      frame: error(2, 0, inner().extension(hopByHop).extension(destination, 1).tcp(80, 31337, ACK)),
      result: 'Continue',
      found: FOUND,
    },
    {
      name: 'inner first fragment',
      frame: error(2, 0, inner().fragment({ more: true, id: 5 }).tcp(80, 31337, ACK)),
      result: 'Continue',
      found: FOUND,
    },
    {
      name: 'inner later fragment',
      frame: error(2, 0, inner().fragment({ offsetBytes: 1448, id: 5 }).raw(payloadOf(8), { ipProtocol: 6 })),
      result: 'PassProtocol',
    },
    {
      name: 'cut in an inner extension header',
      frame: error(2, 0, inner().extension(hopByHop).tcp(80, 31337, ACK).bytes().subarray(0, 47)),
      result: 'PassProtocol',
    },
    {
      name: 'inner extension header that goes beyond the packet',
      frame: error(2, 0, inner().extension(hopByHop, 0, 99).tcp(80, 31337, ACK)),
      result: 'PassProtocol',
    },
    {
      name: 'cut in the inner header',
      frame: error(2, 0, about.bytes().subarray(0, 39)),
      result: 'PassProtocol',
    },
    {
      name: 'cut in the inner ports',
      frame: error(2, 0, about.bytes().subarray(0, 43)),
      result: 'PassProtocol',
    },
    {
      name: 'inner version 4',
      frame: error(2, 0, packet().ipv4(VIP, CLIENT).tcp(80, 31337, ACK)),
      result: 'PassProtocol',
    },
    { name: 'about ICMPv6', frame: error(1, 0, inner().icmp(128, 0, payloadOf(8))), result: 'PassProtocol' },
    {
      name: 'as the first fragment of an error: the outer fragment fields stay',
      frame: eth()
        .ipv6('2001:db8::1', VIP6)
        .fragment({ more: true, id: 11 })
        .icmp(2, 0, inner().fragment({ id: 5 }).tcp(80, 31337, ACK)),
      result: 'Continue',
      found: { isIcmpError: true, moreFragments: true, identification: 11, fragmentOffsetBytes: 0 },
    },
  ]);
});

describe('a frame cut at any length', () => {
  const whole: readonly (readonly [string, FrameBuilder])[] = [
    [
      'TCP over IPv4',
      eth()
        .ipv4(CLIENT, VIP, { options: [1, 1, 1, 0] })
        .tcp(31337, 80, FIN | ACK, { payload: payloadOf(5) }),
    ],
    [
      'UDP over IPv4 behind two tags',
      eth()
        .vlan(1, 0x88a8)
        .vlan(2)
        .ipv4(CLIENT, VIP)
        .udp(5000, 53, { payload: payloadOf(5) }),
    ],
    [
      'SCTP over IPv6',
      eth()
        .ipv6(CLIENT6, VIP6)
        .sctp(31337, 36412, [{ type: 10, body: [1] }, { type: 6 }]),
    ],
    [
      'TCP behind every IPv6 extension',
      eth()
        .ipv6(CLIENT6, VIP6)
        .extension(0)
        .extension(43)
        .fragment()
        .extension(51)
        .extension(60)
        .tcp(1, 2, SYN),
    ],
    [
      'ICMP error',
      eth()
        .ipv4('198.51.100.1', VIP)
        .icmp(3, 4, packet().ipv4(VIP, CLIENT).tcp(80, 31337, ACK)),
    ],
    [
      'ICMPv6 error',
      eth()
        .ipv6('2001:db8::1', VIP6)
        .icmp(2, 0, packet().ipv6(VIP6, CLIENT6).extension(0).tcp(80, 31337, ACK)),
    ],
  ];

  test.each(whole)('%s is never taken for whole', (_name, builder) => {
    const frame = builder.bytes();
    expect(decodeBytes(frame).result).toBe('Continue');
    for (let lengthBytes = 0; lengthBytes < frame.length; lengthBytes++) {
      const { result } = decodeBytes(frame.subarray(0, lengthBytes));
      expect(result, `${lengthBytes} of ${frame.length} bytes`).toMatch(
        /^(DropTruncated|DropIpTotalLength)$/,
      );
    }
  });

  /** The IP header tells the truth about a packet that ends early: what is missing is found to be missing. */
  test.each(whole)('%s that ends early has what lies before its end, and no more', (_name, builder) => {
    const frame = builder.bytes();
    const full = decodeBytes(frame);
    for (let end = full.ipOffset + (full.ipVersion === 4 ? 40 : 40); end < frame.length; end++) {
      const decoded = decodeBytes(withIpEnd(frame.subarray(0, end), full.ipOffset));
      const where = `ends at ${end}`;
      expect(['Continue', 'PassProtocol', 'DropTruncated'], where).toContain(decoded.result);
      if (decoded.result !== 'Continue') continue;
      expect(decoded.ipEnd, where).toBe(end);
      if (decoded.hasPorts)
        expect([decoded.clientPort, decoded.virtualPort], where).toEqual([full.clientPort, full.virtualPort]);
      if (decoded.tcpFlags !== NOT_PRESENT) expect(decoded.tcpFlags, where).toBe(full.tcpFlags);
    }
  });
});

/** The same frame with lengths and IPv4 checksum made true for where it ends now. */
function withIpEnd(frame: Uint8Array, ipOffset: number): Uint8Array {
  const out = Uint8Array.from(frame);
  const view = new DataView(out.buffer);
  const isIpv4 = out[ipOffset]! >> 4 === 4;
  if (!isIpv4) {
    view.setUint16(ipOffset + 4, out.length - ipOffset - 40);
    return out;
  }
  view.setUint16(ipOffset + 2, out.length - ipOffset);
  view.setUint16(ipOffset + 10, 0);
  const end = ipOffset + (out[ipOffset]! & 15) * 4;
  let sum = 0;
  for (let at = ipOffset; at < end; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(ipOffset + 10, ~sum & 0xffff);
  return out;
}
