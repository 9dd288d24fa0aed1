/** Steps in words: each way that a packet can take, as a person reads it. */
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/datapath/verdict.ts';
import { explain } from '../../src/explain/explain.ts';
import { KNOWS_A_FILE } from '../../src/explain/knowledge.ts';
import { VERDICT_WORDS } from '../../src/explain/verdict-words.ts';
import type { Edit } from '../../src/service/model.ts';
import type { Settings } from '../../src/service/settings.ts';
import { addServer, addService, deleteServer, editServer } from '../helpers/edits.ts';
import { ACK, eth, FIN, type FrameBuilder, GATEWAY_MAC, packet, RST, SYN } from '../helpers/frame-builder.ts';
import { CLIENT, VIP } from '../helpers/sample-frames.ts';
import { MAC_OF, TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const A = '10.0.0.11:80';
const B = '10.0.0.12:80';

const tcp = (flags: number, port = 4000, client = CLIENT, virtualPort = 80): FrameBuilder =>
  eth().ipv4(client, VIP).tcp(port, virtualPort, flags);

function directorWith(settings: Partial<Settings> = {}, edits: readonly Edit[] = []): TestDirector {
  return new TestDirector(
    [addService(WEB, { scheduler: 'rr' }), addServer(WEB, A), addServer(WEB, B), ...edits],
    {
      settings,
    },
  );
}

/** All words of it; the path does the same. */
function wordsOf(director: TestDirector, frame: FrameBuilder, knowledge = {}): string {
  const bytes = frame.bytes();
  const reply = explain(director.session.excerptFor(bytes), bytes, {
    ...KNOWS_A_FILE,
    datapath: 'pcap',
    interface: 'eth0',
    ...knowledge,
  });
  expect(director.handle(bytes).verdict).toBe(reply.verdict);
  expect(reply.meaning).toBe(VERDICT_WORDS[reply.verdict as keyof typeof Verdict]);
  const steps = reply.steps.map(({ step, text, details }) => [`${step}: ${text}`, ...details].join('\n  '));
  return [...steps, reply.verdict, ...reply.notes].join('\n');
}

test('every verdict has words', () => {
  expect(Object.keys(VERDICT_WORDS).sort()).toEqual(Object.keys(Verdict).sort());
});

test('a first packet, whole', () => {
  expect(wordsOf(directorWith(), tcp(SYN))).toBe(`decode: IPv4, TCP SYN, TTL 64, 40 bytes
  it is for the MAC address of this director, 02:00:00:00:01:00
find: no connection of TCP from 192.0.2.9:4000 to 10.0.0.100:80 is remembered
match: it is for the service tcp 10.0.0.100:80: scheduler rr
  TCP SYN opens a connection
schedule: nobody had a turn yet; the next that is available is 10.0.0.12:80
  rr takes one server after the other
remember: a new connection to 10.0.0.12:80
step: state NONE -> SYN_RECV; lives 60 s without a packet; counts active at its server
send: to 10.0.0.12:80: destination MAC 02:00:00:00:00:0c, source MAC 02:00:00:00:01:00, TTL 64 -> 63
  addresses and ports stay as they are; it leaves by eth0, where it came in
Forward
the answer goes straight from the server to 192.0.2.9 and is not seen here: look for it on the server or on the client
another first packet that comes before this one takes this turn`);
});

describe('a connection', () => {
  test('stays with its server, whatever the scheduler would say', () => {
    const director = directorWith();
    director.handle(tcp(SYN));
    director.wait(2);
    expect(
      wordsOf(director, tcp(ACK)),
    ).toContain(`find: its connection goes to 10.0.0.12:80: state SYN_RECV, lives 58 s yet without a packet
  the packet goes to the same server: the scheduler is not asked, whatever the loads and weights are now
step: state SYN_RECV -> ESTABLISHED; lives 900 s without a packet; counts active at its server
send: to 10.0.0.12:80`);
  });

  test('whose time is up', () => {
    const director = directorWith();
    director.handle(tcp(SYN));
    director.wait(61);
    expect(wordsOf(director, tcp(ACK))).toMatch(
      /find: a connection of .* to 10\.0\.0\.12:80, whose time is up: it ends now\nmatch: .*\n {2}TCP ACK opens no connection: only a SYN does \(sloppy_tcp is 0\)/,
    );
  });

  test('that is over is opened anew', () => {
    const director = directorWith();
    for (const flags of [SYN, ACK, RST]) director.handle(tcp(flags));
    expect(wordsOf(director, tcp(SYN))).toMatch(
      /first packet of a new connection: it is over \(\w+\), and conn_reuse_mode is 1\nmatch: /,
    );
  });

  test('that is not over keeps its server, also for a SYN', () => {
    const director = directorWith();
    for (const flags of [SYN, ACK, FIN | ACK]) director.handle(tcp(flags));
    expect(wordsOf(director, tcp(SYN))).toContain(
      'a SYN begins a new connection only where the one before is over: after TIME_WAIT or CLOSE with conn_reuse_mode 1, after FIN_WAIT too with 3; it is 1',
    );
  });

  test.each([
    [
      { expire_nodest_conn: 0 },
      /its server was taken out of the service, and expire_nodest_conn is 0: packets of its connections are dropped\n.*\nDropServerRemoved/,
    ],
    [
      { expire_nodest_conn: 1 },
      /first packet of a new connection: its server was taken out of the service, and expire_nodest_conn is 1\nmatch: [\s\S]*DeliverUnscheduled/,
    ],
  ])('of a server that was removed, %o', (settings, words) => {
    const director = directorWith(settings);
    director.handle(tcp(SYN));
    director.edit(deleteServer(WEB, B));
    expect(wordsOf(director, tcp(ACK))).toMatch(words);
  });

  test.each([
    [0, SYN, /its server failed its checks, but failed_connections is 0: connections stay with it/],
    [
      1,
      SYN,
      /first packet of a new connection: its server failed its checks, and failed_connections is 1\nmatch/,
    ],
    [
      2,
      ACK,
      /failed_connections is 2: the client gets a reset, and the connection ends\nsend: an answer goes back to the client, by MAC 02:00:00:00:02:00\nReplyReset/,
    ],
  ])('of a server that failed, failed_connections %d', (failed_connections, flags, words) => {
    const director = directorWith({ failed_connections, second_chance: 0 });
    director.handle(tcp(SYN));
    director.edit(editServer(WEB, B, { failed: true }));
    expect(wordsOf(director, tcp(flags))).toMatch(words);
  });

  test('gets a second chance only when it is time, and another server lives', () => {
    const director = directorWith();
    director.handle(tcp(SYN));
    director.wait(0.4);
    expect(wordsOf(director, tcp(SYN))).toContain(
      'no second chance: the last SYN came 0.4 s ago, and a client waits at least 0.9 s',
    );
    director.wait(1);
    expect(wordsOf(director, tcp(SYN))).toContain(
      'no second chance: no other server of the service that takes connections has completed a handshake since the last SYN',
    );
    director.handle(tcp(SYN, 4001));
    director.handle(tcp(ACK, 4001));
    director.wait(1);
    const words = wordsOf(director, tcp(SYN));
    expect(words).toContain(
      'second chance: the SYN is sent again after 1 s, 10.0.0.12:80 has shown no life since, and another server of the service has',
    );
    expect(words).toContain(
      'schedule: by the second chance to 10.0.0.11:80: of the servers that have shown life',
    );
    expect(words).toContain('remember: a new connection to 10.0.0.11:80');
  });
});

describe('no connection', () => {
  test('for a port without a service', () => {
    expect(
      wordsOf(directorWith(), tcp(SYN, 4000, CLIENT, 81)),
    ).toContain(`match: no service is for TCP to 10.0.0.100:81
  services that could be meant: tcp 10.0.0.100:80
send: nothing is sent: this host has the frame
PassNotVirtual`);
  });

  test('from the director itself, or from a real server', () => {
    const own = wordsOf(directorWith(), tcp(SYN, 4000, '10.0.0.1'));
    expect(own).toContain(
      "match: 10.0.0.1 is one of this director's own addresses, and it is for the service tcp 10.0.0.100:80\nsend: nothing is sent\nDropMartianSource",
    );
    expect(own).toContain(
      "10.0.0.1 is this director's own address: what it sends to the virtual address itself is answered by its own stack",
    );
    const frame6 = eth().ipv6('fd00:10::1', 'fd00:10::100').tcp(1, 80, SYN);
    expect(wordsOf(directorWith(), frame6, { ownAddresses: ['fd00:10::1'] })).toContain(
      "fd00:10::1 is this director's own address",
    );
    expect(wordsOf(directorWith(), tcp(SYN, 4000, '10.0.0.11'))).toContain(
      '10.0.0.11 is a real server of this service: it has the virtual address on its lo',
    );
  });

  test('without a server, and why each takes none', () => {
    const director = new TestDirector([
      addService(WEB, { scheduler: 'wlc' }),
      addServer(WEB, A, { weight: 0 }),
      addServer(WEB, B, { upperThreshold: 1 }),
    ]);
    director.handle(tcp(SYN, 3999));
    const frame = tcp(SYN).bytes();
    const { steps, candidates, verdict } = explain(director.session.excerptFor(frame), frame, KNOWS_A_FILE);
    expect(verdict).toBe('ReplyPortUnreachable');
    expect(steps.find(({ step }) => step === 'schedule')?.text).toBe('no server is available');
    expect(candidates.map(({ note }) => note)).toEqual([
      'at its upper threshold of 1, until it has fewer than 1',
      'weight 0',
    ]);
  });

  test('by a flood, of the first SYN', () => {
    const director = directorWith({ syn_flood_rate: 1 });
    for (const port of [5001, 5002]) director.handle(tcp(SYN, port));
    director.path.synFlood.look(director.path.now, 1);
    expect(wordsOf(director, tcp(SYN))).toMatch(
      /^find: a SYN flood is on: .*\nmatch: .*: scheduler rr\n {2}more than 1 SYNs a second .* \(syn_flood_rate\): .* comes again\nsend: nothing is sent\nDropFirstSyn$/m,
    );
    expect(wordsOf(director, tcp(SYN))).toMatch(/\nremember: a new connection .*\nForward\n/s);
    expect(wordsOf(director, tcp(ACK))).toMatch(/SYN_RECV -> ESTABLISHED/);
    // Not even one whose connection there is.
    expect(wordsOf(director, tcp(SYN, 5001))).toMatch(/nothing is sent\nDropFirstSyn$/);
  });

  test('by drop_packet', () => {
    const director = directorWith({ drop_packet: 3, am_droprate: 1 });
    director.session.everySecond();
    expect(wordsOf(director, tcp(SYN))).toMatch(
      /it is the turn of this first packet\nsend: nothing is sent\nDropDefense/,
    );
  });
});

describe('the server', () => {
  test('whose MAC is not known', () => {
    const director = directorWith();
    director.session.setNextHops([{ address: '10.0.0.12', kind: 'neighbor', mac: null, interface: null }]);
    const neighbor = () => ({ state: 'FAILED', interface: null });
    expect(wordsOf(director, tcp(SYN), { neighbor })).toContain(`send: nothing is sent to 10.0.0.12:80
  the kernel says of 10.0.0.12: FAILED
DropNoNeighbor`);
  });

  test('with another forwarding method', () => {
    const director = directorWith();
    director.edit(editServer(WEB, B, { forwarding: 'tunnel' }));
    expect(wordsOf(director, tcp(SYN))).toContain(
      'its forwarding method is tunnel; the director does direct routing only (-g)\nDropServerUnreachable',
    );
  });

  test('that is this host', () => {
    const director = new TestDirector([addService(WEB), addServer(WEB, '127.0.0.1:80')]);
    expect(wordsOf(director, tcp(SYN))).toContain(
      'send: to 127.0.0.1:80, which is this host: into its own stack, as it came\nDeliverLocalServer',
    );
  });
});

describe('other frames', () => {
  test('for another MAC', () => {
    const frame = eth({ to: MAC_OF['10.0.0.11']! }).ipv4(CLIENT, VIP).tcp(1, 80, SYN);
    expect(wordsOf(directorWith(), frame)).toContain(
      'decode: the frame is for 02:00:00:00:00:0b, and this director is 02:00:00:00:01:00\nsend: nothing is sent: this host has the frame\nPassOtherMac',
    );
  });

  test('TTL used up', () => {
    const frame = eth().ipv4(CLIENT, VIP, { ttl: 1 }).tcp(4000, 80, SYN);
    expect(wordsOf(directorWith(), frame)).toMatch(
      /send: an answer goes back to the client, by MAC 02:00:00:00:02:00\nReplyTimeExceeded$/m,
    );
  });

  test('an ICMP error about a connection, and about none', () => {
    const director = directorWith();
    const about = packet().ipv4(VIP, CLIENT).tcp(80, 4000, ACK).bytes();
    const error = eth().ipv4('198.51.100.1', VIP).icmp(3, 4, about);
    expect(wordsOf(director, error)).toMatch(
      /schedule_icmp is 0: an error about no connection is left to this host\n[\s\S]*PassIcmpUnrelated/,
    );
    director.handle(tcp(SYN));
    expect(wordsOf(director, error)).toMatch(
      /decode: IPv4, an ICMP error of 198\.51\.100\.1 about a packet of TCP that a server sent from 10\.0\.0\.100:80 to 192\.0\.2\.9:4000[\s\S]*the error goes where the connection goes[\s\S]*ForwardIcmpError/,
    );
  });

  test('fragments', () => {
    const director = new TestDirector([
      addService(`udp ${VIP}:53`),
      addServer(`udp ${VIP}:53`, '10.0.0.11:53'),
    ]);
    const first = eth().ipv4(CLIENT, VIP, { id: 7, moreFragments: true }).udp(4000, 53);
    const later = eth()
      .ipv4(CLIENT, VIP, { id: 7, fragmentOffsetBytes: 64 })
      .raw(new Uint8Array(8), { ipProtocol: 17 });
    expect(wordsOf(director, later)).toMatch(
      /find: no first fragment of datagram 7 is remembered; the address is a virtual one\n[\s\S]*PassWaiting/,
    );
    expect(wordsOf(director, first)).toContain(
      'the first fragment of datagram 7: those that follow go where it goes',
    );
    director.wait(4);
    expect(wordsOf(director, later)).toMatch(
      /find: the first fragment of datagram 7 went to 10\.0\.0\.11:53, which is remembered for 26 s yet\n[\s\S]*ForwardFragment/,
    );
  });

  test('no IPv6 service', () => {
    const frame = eth({ from: GATEWAY_MAC }).ipv6('2001:db8::1', 'fd00:10::100').tcp(1, 80, FIN);
    expect(wordsOf(directorWith(), frame)).toContain(
      'find: there is no IPv6 service: the path looks no further',
    );
  });

  test('marked ones', () => {
    const director = new TestDirector([
      { op: 'set-marks', rules: [{ mark: 7, destination: VIP, ports: [80, 90] }] },
      addService('fwmark 7'),
      addServer('fwmark 7', '10.0.0.11:0'),
    ]);
    expect(wordsOf(director, tcp(SYN))).toContain(
      'match: the packet has firewall mark 7, by the rule "any 10.0.0.100 ports 80-90 -> mark 7", so it is for the service fwmark 7',
    );
  });
});
