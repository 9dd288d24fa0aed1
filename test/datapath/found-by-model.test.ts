/** What random steps against the book (test/model) found, each as the shortest sequence of steps that showed it. */
import { describe, expect, test } from 'vitest';
import { addServer, addService, deleteServer, editService } from '../helpers/edits.ts';
import {
  ACK,
  DIRECTOR_MAC,
  eth,
  GATEWAY_MAC,
  packet,
  payloadOf,
  RST,
  SYN,
  toHex,
} from '../helpers/frame-builder.ts';
import { CLIENT, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const LOCAL = '127.0.0.1:80';
const answer = () => eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC }).ipv4(VIP, CLIENT);
const stateOfTemplate = (director: TestDirector) =>
  director.connections().find(({ client }) => client.port === 0)?.state;

describe('a template is assured', () => {
  test('when an SCTP association is established: ip_vs_proto_sctp.c, set_sctp_state()', () => {
    const SIGNAL = `sctp ${VIP}:36412`;
    const director = new TestDirector([
      addService(SIGNAL, { persistentSec: 50 }),
      addServer(SIGNAL, '10.0.0.11:36412'),
    ]);
    for (const type of [1, 10]) {
      expect(stateOfTemplate(director)).not.toBe('ASSURED');
      director.handle(eth().ipv4(CLIENT, VIP).sctp(1001, 36412, [{ type }]));
    }
    expect(stateOfTemplate(director)).toBe('ASSURED');
  });

  test('when this host, as the real server, answers over UDP: ip_vs_proto_udp.c, udp_state_transition()', () => {
    const DNS = `udp ${VIP}:53`;
    const director = new TestDirector([
      addService(DNS, { persistentSec: 50 }),
      addServer(DNS, '127.0.0.1:53'),
    ]);
    director.handle(eth().ipv4(CLIENT, VIP).udp(1001, 53));
    expect(stateOfTemplate(director)).toBe('NONE');
    director.handle(answer().udp(53, 1001));
    expect(stateOfTemplate(director)).toBe('ASSURED');
  });
});

describe('traffic of this host as the real server', () => {
  const begun = () => {
    const director = new TestDirector([addService(WEB), addServer(WEB, LOCAL)]);
    director.handle(eth().ipv4(CLIENT, VIP).tcp(1001, 80, SYN));
    return director;
  };

  test('counts an ICMP error about a connection, which the host has from the wire', () => {
    const director = begun();
    const about = packet()
      .ipv4(VIP, CLIENT)
      .tcp(80, 1001, SYN | ACK);
    expect(director.handle(eth().ipv4('198.51.100.1', VIP).icmp(3, 1, about)).verdict).toBe('PassIcmpLocal');
    expect(director.counters(WEB, LOCAL).traffic.inPackets).toBe(2);
  });

  test('is not counted any more when the server was removed: ip_vs_out_stats()', () => {
    const director = begun();
    director.edit(deleteServer(WEB, LOCAL));
    expect(director.handle(answer().tcp(80, 1001, SYN | ACK)).verdict).toBe('PassOwnReply');
    director.edit(addServer(WEB, LOCAL));
    expect(director.counters(WEB, LOCAL).traffic).toMatchObject({ inPackets: 1, outPackets: 0, outBytes: 0 });
  });
});

describe('an FTP service that is not persistent', () => {
  const FTP = `tcp ${VIP}:21`;
  const ALL = `tcp ${VIP}:0`;
  const director = () =>
    new TestDirector([
      addService(FTP),
      addServer(FTP, '10.0.0.11:21'),
      addService(ALL, { persistentSec: 50 }),
      addServer(ALL, '10.0.0.12:0'),
    ]);

  test.each([20, 1024, 5000])('leaves port %d to this host, even where another takes all ports', (port) => {
    expect(director().handle(eth().ipv4(CLIENT, VIP).tcp(1001, port, SYN)).verdict).toBe(
      'DeliverUnscheduled',
    );
  });

  test.each([
    [21, '10.0.0.11'],
    [80, '10.0.0.12'],
    [1023, '10.0.0.12'],
  ])('does not concern port %d', (port, server) => {
    const { sent } = director().handle(eth().ipv4(CLIENT, VIP).tcp(1001, port, SYN));
    expect(toHex(sent[0]!.subarray(5, 6))).toBe(server === '10.0.0.11' ? '0b' : '0c');
  });
});

test('a server of another forwarding method is unreachable, also before the kernel was asked for its MAC', () => {
  const director = new TestDirector([
    addService(WEB),
    addServer(WEB, '10.0.0.77:80', { forwarding: 'tunnel' }),
  ]);
  expect(director.handle(eth().ipv4(CLIENT, VIP).tcp(1001, 80, SYN)).verdict).toBe('DropServerUnreachable');
});

test('a fragment that waits is not lost to a datagram of the same identification from a neighbouring network', () => {
  const WEB6 = `tcp [${VIP6}]:80`;
  const director = new TestDirector([addService(WEB6), addServer(WEB6, '[fd00:10::b]:80')]);
  const segment = packet()
    .ipv6('2001:db8:1::9', VIP6)
    .tcp(1001, 80, SYN, { payload: payloadOf(20) })
    .bytes()
    .subarray(40);
  const piece = (client: string, offsetBytes: number, bytes: Uint8Array) =>
    director.handle(
      eth()
        .ipv6(client, VIP6)
        .fragment({ offsetBytes, more: offsetBytes === 0, id: 12 })
        .raw(bytes, { ipProtocol: 6 }),
    );
  expect(piece('2001:db8:1::9', 24, segment.subarray(24)).verdict).toBe('PassWaiting');
  expect(piece('2001:db8:1::a', 0, segment.subarray(0, 24)).sent).toHaveLength(1);
  expect(piece('2001:db8:1::9', 0, segment.subarray(0, 24)).sent).toHaveLength(2);
});

test('a reset that this host sends ends the connection, and one from the client after it changes nothing', () => {
  const director = new TestDirector([addService(WEB), addServer(WEB, LOCAL)]);
  director.handle(eth().ipv4(CLIENT, VIP).tcp(1001, 80, SYN));
  director.handle(answer().tcp(80, 1001, RST | ACK));
  expect(director.connections()[0]?.state).toBe('CLOSE');
  director.handle(eth().ipv4(CLIENT, VIP).tcp(1001, 80, RST));
  expect(director.connections()[0]?.state).toBe('CLOSE');
});

test('one-packet scheduling in the place of a connection ends it at once, whatever was refused before', () => {
  const DNS = `udp ${VIP}:0`;
  const director = new TestDirector(
    [
      addService(DNS, { persistentSec: 100 }),
      addServer(DNS, '10.0.0.11:0'),
      addServer(DNS, '10.0.0.12:0'),
      addService(WEB),
      addServer(WEB, '10.0.0.11:80'),
    ],
    { settings: { expire_nodest_conn: 1 } },
  );
  const query = () => director.handle(eth().ipv4(CLIENT, VIP).udp(1002, 53));
  query();
  director.edit(editService(DNS, { persistentSec: 50, onePacket: true }));
  director.handle(
    eth()
      .ipv4(CLIENT, VIP)
      .tcp(1003, 80, SYN | RST),
  );
  director.edit(deleteServer(DNS, '10.0.0.12:0'));
  query();
  expect(director.connections().filter(({ client }) => client.port === 1002)).toEqual([]);
});
