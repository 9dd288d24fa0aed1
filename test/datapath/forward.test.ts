/** Rows: what stands before, a frame, its verdict, and what leaves, byte for byte. */
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/datapath/verdict.ts';
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService, deleteServer, editServer } from '../helpers/edits.ts';
import {
  ACK,
  DIRECTOR_MAC,
  EXTENSION,
  eth,
  FIN,
  type FrameBuilder,
  forwardedTo,
  GATEWAY_MAC,
  PSH,
  packet,
  paddedTo,
  payloadOf,
  RST,
  SYN,
  toHex,
} from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';
import {
  DIRECTOR_ADDRESS,
  MAC_OF,
  TestDirector,
  type TestDirectorOptions,
} from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const DNS = `udp ${VIP}:53`;
const WEB6 = `tcp [${VIP6}]:80`;
const S1 = `sctp ${VIP}:36412`;
const A = '10.0.0.11:80';
const B = '10.0.0.12:80';
const A_MAC = MAC_OF['10.0.0.11']!;
const B_MAC = MAC_OF['10.0.0.12']!;

const EDITS: readonly Edit[] = [
  addService(WEB),
  addServer(WEB, A),
  addService(DNS),
  addServer(DNS, '10.0.0.11:53'),
  addService(WEB6),
  addServer(WEB6, '[fd00:10::b]:80'),
  addService(S1),
  addServer(S1, '10.0.0.11:36412'),
];

const fromClient = (fields: Parameters<FrameBuilder['ipv4']>[2] = {}) => eth().ipv4(CLIENT, VIP, fields);
const fromClient6 = (fields: Parameters<FrameBuilder['ipv6']>[2] = {}) => eth().ipv6(CLIENT6, VIP6, fields);
const syn = fromClient().tcp(31337, 80, SYN);

interface Row {
  readonly name: string;
  readonly edits?: readonly Edit[];
  readonly options?: TestDirectorOptions;
  readonly before?: readonly (FrameBuilder | Uint8Array)[];
  readonly frame: FrameBuilder | Uint8Array;
  readonly verdict: keyof typeof Verdict;
  /** What is sent: the frame itself, rewritten for this MAC, or these bytes. */
  readonly to?: string;
  readonly ipOffset?: number;
  readonly sent?: readonly Uint8Array[];
  readonly delivers?: boolean;
}

function rows(table: readonly Row[]): void {
  test.each(table)(
    '$name: $verdict',
    ({ edits = EDITS, options, before = [], frame, verdict, to, ipOffset = 14, sent, delivers = false }) => {
      const director = new TestDirector(edits, options);
      for (const each of before) director.handle(each);
      const bytes = frame instanceof Uint8Array ? frame : frame.bytes();
      const handled = director.handle(bytes);
      const expected = to === undefined ? (sent ?? []) : [forwardedTo(to, bytes, ipOffset)];
      expect(handled.verdict).toBe(verdict);
      expect(handled.sent.map(toHex)).toEqual(expected.map(toHex));
      expect(handled.delivered.map(({ frame }) => toHex(frame))).toEqual(delivers ? [toHex(bytes)] : []);
      expect(director.framesByVerdict).toBe(director.handledFrames);
    },
  );
}

describe('frames for a service', () => {
  rows([
    { name: 'TCP SYN', frame: syn, verdict: 'Forward', to: A_MAC },
    {
      name: 'TCP SYN with ACK opens too',
      frame: fromClient().tcp(31337, 80, SYN | ACK),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'TCP data of a connection',
      before: [syn],
      frame: fromClient().tcp(31337, 80, ACK | PSH, { payload: payloadOf(1460) }),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'UDP',
      frame: fromClient().udp(5000, 53, { payload: payloadOf(30) }),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'UDP without a checksum',
      frame: fromClient().udp(5000, 53, { checksum: 0 }),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'UDP whose length lies',
      frame: fromClient().udp(5000, 53, { lengthBytes: 9999 }),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'SCTP INIT',
      frame: fromClient().sctp(31337, 36412, [{ type: 1, body: [...payloadOf(16)] }]),
      verdict: 'Forward',
      to: A_MAC,
    },
    { name: 'IPv6', frame: fromClient6().tcp(31337, 80, SYN), verdict: 'Forward', to: A_MAC },
    {
      name: 'IPv6 behind extension headers',
      frame: fromClient6()
        .extension(EXTENSION.hopByHop)
        .extension(EXTENSION.destination, 1)
        .tcp(31337, 80, SYN),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'IPv4 options stay',
      frame: fromClient({ options: [148, 4, 0, 0, 1, 1, 1, 0] }).tcp(31337, 80, SYN),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'what a record route option asks this host to write is written',
      frame: fromClient({ options: [7, 7, 4, 0, 0, 0, 0, 0] }).tcp(31337, 80, SYN),
      verdict: 'Forward',
      sent: [
        eth({ from: DIRECTOR_MAC, to: A_MAC })
          .ipv4(CLIENT, VIP, { ttl: 63, options: [7, 7, 8, 10, 0, 0, 100, 0] })
          .tcp(31337, 80, SYN)
          .bytes(),
      ],
    },
    {
      name: 'a wrong TCP checksum is the server’s to judge',
      frame: fromClient().tcp(31337, 80, SYN, { checksum: 0x1234 }),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'a TCP data offset of 0 too',
      frame: fromClient().tcp(31337, 80, SYN, { dataOffsetWords: 0 }),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'a TCP data offset beyond the packet too',
      frame: fromClient().tcp(31337, 80, SYN, { dataOffsetWords: 15 }),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'TOS, DF and identification stay',
      frame: fromClient({ tos: 0xb8, dontFragment: true, id: 0xffff }).tcp(31337, 80, SYN),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'padding is not re-sent',
      frame: paddedTo(syn.bytes(), 60),
      verdict: 'Forward',
      sent: [forwardedTo(A_MAC, syn.bytes())],
    },
    {
      name: 'the largest TTL',
      frame: fromClient({ ttl: 255 }).tcp(31337, 80, SYN),
      verdict: 'Forward',
      to: A_MAC,
    },
    { name: 'TTL 2', frame: fromClient({ ttl: 2 }).tcp(31337, 80, SYN), verdict: 'Forward', to: A_MAC },
  ]);

  test('every TTL leaves with a right checksum', () => {
    const director = new TestDirector(EDITS);
    for (let ttl = 2; ttl < 256; ttl++) {
      const frame = fromClient({ ttl, id: ttl * 257 })
        .tcp(31337, 80, SYN)
        .bytes();
      expect(toHex(director.handle(frame).sent[0]!)).toBe(toHex(forwardedTo(A_MAC, frame)));
    }
  });
});

describe('VLAN tags are kept', () => {
  rows([
    {
      name: 'one',
      frame: eth().vlan(7).ipv4(CLIENT, VIP).tcp(31337, 80, SYN),
      verdict: 'Forward',
      to: A_MAC,
      ipOffset: 18,
    },
    {
      name: 'priority and drop bits',
      frame: eth().vlan(0xf007).ipv4(CLIENT, VIP).tcp(31337, 80, SYN),
      verdict: 'Forward',
      to: A_MAC,
      ipOffset: 18,
    },
    {
      name: 'service and customer tag, IPv6',
      frame: eth().vlan(7, 0x88a8).vlan(8).ipv6(CLIENT6, VIP6).tcp(31337, 80, SYN),
      verdict: 'Forward',
      to: A_MAC,
      ipOffset: 22,
    },
    {
      name: 'three',
      frame: eth().vlan(7).vlan(8).vlan(9).ipv4(CLIENT, VIP).tcp(31337, 80, SYN),
      verdict: 'PassNotIp',
    },
    {
      name: 'padding behind a tagged frame',
      frame: paddedTo(eth().vlan(7).ipv4(CLIENT, VIP).udp(5000, 53).bytes(), 64),
      verdict: 'Forward',
      sent: [forwardedTo(A_MAC, eth().vlan(7).ipv4(CLIENT, VIP).udp(5000, 53).bytes(), 18)],
    },
  ]);

  test('a connection is the same behind another tag', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn);
    expect(director.handle(eth().vlan(7).ipv4(CLIENT, VIP).tcp(31337, 80, ACK)).verdict).toBe('Forward');
    expect(director.path.connections.live).toBe(1);
  });
});

describe('frames that are none of ours', () => {
  rows([
    { name: 'no service at this port', frame: fromClient().tcp(31337, 81, SYN), verdict: 'PassNotVirtual' },
    { name: 'no service of this protocol', frame: fromClient().udp(5000, 80), verdict: 'PassNotVirtual' },
    {
      name: 'another address',
      frame: eth().ipv4(CLIENT, DIRECTOR_ADDRESS).tcp(31337, 80, SYN),
      verdict: 'PassNotVirtual',
    },
    { name: 'no service at all', edits: [], frame: syn, verdict: 'PassNotVirtual' },
    { name: 'ping', frame: fromClient().icmp(8, 0, payloadOf(56)), verdict: 'PassProtocol' },
    {
      name: 'neighbour solicitation',
      frame: fromClient6().icmp(135, 0, payloadOf(20)),
      verdict: 'PassProtocol',
    },
    {
      name: 'another MAC',
      frame: eth({ to: 'ff:ff:ff:ff:ff:ff' }).ipv4(CLIENT, VIP).tcp(31337, 80, SYN),
      verdict: 'PassOtherMac',
    },
    {
      name: 'what the director sends',
      frame: eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC }).ipv4(DIRECTOR_ADDRESS, CLIENT).tcp(22, 31337, ACK),
      verdict: 'PassOwn',
    },
    { name: 'LLDP', frame: eth({ type: 0x88cc }).raw(payloadOf(46)), verdict: 'PassNotIp' },
  ]);
});

describe('TCP that opens nothing goes to the host’s own stack', () => {
  rows([
    { name: 'ACK', frame: fromClient().tcp(31337, 80, ACK), verdict: 'DeliverUnscheduled', delivers: true },
    { name: 'RST', frame: fromClient().tcp(31337, 80, RST), verdict: 'DeliverUnscheduled', delivers: true },
    {
      name: 'SYN with RST',
      frame: fromClient().tcp(31337, 80, SYN | RST),
      verdict: 'DeliverUnscheduled',
      delivers: true,
    },
    { name: 'FIN', frame: fromClient().tcp(31337, 80, FIN), verdict: 'DeliverUnscheduled', delivers: true },
    {
      name: 'no flags',
      frame: fromClient().tcp(31337, 80, 0),
      verdict: 'DeliverUnscheduled',
      delivers: true,
    },
    {
      name: 'a SYN from port 20',
      frame: fromClient().tcp(20, 80, SYN),
      verdict: 'DeliverUnscheduled',
      delivers: true,
    },
    {
      name: 'a datagram from port 20',
      frame: fromClient().udp(20, 53),
      verdict: 'DeliverUnscheduled',
      delivers: true,
    },
    {
      name: 'SCTP DATA',
      frame: fromClient().sctp(31337, 36412, [{ type: 0, body: [0, 0, 0, 0] }]),
      verdict: 'DeliverUnscheduled',
      delivers: true,
    },
    {
      name: 'ACK with sloppy_tcp',
      options: { settings: { sloppy_tcp: 1 } },
      frame: fromClient().tcp(31337, 80, ACK),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'RST with sloppy_tcp',
      options: { settings: { sloppy_tcp: 1 } },
      frame: fromClient().tcp(31337, 80, RST),
      verdict: 'DeliverUnscheduled',
      delivers: true,
    },
    {
      name: 'SCTP DATA with sloppy_sctp',
      options: { settings: { sloppy_sctp: 1 } },
      frame: fromClient().sctp(31337, 36412, [{ type: 0, body: [0, 0, 0, 0] }]),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'SCTP ABORT with sloppy_sctp',
      options: { settings: { sloppy_sctp: 1 } },
      frame: fromClient().sctp(31337, 36412, [{ type: 6 }]),
      verdict: 'DeliverUnscheduled',
      delivers: true,
    },
  ]);
});

describe('FTP and services of all ports', () => {
  const ftp = (persistentSec: number) => [
    addService(`tcp ${VIP}:21`, { persistentSec }),
    addServer(`tcp ${VIP}:21`, '10.0.0.11:21'),
  ];
  rows([
    {
      name: 'without persistence a passive data connection is the host’s',
      edits: ftp(0),
      frame: fromClient().tcp(31337, 50_000, SYN),
      verdict: 'PassNotVirtual',
    },
    {
      name: 'with persistence it goes to the server of the control connection',
      edits: ftp(300),
      before: [fromClient().tcp(31337, 21, SYN)],
      frame: fromClient().tcp(31338, 50_000, SYN),
      verdict: 'Forward',
      to: A_MAC,
    },
    {
      name: 'a privileged port is not FTP’s',
      edits: ftp(300),
      frame: fromClient().tcp(31337, 1023, SYN),
      verdict: 'PassNotVirtual',
    },
    {
      name: 'a persistent service of port 0 takes any port',
      edits: [addService(`tcp ${VIP}:0`, { persistentSec: 300 }), addServer(`tcp ${VIP}:0`, '10.0.0.11:0')],
      frame: fromClient().tcp(31337, 9, SYN),
      verdict: 'Forward',
      to: A_MAC,
    },
  ]);
});

describe('sources that no host has', () => {
  const martians = [
    '0.0.0.0',
    '127.0.0.1',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    VIP,
    DIRECTOR_ADDRESS,
  ];
  rows(
    martians.map(
      (source): Row => ({
        name: source,
        frame: eth().ipv4(source, VIP).tcp(31337, 80, SYN),
        verdict: 'DropMartianSource',
      }),
    ),
  );
  const martians6 = ['::1', 'ff02::1'];
  rows(
    martians6.map(
      (source): Row => ({
        name: source,
        frame: eth().ipv6(source, VIP6).tcp(31337, 80, SYN),
        verdict: 'DropMartianSource',
      }),
    ),
  );
});

describe('malformed packets', () => {
  rows([
    {
      name: 'bad header checksum',
      frame: fromClient({ checksum: 1 }).tcp(31337, 80, SYN),
      verdict: 'DropIpChecksum',
    },
    { name: 'bad version', frame: fromClient({ version: 7 }).tcp(31337, 80, SYN), verdict: 'DropIpVersion' },
    {
      name: 'bad total length',
      frame: fromClient({ totalBytes: 4000 }).tcp(31337, 80, SYN),
      verdict: 'DropIpTotalLength',
    },
    {
      name: 'source route',
      frame: fromClient({ options: [0x83, 7, 4, 10, 0, 0, 1, 0] }).tcp(31337, 80, SYN),
      verdict: 'DropIpOptions',
    },
    {
      name: 'TCP of 19 bytes',
      frame: fromClient({ protocol: 6 }).raw(syn.bytes().subarray(34, 53)),
      verdict: 'DropTransportTruncated',
    },
    {
      name: 'TCP of 3 bytes',
      frame: fromClient({ protocol: 6 }).raw(syn.bytes().subarray(34, 37)),
      verdict: 'DropTransportTruncated',
    },
    {
      name: 'UDP of 7 bytes',
      frame: fromClient({ protocol: 17 }).raw(fromClient().udp(5000, 53).bytes().subarray(34, 41)),
      verdict: 'DropTransportTruncated',
    },
    {
      name: 'SCTP without a chunk',
      frame: fromClient().sctp(31337, 36412, []),
      verdict: 'DropTransportTruncated',
    },
    {
      name: 'UDP of 7 bytes of a connection',
      before: [fromClient().udp(5000, 53)],
      frame: fromClient({ protocol: 17 }).raw(fromClient().udp(5000, 53).bytes().subarray(34, 41)),
      verdict: 'Forward',
      to: A_MAC,
    },
    { name: 'an empty frame', frame: new Uint8Array(), verdict: 'DropTruncated' },
  ]);
});

/** Our own ICMP error: header of 20 bytes with class selector 6, then the packet that came, cut to fit. */
const icmpReply = (frame: Uint8Array, type: number, code: number, maxBodyBytes = 548) =>
  eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
    .ipv4(VIP, CLIENT, { tos: 0xc0, id: 0, ttl: 64 })
    .icmp(type, code, frame.subarray(14, 14 + maxBodyBytes))
    .bytes();
const icmp6Reply = (frame: Uint8Array, type: number, code: number) =>
  eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
    .ipv6(VIP6, CLIENT6, { hopLimit: 64 })
    .icmp(type, code, frame.subarray(14, 14 + 1232))
    .bytes();

describe('no server to offer: ICMP port unreachable from the virtual address', () => {
  const none = [addService(WEB), addService(WEB6), addService(DNS)];
  const large = fromClient()
    .udp(5000, 53, { payload: payloadOf(1400) })
    .bytes();
  const large6 = fromClient6()
    .tcp(31337, 80, SYN, { payload: payloadOf(1400) })
    .bytes();
  const odd = fromClient()
    .udp(5000, 53, { payload: payloadOf(3) })
    .bytes();
  const tagged = eth().vlan(7).ipv4(CLIENT, VIP).tcp(31337, 80, SYN).bytes();
  rows([
    {
      name: 'a service without servers',
      edits: none,
      frame: syn,
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(syn.bytes(), 3, 3)],
    },
    {
      name: 'padding is not in the reply',
      edits: none,
      frame: paddedTo(syn.bytes(), 60),
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(syn.bytes(), 3, 3)],
    },
    {
      name: 'all servers quiesced',
      edits: [addService(WEB), addServer(WEB, A, { weight: 0 })],
      frame: syn,
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(syn.bytes(), 3, 3)],
    },
    {
      name: 'all servers overloaded',
      edits: [addService(WEB), addServer(WEB, A, { upperThreshold: 1 })],
      before: [fromClient().tcp(1, 80, SYN)],
      frame: syn,
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(syn.bytes(), 3, 3)],
    },
    {
      name: 'scheduler none',
      edits: [addService(WEB, { scheduler: 'none' }), addServer(WEB, A)],
      frame: syn,
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(syn.bytes(), 3, 3)],
    },
    {
      name: 'persistent, no servers',
      edits: [addService(WEB, { persistentSec: 60 })],
      frame: syn,
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(syn.bytes(), 3, 3)],
    },
    {
      name: 'a large packet: 576 bytes',
      edits: none,
      frame: large,
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(large, 3, 3)],
    },
    {
      name: 'an odd length',
      edits: none,
      frame: odd,
      verdict: 'ReplyPortUnreachable',
      sent: [icmpReply(odd, 3, 3)],
    },
    {
      name: 'IPv6',
      edits: none,
      frame: fromClient6().tcp(31337, 80, SYN),
      verdict: 'ReplyPortUnreachable',
      sent: [icmp6Reply(fromClient6().tcp(31337, 80, SYN).bytes(), 1, 4)],
    },
    {
      name: 'a large IPv6 packet: 1280 bytes',
      edits: none,
      frame: large6,
      verdict: 'ReplyPortUnreachable',
      sent: [icmp6Reply(large6, 1, 4)],
    },
    {
      name: 'behind a VLAN tag, back behind it',
      edits: none,
      frame: tagged,
      verdict: 'ReplyPortUnreachable',
      sent: [
        eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
          .vlan(7)
          .ipv4(VIP, CLIENT, { tos: 0xc0, id: 0 })
          .icmp(3, 3, tagged.subarray(18))
          .bytes(),
      ],
    },
    {
      name: 'from the unspecified IPv6 address: no answer (RFC 4443 §2.4 e)',
      edits: none,
      frame: eth().ipv6('::', VIP6).tcp(31337, 80, SYN),
      verdict: 'DropMartianSource',
    },
  ]);
});

describe('TTL', () => {
  const ttl = (value: number) => fromClient({ ttl: value }).tcp(31337, 80, SYN).bytes();
  const hops = (value: number) => fromClient6({ hopLimit: value }).tcp(31337, 80, SYN).bytes();
  const error = eth()
    .ipv4('198.51.100.1', VIP, { ttl: 1 })
    .icmp(3, 4, packet().ipv4(VIP, CLIENT).tcp(80, 31337, ACK));
  rows([
    { name: '1', frame: ttl(1), verdict: 'ReplyTimeExceeded', sent: [icmpReply(ttl(1), 11, 0)] },
    { name: '0', frame: ttl(0), verdict: 'ReplyTimeExceeded', sent: [icmpReply(ttl(0), 11, 0)] },
    { name: 'hop limit 1', frame: hops(1), verdict: 'ReplyTimeExceeded', sent: [icmp6Reply(hops(1), 3, 0)] },
    {
      name: '1 of a connection',
      before: [syn],
      frame: fromClient({ ttl: 1 }).tcp(31337, 80, ACK),
      verdict: 'ReplyTimeExceeded',
      sent: [icmpReply(fromClient({ ttl: 1 }).tcp(31337, 80, ACK).bytes(), 11, 0)],
    },
    { name: '1 of an ICMP error is not answered', before: [syn], frame: error, verdict: 'DropTtl' },
    {
      name: '1 of what is delivered here stays',
      edits: [addService(WEB), addServer(WEB, '127.0.0.1:80')],
      frame: ttl(1),
      verdict: 'DeliverLocalServer',
      delivers: true,
    },
    {
      name: '1 of a later fragment is not answered (RFC 1122 §3.2.2)',
      before: [fromClient({ moreFragments: true, id: 5 }).udp(5000, 53, { payload: payloadOf(24) })],
      frame: fromClient({ ttl: 1, fragmentOffsetBytes: 32, id: 5 }).raw(payloadOf(8), { ipProtocol: 17 }),
      verdict: 'DropTtl',
    },
  ]);
});

describe('answers are limited', () => {
  test('to six at once and one a second for each client', () => {
    const director = new TestDirector([addService(WEB)]);
    const answers = (count: number, client = CLIENT) =>
      Array.from(
        { length: count },
        () => director.handle(eth().ipv4(client, VIP).tcp(31337, 80, SYN)).sent.length,
      ).reduce((sum, sent) => sum + sent);
    expect([answers(8), answers(8, '198.51.100.8')]).toEqual([6, 6]);
    director.wait(2);
    expect(answers(8)).toBe(2);
  });

  test('to a thousand a second, and come again with time', () => {
    const director = new TestDirector([addService(WEB)]);
    director.path.replies.limitsClients = false;
    const verdicts = (count: number) => Array.from({ length: count }, () => director.handle(syn).verdict);
    expect(new Set(verdicts(1000))).toEqual(new Set(['ReplyPortUnreachable']));
    expect(verdicts(1)).toEqual(['DropReplyLimit']);
    director.wait(0.01);
    expect(verdicts(11).filter((verdict) => verdict === 'ReplyPortUnreachable')).toHaveLength(10);
    director.wait(3600);
    expect(verdicts(1001).filter((verdict) => verdict === 'ReplyPortUnreachable')).toHaveLength(1000);
  });

  test('also when the first answer is due after 250 days', () => {
    const director = new TestDirector([addService(WEB)]);
    director.path.replies.limitsClients = false;
    director.path.now = (2 ** 31 + 100) | 0;
    const answered = () =>
      Array.from({ length: 1001 }, () => director.handle(syn)).filter(({ sent }) => sent.length > 0).length;
    expect(answered()).toBe(1000);
    director.wait(2);
    expect(answered()).toBe(1000);
  });
});

describe('ICMP errors follow their connection', () => {
  const router = (type: number, code: number, about: FrameBuilder) =>
    eth().ipv4('198.51.100.1', VIP).icmp(type, code, about);
  const about = packet()
    .ipv4(VIP, CLIENT, { dontFragment: true })
    .tcp(80, 31337, ACK, { payload: payloadOf(100) });
  const about6 = packet()
    .ipv6(VIP6, CLIENT6)
    .tcp(80, 31337, ACK, { payload: payloadOf(100) });
  const too = eth().ipv6('2001:db8::1', VIP6).icmp(2, 0, about6, { rest: 1280 });
  rows([
    {
      name: 'fragmentation needed',
      before: [syn],
      frame: router(3, 4, about),
      verdict: 'ForwardIcmpError',
      to: A_MAC,
    },
    {
      name: 'time exceeded',
      before: [syn],
      frame: router(11, 0, about),
      verdict: 'ForwardIcmpError',
      to: A_MAC,
    },
    {
      name: 'packet too big',
      before: [fromClient6().tcp(31337, 80, SYN)],
      frame: too,
      verdict: 'ForwardIcmpError',
      to: A_MAC,
    },
    {
      name: 'behind a VLAN tag',
      before: [syn],
      frame: eth().vlan(9).ipv4('198.51.100.1', VIP).icmp(3, 4, about),
      verdict: 'ForwardIcmpError',
      to: A_MAC,
      ipOffset: 18,
    },
    { name: 'about no connection', frame: router(3, 4, about), verdict: 'PassIcmpUnrelated' },
    {
      name: 'about another client’s',
      before: [syn],
      frame: router(3, 4, packet().ipv4(VIP, '192.0.2.10').tcp(80, 31337, ACK)),
      verdict: 'PassIcmpUnrelated',
    },
    {
      name: 'about a packet of the client, not to it',
      before: [syn],
      frame: router(3, 4, packet().ipv4(CLIENT, VIP).tcp(31337, 80, ACK)),
      verdict: 'PassIcmpUnrelated',
    },
    {
      name: 'with a wrong checksum, which is the server’s to judge',
      before: [syn],
      frame: eth().ipv4('198.51.100.1', VIP).icmp(3, 4, about, { checksum: 1 }),
      verdict: 'ForwardIcmpError',
      to: A_MAC,
    },
    {
      name: 'ICMPv6 with a wrong checksum, too',
      before: [fromClient6().tcp(31337, 80, SYN)],
      frame: eth().ipv6('2001:db8::1', VIP6).icmp(2, 0, about6, { checksum: 1 }),
      verdict: 'ForwardIcmpError',
      to: A_MAC,
    },
    {
      name: 'of an odd length',
      before: [syn],
      frame: router(
        3,
        4,
        packet()
          .ipv4(VIP, CLIENT)
          .tcp(80, 31337, ACK, { payload: payloadOf(7) }),
      ),
      verdict: 'ForwardIcmpError',
      to: A_MAC,
    },
    {
      name: 'about the director’s own connection as a server',
      edits: [addService(WEB), addServer(WEB, '127.0.0.1:80')],
      before: [syn],
      frame: router(3, 4, about),
      verdict: 'PassIcmpLocal',
    },
    {
      name: 'about nothing, with schedule_icmp',
      options: { settings: { schedule_icmp: 1 } },
      frame: router(3, 4, about),
      verdict: 'ForwardIcmpError',
      to: A_MAC,
    },
  ]);

  test('change neither state nor timer', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn);
    director.wait(20);
    const before = director.connections();
    director.handle(router(3, 4, about));
    expect(director.connections()).toEqual(before);
    expect(director.counters(WEB, A).traffic.inPackets).toBe(2);
  });
});

describe('real servers that frames cannot reach', () => {
  const web = (server: string) => [addService(WEB), addServer(WEB, server)];
  rows([
    { name: 'MAC not known', edits: web('10.0.0.99:80'), frame: syn, verdict: 'DropNoNeighbor' },
    {
      name: 'tunnelling',
      edits: [addService(WEB), addServer(WEB, A, { forwarding: 'tunnel' })],
      frame: syn,
      verdict: 'DropServerUnreachable',
    },
    {
      name: 'masquerading',
      edits: [addService(WEB), addServer(WEB, A, { forwarding: 'masquerade' })],
      frame: syn,
      verdict: 'DropServerUnreachable',
    },
  ]);

  test('the interface takes no frame', () => {
    const director = new TestDirector(EDITS);
    director.accepts.transmit = false;
    expect(director.handle(syn).verdict).toBe('DropTransmit');
    expect(new TestDirector([addService(WEB)]).handle(syn).verdict).toBe('ReplyPortUnreachable');
  });

  test('the host’s stack takes no frame', () => {
    const director = new TestDirector(EDITS);
    director.accepts.deliver = false;
    expect(director.handle(fromClient().tcp(31337, 80, ACK)).verdict).toBe('DropDeliver');
  });

  test('a MAC that changes is followed by the connections there are', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn);
    const nextHop = { address: '10.0.0.11', kind: 'neighbor', interface: null } as const;
    director.session.setNextHops([{ ...nextHop, mac: '02:00:00:00:00:ff' }]);
    const ack = fromClient().tcp(31337, 80, ACK).bytes();
    expect(director.handle(ack).sent.map(toHex)).toEqual([toHex(forwardedTo('02:00:00:00:00:ff', ack))]);
    director.session.setNextHops([{ ...nextHop, mac: null }]);
    expect(director.handle(ack).verdict).toBe('DropNoNeighbor');
  });

  test('our own MAC that changes is the source from then on', () => {
    const director = new TestDirector(EDITS);
    director.session.setHost({ interfaceUp: true, mac: '02:00:00:00:99:99', mtu: 1500, addresses: [] });
    expect(director.handle(syn).verdict).toBe('PassOtherMac');
    const { sent } = director.handle(eth({ to: '02:00:00:00:99:99' }).ipv4(CLIENT, VIP).tcp(31337, 80, SYN));
    expect(toHex(sent[0]!.subarray(6, 12))).toBe('020000009999');
  });
});

describe('a connection table that is full', () => {
  test('of established connections opens nothing, keeps what there is, and has room when something ends', () => {
    const director = new TestDirector(EDITS, { connectionTableSize: 2 });
    const send = (port: number, flags: number) => director.handle(fromClient().tcp(port, 80, flags)).verdict;
    const open = (port: number) => {
      const verdict = send(port, SYN);
      if (verdict === 'Forward') send(port, ACK);
      return verdict;
    };
    expect([open(1), open(2), open(3), open(1)]).toEqual([
      'Forward',
      'Forward',
      'DropConnectionTableFull',
      'Forward',
    ]);
    expect(director.load(WEB, A)).toEqual([2, 0]);
    director.wait(901);
    director.sweepAll();
    expect([open(3), open(4), open(5)]).toEqual(['Forward', 'Forward', 'DropConnectionTableFull']);
  });
});

describe('this host as a real server (LocalNode)', () => {
  const LOCAL = [addService(WEB), addServer(WEB, '127.0.0.1:80')];
  const reply = (flags: number) =>
    eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC }).ipv4(VIP, CLIENT).tcp(80, 31337, flags);
  rows([
    {
      name: 'gets the frame as it came',
      edits: LOCAL,
      frame: syn,
      verdict: 'DeliverLocalServer',
      delivers: true,
    },
    {
      name: 'its reply is followed and not re-sent',
      edits: LOCAL,
      before: [syn],
      frame: reply(SYN | ACK),
      verdict: 'PassOwnReply',
    },
    { name: 'a reply of no connection', edits: LOCAL, frame: reply(SYN | ACK), verdict: 'PassOwn' },
    {
      name: 'a reply in the place of another server',
      before: [syn],
      frame: reply(SYN | ACK),
      verdict: 'PassOwnReply',
    },
    {
      name: 'a later fragment of a reply',
      edits: LOCAL,
      before: [syn],
      frame: eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
        .ipv4(VIP, CLIENT, { fragmentOffsetBytes: 8 })
        .raw(payloadOf(8), { ipProtocol: 6 }),
      verdict: 'PassOwn',
    },
  ]);

  test('shows both sides, so that the two-sided states hold', () => {
    const director = new TestDirector(LOCAL);
    const states = [
      syn,
      reply(SYN | ACK),
      fromClient().tcp(31337, 80, ACK),
      reply(FIN | ACK),
      fromClient().tcp(31337, 80, FIN | ACK),
    ].map((frame) => {
      director.handle(frame);
      return director.connections()[0]!.state;
    });
    // OUTPUT: SYN leaves SYN_RECV; INPUT: ACK; OUTPUT: FIN; INPUT: FIN of the client ends it.
    expect(states).toEqual(['SYN_RECV', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'TIME_WAIT']);
    const { traffic } = director.counters(WEB, '127.0.0.1:80');
    expect([traffic.inPackets, traffic.outPackets, traffic.inBytes, traffic.outBytes]).toEqual([
      3, 2, 120, 80,
    ]);
  });

  test('that refuses with RST closes the connection', () => {
    const director = new TestDirector(LOCAL);
    director.handle(syn);
    director.handle(reply(RST | ACK));
    expect(director.connections()[0]!.state).toBe('CLOSE');
    expect(director.load(WEB, '127.0.0.1:80')).toEqual([0, 1]);
  });
});

describe('ARP', () => {
  const claim = (senderMac: string, senderIp = VIP) =>
    eth({ to: 'ff:ff:ff:ff:ff:ff', from: senderMac }).arp({ senderMac, senderIp, targetIp: senderIp });
  rows([
    { name: 'of somebody who claims the virtual address', frame: claim(A_MAC), verdict: 'PassArpConflict' },
    { name: 'of ours', frame: claim(DIRECTOR_MAC), verdict: 'PassArp' },
    { name: 'of another address', frame: claim(A_MAC, '10.0.0.11'), verdict: 'PassArp' },
    {
      name: 'that asks for the virtual address',
      frame: eth({ to: 'ff:ff:ff:ff:ff:ff' }).arp({
        senderMac: GATEWAY_MAC,
        senderIp: '10.0.0.254',
        targetIp: VIP,
      }),
      verdict: 'PassArp',
    },
    { name: 'probe with sender 0.0.0.0', frame: claim(A_MAC, '0.0.0.0'), verdict: 'PassArp' },
    { name: 'cut', frame: claim(A_MAC).bytes().subarray(0, 40), verdict: 'PassArp' },
  ]);
});

describe('removed servers', () => {
  const two = [addService(WEB), addServer(WEB, B), addServer(WEB, A)];
  const ack = fromClient().tcp(31337, 80, ACK);

  test('by default their connections go nowhere', () => {
    const director = new TestDirector(two);
    director.handle(syn);
    director.edit(deleteServer(WEB, A));
    expect([director.handle(ack).verdict, director.handle(syn).verdict]).toEqual([
      'DropServerRemoved',
      'DropServerRemoved',
    ]);
    director.edit(addServer(WEB, A));
    expect(director.handle(ack).verdict).toBe('Forward');
  });

  test('with expire_nodest_conn an ACK is the host’s, a SYN goes to another server', () => {
    const director = new TestDirector(two, { settings: { expire_nodest_conn: 1 } });
    director.handle(syn);
    director.edit(deleteServer(WEB, A));
    expect(director.handle(ack).verdict).toBe('DeliverUnscheduled');
    director.sweepAll();
    expect(director.path.connections.live).toBe(0);
    const again = director.handle(syn);
    expect(again.verdict).toBe('Forward');
    expect(toHex(again.sent[0]!.subarray(0, 6))).toBe(B_MAC.replaceAll(':', ''));
  });

  test('their counts go on when they come back', () => {
    const director = new TestDirector(two);
    director.handle(syn);
    director.edit(deleteServer(WEB, A));
    director.handle(ack);
    director.edit(addServer(WEB, A));
    expect(director.load(WEB, A)).toEqual([1, 0]);
    expect(director.counters(WEB, A).traffic.inPackets).toBe(1);
  });

  test('the whole service too', () => {
    const director = new TestDirector(two);
    director.handle(syn);
    director.edit({ op: 'flush' });
    expect(director.handle(ack).verdict).toBe('PassNotVirtual');
    director.edit(addService(DNS));
    expect(director.handle(ack).verdict).toBe('DropServerRemoved');
    expect(director.handle(fromClient().tcp(4, 80, SYN)).verdict).toBe('PassNotVirtual');
  });
});

describe('a SYN on a connection there is', () => {
  const two = [addService(WEB), addServer(WEB, B), addServer(WEB, A)];
  const serverAfter = (
    flags: readonly number[],
    settings: TestDirectorOptions['settings'],
    edits: readonly Edit[] = [],
  ): string => {
    const director = new TestDirector(two, settings === undefined ? {} : { settings });
    director.handle(syn);
    for (const each of flags) director.handle(fromClient().tcp(31337, 80, each));
    director.edit(...edits);
    const { sent } = director.handle(syn);
    return toHex(sent[0]!.subarray(0, 6)) === A_MAC.replaceAll(':', '') ? 'the same' : 'another';
  };
  const CLOSED = [ACK, RST];
  const FINISHED = [ACK, FIN | ACK];
  const quiesced = [editServer(WEB, A, { weight: 0 })];

  test.each([
    ['SYN_RECV', [], 1, [], 'the same'],
    ['ESTABLISHED', [ACK], 3, [], 'the same'],
    ['CLOSE, mode 0', CLOSED, 0, [], 'the same'],
    ['CLOSE, mode 1', CLOSED, 1, [], 'another'],
    ['CLOSE, mode 2', CLOSED, 2, [], 'another'],
    ['CLOSE, mode 3', CLOSED, 3, [], 'another'],
    ['FIN_WAIT, mode 0', FINISHED, 0, [], 'the same'],
    ['FIN_WAIT, mode 1', FINISHED, 1, [], 'the same'],
    ['FIN_WAIT, mode 2', FINISHED, 2, [], 'another'],
    ['FIN_WAIT, mode 3', FINISHED, 3, [], 'another'],
    ['TIME_WAIT, mode 1', [FIN], 1, [], 'another'],
    ['quiesced server', [ACK], 1, quiesced, 'the same'],
  ] as const)('%s', (_name, flags, mode, edits, expected) => {
    expect(serverAfter(flags, { conn_reuse_mode: mode }, edits)).toBe(expected);
  });

  test('of a quiesced server moves with expire_nodest_conn, an ACK does not', () => {
    expect(serverAfter([ACK], { expire_nodest_conn: 1 }, quiesced)).toBe('another');
    const director = new TestDirector(two, { settings: { expire_nodest_conn: 1 } });
    director.handle(syn);
    director.edit(...quiesced);
    expect(toHex(director.handle(fromClient().tcp(31337, 80, ACK)).sent[0]!.subarray(0, 6))).toBe(
      A_MAC.replaceAll(':', ''),
    );
  });

  test('keeps counting one connection', () => {
    const director = new TestDirector(two);
    for (const flags of [SYN, ACK, RST, SYN, SYN]) director.handle(fromClient().tcp(31337, 80, flags));
    expect(director.path.connections.live).toBe(1);
    expect([director.load(WEB, A), director.load(WEB, B)]).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });
});

describe('time', () => {
  const ack = fromClient().tcp(31337, 80, ACK);

  test.each([
    ['SYN_RECV', [SYN], 60],
    ['ESTABLISHED', [SYN, ACK], 900],
    ['FIN_WAIT', [SYN, ACK, FIN | ACK], 120],
    ['CLOSE', [SYN, ACK, RST], 10],
  ] as const)('a connection in %s lives as long as its state says', (state, flags, seconds) => {
    const director = new TestDirector(EDITS);
    for (const each of flags) director.handle(fromClient().tcp(31337, 80, each));
    expect(director.connections()).toMatchObject([{ state, expiresSec: seconds }]);
    director.wait(seconds - 0.01);
    expect(director.sweepAll()).toBe(0);
    director.wait(0.01);
    expect(director.sweepAll()).toBe(1);
    expect(director.load(WEB, A)).toEqual([0, 0]);
  });

  test('a packet restarts the timer, and one that comes too late finds nothing, also without a sweep', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn);
    director.handle(ack);
    for (let count = 0; count < 3; count++) {
      director.wait(899);
      expect(director.handle(ack).verdict).toBe('Forward');
    }
    director.wait(900);
    expect(director.handle(ack).verdict).toBe('DeliverUnscheduled');
    expect([director.path.connections.live, director.load(WEB, A)]).toEqual([0, [0, 0]]);
  });

  test('--set holds from the next packet on', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn);
    director.handle(ack);
    director.edit({ op: 'set-timeouts', timeouts: { tcpSec: 5, tcpFinSec: 0, udpSec: 0 } });
    expect(director.connections()[0]!.expiresSec).toBe(900);
    director.handle(ack);
    expect(director.connections()[0]!.expiresSec).toBe(5);
  });

  test('goes on when the 32 bits of the clock wrap', () => {
    const director = new TestDirector(EDITS);
    director.path.now = 2 ** 31 - 1000;
    director.handle(syn);
    director.handle(ack);
    director.wait(899);
    expect(director.path.now).toBeLessThan(0);
    expect(director.sweepAll()).toBe(0);
    expect(director.handle(ack).verdict).toBe('Forward');
    director.wait(900);
    expect(director.sweepAll()).toBe(1);
  });

  test('a removed server is forgotten after two minutes, also over a wrap of the clock', () => {
    const director = new TestDirector(EDITS);
    director.path.now = 2 ** 31 - 6000;
    director.sweepAll();
    director.edit(deleteServer(WEB, A));
    const known = () =>
      [...director.path.registry].some(
        (server) => server.address.port === 80 && server.address.address === '10.0.0.11',
      );
    for (let second = 0; second < 119; second++) {
      director.wait(1);
      director.sweepAll();
    }
    expect(known()).toBe(true);
    director.wait(2);
    director.sweepAll();
    expect(known()).toBe(false);
  });

  test('the sweep looks at a slice at a time and comes round', () => {
    const director = new TestDirector(EDITS);
    for (let port = 1; port <= 100; port++) director.handle(fromClient().udp(port + 1000, 53));
    director.wait(300);
    expect(Array.from({ length: 5 }, () => director.sweepSlice(30))).toEqual([30, 30, 30, 10, 0]);
    expect(director.load(DNS, '10.0.0.11:53')).toEqual([0, 0]);
  });
});

describe('counters', () => {
  test('packets and bytes without the Ethernet header and padding, connections once', () => {
    const director = new TestDirector(EDITS);
    director.handle(paddedTo(syn.bytes(), 60));
    director.handle(fromClient().tcp(31337, 80, ACK, { payload: payloadOf(100) }));
    director.handle(eth().vlan(3).ipv4(CLIENT, VIP).tcp(31337, 80, ACK));
    const expected = { connections: 1, inPackets: 3, outPackets: 0, inBytes: 40 + 140 + 40, outBytes: 0 };
    expect(director.counters(WEB, A).traffic).toEqual(expected);
    expect(director.session.readCounters().services[WEB]!.traffic).toEqual(expected);
  });

  test('UDP is never active', () => {
    const director = new TestDirector(EDITS);
    director.handle(fromClient().udp(5000, 53));
    expect(director.load(DNS, '10.0.0.11:53')).toEqual([0, 1]);
  });

  test('SCTP is active while established', () => {
    const director = new TestDirector(EDITS);
    const chunk = (type: number) =>
      director.handle(fromClient().sctp(31337, 36412, [{ type, body: [0, 0, 0, 0] }]));
    const load = () => director.load(S1, '10.0.0.11:36412');
    expect([chunk(1), load(), chunk(10), load(), chunk(7), load()].filter(Array.isArray)).toEqual([
      [0, 1],
      [1, 0],
      [0, 1],
    ]);
  });

  test('zero clears traffic, not connections', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn);
    director.edit({ op: 'zero' });
    expect(director.counters(WEB, A).traffic.inPackets).toBe(0);
    expect(director.load(WEB, A)).toEqual([1, 0]);
  });
});
