/** Fragments of one datagram go to one server, in whatever order they come; forged ones stop nothing. */
import { describe, expect, test } from 'vitest';
import { addServer, addService, deleteServer } from '../helpers/edits.ts';
import { eth, type FrameBuilder, forwardedTo, payloadOf, SYN, toHex } from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { MAC_OF, TestDirector } from '../helpers/test-director.ts';

const DNS = `udp ${VIP}:53`;
const DNS6 = `udp [${VIP6}]:53`;
const EDITS = [
  addService(DNS),
  addServer(DNS, '10.0.0.11:53'),
  addServer(DNS, '10.0.0.12:53'),
  addService(DNS6),
  addServer(DNS6, '[fd00:10::b]:53'),
];
/** rr begins with the one added last. */
const FIRST_MAC = MAC_OF['10.0.0.12']!;

const first = (id = 7, client = CLIENT) =>
  eth()
    .ipv4(client, VIP, { id, moreFragments: true })
    .udp(5000, 53, { payload: payloadOf(24), lengthBytes: 72 });
const later = (id = 7, fields: { client?: string; to?: string; protocol?: number; offset?: number } = {}) =>
  eth()
    .ipv4(fields.client ?? CLIENT, fields.to ?? VIP, {
      id,
      fragmentOffsetBytes: fields.offset ?? 32,
      moreFragments: fields.offset === undefined,
    })
    .raw(payloadOf(16), { ipProtocol: fields.protocol ?? 17 });
const last = (id = 7) => later(id, { offset: 48 });

const verdicts = (director: TestDirector, ...frames: readonly FrameBuilder[]): string[] =>
  frames.map((frame) => director.handle(frame).verdict);

describe('fragments', () => {
  test('in order: all to the server of the first', () => {
    const director = new TestDirector(EDITS);
    for (const fragment of [first(), later(), last()]) {
      const { sent } = director.handle(fragment);
      expect(sent.map(toHex)).toEqual([toHex(forwardedTo(FIRST_MAC, fragment.bytes()))]);
    }
    const { traffic } = director.counters(DNS, '10.0.0.12:53');
    expect([traffic.connections, traffic.inPackets, traffic.inBytes]).toEqual([1, 1, 52 + 36 + 36]);
  });

  test('before the first: they wait, and follow it', () => {
    const director = new TestDirector(EDITS);
    expect(verdicts(director, last(), later())).toEqual(['PassWaiting', 'PassWaiting']);
    const { verdict, sent } = director.handle(first());
    expect(verdict).toBe('Forward');
    expect(sent.map(toHex)).toEqual(
      [first(), last(), later()].map((frame) => toHex(forwardedTo(FIRST_MAC, frame.bytes()))),
    );
    expect(director.path.waiting.isEmpty).toBe(true);
  });

  test('of IPv6', () => {
    const director = new TestDirector(EDITS);
    const six = () => eth().ipv6(CLIENT6, VIP6);
    const second = six().fragment({ offsetBytes: 32, id: 9 }).raw(payloadOf(16), { ipProtocol: 17 });
    expect(director.handle(second).verdict).toBe('PassWaiting');
    const { sent } = director.handle(
      six()
        .fragment({ more: true, id: 9 })
        .udp(5000, 53, { payload: payloadOf(24) }),
    );
    expect(sent).toHaveLength(2);
    expect(toHex(sent[1]!)).toBe(toHex(forwardedTo(MAC_OF['fd00:10::b']!, second.bytes())));
  });

  test('of datagrams that differ in one thing are of different ones', () => {
    const director = new TestDirector(EDITS);
    director.handle(first());
    expect(
      verdicts(director, later(8), later(7, { client: '192.0.2.10' }), later(7, { protocol: 6 })),
    ).toEqual(new Array(3).fill('PassWaiting'));
    expect(verdicts(director, later(7, { to: '10.0.0.1' }), later())).toEqual([
      'PassFragment',
      'ForwardFragment',
    ]);
  });

  test('that wait for a datagram which only looks like theirs do not stop the path', () => {
    const director = new TestDirector(EDITS);
    expect(
      verdicts(director, later(7, { protocol: 6 }), later(7, { protocol: 132 }), first(), later()),
    ).toEqual(['PassWaiting', 'PassWaiting', 'Forward', 'ForwardFragment']);
  });

  test('wait for half a minute at most', () => {
    const director = new TestDirector(EDITS);
    director.handle(later());
    director.wait(30);
    expect(director.handle(first()).sent).toHaveLength(1);
  });

  test('are of another datagram half a minute after the first', () => {
    const director = new TestDirector(EDITS);
    director.handle(first());
    director.wait(30);
    expect(director.handle(later()).verdict).toBe('PassWaiting');
    director.sweepAll();
    expect(director.path.datagrams.live).toBe(0);
  });

  test('by the thousand, without their first ones, push out only each other', () => {
    const director = new TestDirector(EDITS);
    for (let id = 0; id < 5000; id++) expect(director.handle(later(id)).verdict).toBe('PassWaiting');
    expect(verdicts(director, first(1), later(1))).toEqual(['Forward', 'ForwardFragment']);
    expect(director.handle(first(4999)).sent).toHaveLength(2);
  });

  test('by the hundred thousand, all first ones: a datagram of somebody else comes through whole', () => {
    const director = new TestDirector(EDITS, { connectionTableSize: 100 });
    for (let count = 0; count < 70_000; count++)
      director.handle(first(count & 0xffff, `198.51.${count >> 16}.1`));
    // The oldest have made room.
    expect(director.handle(later(1, { client: '198.51.0.1' })).verdict).toBe('PassWaiting');
    expect(verdicts(director, later(7), first(7), later(7))).toEqual([
      'PassWaiting',
      'Forward',
      'ForwardFragment',
    ]);
  });

  test('of a refused datagram go nowhere', () => {
    const director = new TestDirector([addService(DNS)]);
    expect(verdicts(director, first(), later())).toEqual(['ReplyPortUnreachable', 'PassWaiting']);
  });

  test('of a server that was removed meanwhile', () => {
    const director = new TestDirector(EDITS);
    director.handle(first());
    director.edit(deleteServer(DNS, '10.0.0.12:53'));
    director.handle(later());
    expect(director.handle(first(8)).verdict).toBe('DropServerRemoved');
  });

  test('of TCP: a first one without the TCP header opens nothing', () => {
    const director = new TestDirector([
      addService(`tcp ${VIP}:80`),
      addServer(`tcp ${VIP}:80`, '10.0.0.11:80'),
    ]);
    const whole = eth().ipv4(CLIENT, VIP).tcp(31337, 80, SYN).bytes();
    const tiny = eth()
      .ipv4(CLIENT, VIP, { moreFragments: true })
      .raw(whole.subarray(34, 42), { ipProtocol: 6 });
    expect(director.handle(tiny).verdict).toBe('DropTransportTruncated');
  });
});
