/** What the path in this process tells of its frames. */
import { describe, expect, test } from 'vitest';
import { FrameBudget } from '../../src/capture/frame-budget.ts';
import { type CapturedRecord, namesIn } from '../../src/capture/record.ts';
import { Verdict, verdictNames } from '../../src/datapath/verdict.ts';
import { addServer, addService } from '../helpers/edits.ts';
import { eth, payloadOf, SYN } from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { recordsIn, TappedPath, wish } from './tapped-path.ts';

const WEB = `tcp ${VIP}:80`;
const DNS = `udp ${VIP}:53`;
const WEB6 = `tcp [${VIP6}]:80`;
const EDITS = [
  addService(WEB),
  addServer(WEB, '10.0.0.11:80'),
  addServer(WEB, '10.0.0.12:80'),
  addService(DNS, { onePacket: true }),
  addServer(DNS, '10.0.0.13:53'),
  addService(WEB6),
  addServer(WEB6, '[fd00:10::b]:80'),
  addService(`tcp ${VIP}:81`),
  addServer(`tcp ${VIP}:81`, '10.0.0.99:81'),
  addService(`tcp ${VIP}:82`),
];
const syn = (port = 80, from = CLIENT, sourcePort = 4000) => eth().ipv4(from, VIP).tcp(sourcePort, port, SYN);

const fateOf = ({ verdict, text }: CapturedRecord) => {
  const { service, server } = namesIn(text);
  return [verdictNames.get(verdict), service, server];
};

describe('the tap of the path', () => {
  test('tells a frame as it came and as it was sent', () => {
    const path = new TappedPath(EDITS, [wish(0)]);
    const frame = syn().bytes();
    const [record] = path.handle(frame);
    expect(fateOf(record!)).toEqual(['Forward', WEB, '10.0.0.12:80']);
    expect(record).toMatchObject({ captures: 1, inLength: 54, inKept: 54, outLength: 54, outKept: 54 });
    expect(Buffer.from(frame).equals(record!.came)).toBe(true);
    expect(record!.sent.toString('hex', 0, 12)).toBe('02000000000c020000000100');
    expect(record!.sent[22]).toBe(record!.came[22]! - 1);
    expect(Math.abs(record!.seconds - Date.now() / 1000)).toBeLessThan(5);
  });

  test.each([
    ['a server without neighbour', syn(81), ['DropNoNeighbor', `tcp ${VIP}:81`, '10.0.0.99:81']],
    ['a martian source', syn(80, '127.0.0.5'), ['DropMartianSource', WEB, '']],
    ['no service', syn(8080), ['PassNotVirtual', '', '']],
    ['one packet', eth().ipv4(CLIENT, VIP).udp(9, 53), ['Forward', DNS, '10.0.0.13:53']],
    ['IPv6', eth().ipv6(CLIENT6, VIP6).tcp(9, 80, SYN), ['Forward', WEB6, '[fd00:10::b]:80']],
    [
      'another MAC',
      eth({ to: '02:00:00:00:99:99' }).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
      ['PassOtherMac', '', ''],
    ],
  ])('%s', (_what, frame, fate) => {
    const path = new TappedPath(EDITS, [wish(0)]);
    expect(path.handle(frame).map(fateOf)).toEqual([fate]);
  });

  test('an answer is what was sent', () => {
    const path = new TappedPath(EDITS, [wish(0)]);
    const [record] = path.handle(syn(82));
    expect(fateOf(record!)).toEqual(['ReplyPortUnreachable', `tcp ${VIP}:82`, '']);
    // ICMP, from the virtual address.
    expect(record!.sent[23]).toBe(1);
    expect(record!.sent.toString('hex', 26, 30)).toBe('0a000064');
  });

  test('a fragment that had waited is told with the first one', () => {
    const path = new TappedPath(EDITS, [wish(0)]);
    const later = eth()
      .ipv4(CLIENT, VIP, { fragmentOffsetBytes: 32, id: 9 })
      .raw(payloadOf(40), { ipProtocol: 17 });
    expect(path.handle(later).map(fateOf)).toEqual([['PassWaiting', '', '']]);
    const first = eth()
      .ipv4(CLIENT, VIP, { moreFragments: true, id: 9 })
      .udp(5000, 53, { payload: payloadOf(24) });
    const records = path.handle(first);
    expect(records.map(fateOf)).toEqual([
      ['Forward', DNS, '10.0.0.13:53'],
      ['ForwardFragment', DNS, '10.0.0.13:53'],
    ]);
    expect(records.map(({ inLength, outLength }) => [inLength, outLength])).toEqual([
      [66, 66],
      [0, 74],
    ]);
  });

  test.each([0, 1, 70, 100, 1400])(
    'with %d bytes of payload: came is the frame of before, sent the one of after',
    (size) => {
      const path = new TappedPath(EDITS, [wish(0)]);
      const frame = eth()
        .ipv4(CLIENT, VIP)
        .udp(9, 53, { payload: payloadOf(size) })
        .bytes();
      const before = Buffer.from(frame);
      const [record] = path.handle(frame);
      expect(record!.came.equals(before)).toBe(true);
      expect(record!.sent.equals(path.sent[0]!)).toBe(true);
    },
  );

  test('a frame of a few bytes', () => {
    const path = new TappedPath(EDITS, [wish(0)]);
    const [record] = path.handle(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
    expect(record!.came).toEqual(Buffer.of(1, 2, 3, 4, 5, 6, 7));
    expect(fateOf(record!)).toEqual(['DropTruncated', '', '']);
  });

  test('keeps as much as the largest wish is for', () => {
    const path = new TappedPath(EDITS, [wish(0, {}, 20), wish(1, {}, 30)]);
    const [record] = path.handle(syn());
    expect(record).toMatchObject({ inLength: 54, inKept: 30, outLength: 54, outKept: 30 });
  });

  test('more than it may are lost and counted, until its time has come again', () => {
    const path = new TappedPath(EDITS, [wish(1)]);
    path.budget.spend(5000);
    expect(path.handle(syn())).toEqual([]);
    path.queue.addCounts(2, 0);
    expect(recordsIn(path.queue)).toMatchObject([{ seen: 1, lost: [0, 1, 0, 0] }]);
    path.budget.refill(1, 1);
    expect(path.handle(syn())).toHaveLength(1);
  });

  test('a process without time captures five hundred a second', () => {
    const budget = new FrameBudget(0);
    budget.spend(5000);
    budget.refill(100, 0);
    budget.spend(49);
    expect(budget.isSpent).toBe(false);
    budget.spend(1);
    expect(budget.isSpent).toBe(true);
  });

  test('one after the other, nothing of a frame stays for the next', () => {
    const path = new TappedPath(EDITS, [wish(0)]);
    path.handle(syn());
    const [record] = path.handle(syn(8080));
    expect(namesIn(record!.text).server).toBe('');
    expect(record).toMatchObject({ outLength: 0 });
  });

  test.each([
    ['nothing asked', {}, 0b1111],
    ['the client', { client: { address: CLIENT } }, 0b0111],
    ['the client with its port', { client: { address: CLIENT, port: 4001 } }, 0b0010],
    ['the service', { virtual: { address: VIP, port: 80 } }, 0b0011],
    ['the virtual address', { virtual: { address: VIP } }, 0b0111],
    ['the server', { server: { address: '10.0.0.12' } }, 0b0001],
    ['the server with another port', { server: { address: '10.0.0.12', port: 81 } }, 0],
    ['verdicts', { verdicts: [Verdict.DropNoNeighbor, Verdict.PassArp] }, 0b1100],
    ['all at once', { client: { address: CLIENT }, verdicts: [Verdict.DropNoNeighbor] }, 0b0100],
  ])('filters by %s', (_what, filter, expected) => {
    const path = new TappedPath(EDITS, [wish(2, filter)]);
    const arp = eth({ type: 0x0806 }).raw(payloadOf(28));
    const frames = [syn(), syn(80, CLIENT, 4001), syn(81), arp];
    const wanted = frames.map((frame) => path.handle(frame).length);
    expect(wanted).toEqual([0, 1, 2, 3].map((bit) => (expected >> bit) & 1));
  });
});
