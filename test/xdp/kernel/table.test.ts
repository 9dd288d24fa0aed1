/** The connection tables: as much room as was asked for, who goes when there is none, and counts that are right. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { endpointText, serviceKey } from '../../../src/service/configuration.ts';
import type { Edit } from '../../../src/service/model.ts';
import { CONFIG, Kind, SERVER, StateBits, WAYS } from '../../../src/xdp/layout.ts';
import { isRecordListed, readRecord } from '../../../src/xdp/server-record.ts';
import { addServer, addService, deleteServer, editServer } from '../../helpers/edits.ts';
import { ACK, eth, FIN, payloadOf, RST, SYN } from '../../helpers/frame-builder.ts';
import { describeWithRoot } from '../../helpers/netns.ts';
import type { XdpDirector } from '../../helpers/xdp-director.ts';
import { Random } from '../../model/random.ts';
import {
  createRig,
  DNS,
  entriesOf,
  FrameStream,
  forwarded,
  nextHopsOf,
  recount,
  serverName,
  setHost,
  spillsOf,
  tcpFrame,
  udpFrame,
  VIP,
  WEB,
} from '../rig.ts';
import { runFrame, XDP_TX } from '../shared-rig.ts';

const CONNECTIONS = 16_384;
const SIZES = { connections: CONNECTIONS, services: 8, servers: 16 };
const SERVERS = 4;
const VIP6 = 'fd00:10::100';
const UDP_SEC = 300;
const SYN_RECV_SEC = 60;

describeWithRoot('the connection table', [], () => {
  let shared: XdpDirector | undefined;
  let director: XdpDirector;
  const random = new Random(7);

  beforeEach(() => {
    shared ??= createRig(SIZES, SERVERS);
    director = shared;
    director.reset(CONNECTIONS);
    setHost(director.session);
    director.session.setNextHops([
      ...nextHopsOf(SERVERS),
      { address: 'fd00:10::b', kind: 'neighbor', mac: '02:00:00:00:00:0b', interface: null },
    ]);
    director.now = 1;
    const { config } = director.program;
    for (let word = 0; word < 11; word++)
      config.set64(
        0,
        CONFIG.at.seed + 8 * word,
        (BigInt(Math.floor(random.number() * 2 ** 50)) * 8191n) | 1n,
      );
  });
  afterAll(() => shared?.close());

  const edit = (...edits: readonly Edit[]) => director.session.edit(edits);
  const service = (name: string, options: Parameters<typeof addService>[1] = {}, port = 80) =>
    edit(
      addService(name, { scheduler: 'wlc', ...options }),
      ...[...Array(SERVERS).keys()].map((number) => addServer(name, serverName(number, port))),
    );
  /** How many frames were not forwarded. */
  const refused = (frames: Iterable<Uint8Array>): number => {
    let count = 0;
    for (const frame of frames) if (runFrame(director.program, frame).action !== XDP_TX) count++;
    return count;
  };
  function* from(stream: FrameStream, first: number, count: number, flags?: number): Generator<Uint8Array> {
    for (let client = first; client < first + count; client++)
      yield stream.of(
        0x14000000 | (Math.imul(client, 0x01000193) & 0xffffff),
        1024 + (client % 60_000),
        flags,
      );
  }
  const tcp = () => new FrameStream(tcpFrame(1));
  const udp = () => new FrameStream(udpFrame(1));
  /** What servers count is what the table holds. */
  const expectRightCounts = () => {
    const counted = recount(director.program);
    const { servers: records } = director.program;
    const { services } = director.session.readCounters();
    for (let id = 0; id < records.count; id++) {
      if (!isRecordListed(records, id)) continue;
      const { service, address } = readRecord(records, id);
      const counters = services[serviceKey(service)]!.servers[endpointText(address)]!;
      const {
        activeConnections: active,
        inactiveConnections: inactive,
        persistentConnections: persistent,
      } = counters;
      const found = counted.get(id) ?? { active: 0, inactive: 0, persistent: 0 };
      expect({ active, inactive, persistent }, serviceKey(service)).toEqual(found);
    }
  };
  /** Connections that had to go before their time was up. */
  const pushedOut = () =>
    Object.values(director.session.readCounters().madeRoom).reduce((sum, count) => sum + count, 0);
  const liveEntries = () => [...entriesOf(director.program)];
  const expectRightDependents = () => {
    const entries = liveEntries();
    const dependents = new Map<number, number>();
    for (const { kind, link } of entries)
      if (!(kind & Kind.Template)) dependents.set(link - 1, (dependents.get(link - 1) ?? 0) + 1);
    const templates = entries.filter(({ kind }) => kind & Kind.Template);
    expect(templates.map((each) => each.dependents)).toEqual(
      templates.map(({ slot }) => dependents.get(slot) ?? 0),
    );
  };
  /** Lets all time run out. */
  const expireAll = () => {
    for (let round = 0; round < 3; round++) {
      director.wait(10_000);
      director.sweepAll();
    }
  };

  describe('has room', () => {
    test('for as many connections as were asked for, but one in a thousand', () => {
      service(DNS, {}, 53);
      expect(refused(from(udp(), 0, CONNECTIONS))).toBe(0);
      expect(pushedOut()).toBeLessThan(CONNECTIONS / 1000);
      expectRightCounts();
      expect(spillsOf(director.program)).toBeGreaterThan(0);
      expireAll();
      expect(liveEntries()).toEqual([]);
      expect(spillsOf(director.program)).toBe(0);
      expectRightCounts();
    });

    test('for as many of IPv6', () => {
      edit(addService(`udp [${VIP6}]:53`), addServer(`udp [${VIP6}]:53`, '[fd00:10::b]:53'));
      const stream = new FrameStream(eth().ipv6('2001:db8::1', VIP6).udp(1024, 53).bytes());
      expect(refused(from(stream, 0, CONNECTIONS))).toBe(0);
      expect(pushedOut()).toBeLessThan(CONNECTIONS / 1000);
      expect(recount(director.program).get(0)!.inactive).toBeGreaterThan((CONNECTIONS * 999) / 1000);
      expireAll();
      expect(liveEntries()).toEqual([]);
      expect(spillsOf(director.program)).toBe(0);
    });

    test('in the places of connections whose time is up, without a sweep', () => {
      service(DNS, {}, 53);
      // More than fit, so that every bucket is full.
      refused(from(udp(), 0, 4 * CONNECTIONS));
      expect(liveEntries().length).toBeGreaterThan(1.9 * CONNECTIONS);
      director.wait(UDP_SEC);
      // The first of two buckets is taken while it has such places, so they are not filled as evenly as empty ones.
      const before = pushedOut();
      expect(refused(from(udp(), 1_000_000, CONNECTIONS))).toBe(0);
      expect(pushedOut() - before).toBeLessThan(CONNECTIONS / 100);
      expectRightCounts();
    });

    test('and finds every connection that it has taken', () => {
      service(DNS, {}, 53);
      const stream = udp();
      const taken = new Map<number, number>();
      for (let client = 1; client <= CONNECTIONS; client++) {
        const { action, sent } = runFrame(director.program, stream.of(client, 5000));
        if (action === XDP_TX) taken.set(client, sent[5]!);
        // After a second packet it stays.
        if (action === XDP_TX) runFrame(director.program, stream.of(client, 5000));
      }
      expect(taken.size).toBeGreaterThan((CONNECTIONS * 999) / 1000);
      for (const [client, server] of taken) {
        const { action, sent } = runFrame(director.program, stream.of(client, 5000));
        expect(action === XDP_TX && sent[5] === server).toBe(true);
      }
      const packets = liveEntries().map(({ state }) => (state >>> 10) & 15);
      expect(new Set(packets)).toEqual(new Set([3]));
    });
  });

  describe('in a flood of half-open connections', () => {
    const ESTABLISHED = CONNECTIONS / 4;

    test('keeps every established one, and every one of UDP that has gone on', () => {
      service(WEB);
      service(DNS, {}, 53);
      expect(refused(from(tcp(), 0, ESTABLISHED, SYN))).toBe(0);
      expect(refused(from(tcp(), 0, ESTABLISHED, ACK))).toBe(0);
      for (let packet = 1; packet <= 2; packet++) expect(refused(from(udp(), 0, ESTABLISHED))).toBe(0);
      expect(refused(from(tcp(), 1_000_000, 8 * CONNECTIONS, SYN))).toBe(0);
      const isActive = ({ state }: { state: number }) => (state & 0xff) === 1;
      const entries = liveEntries();
      expect(entries.filter((entry) => (entry.kind & 0xff) === 6 && isActive(entry)).length).toBe(
        ESTABLISHED,
      );
      expect(entries.filter(({ kind }) => (kind & 0xff) === 17).length).toBe(ESTABLISHED);
      expect(refused(from(tcp(), 0, ESTABLISHED, ACK))).toBe(0);
      expectRightCounts();
      director.wait(SYN_RECV_SEC);
      director.sweepAll();
      expect(liveEntries().length).toBe(2 * ESTABLISHED);
      expectRightCounts();
      expireAll();
      expect(spillsOf(director.program)).toBe(0);
      expectRightCounts();
    });

    test('keeps templates, and their counts of who depends on them', () => {
      service(WEB, { persistentSec: 600, netmask: 0xffff0000 });
      expect(refused(from(tcp(), 0, 4 * CONNECTIONS, SYN))).toBe(0);
      const entries = liveEntries();
      expect(entries.filter(({ kind }) => kind & Kind.Template).length).toBe(256);
      expectRightDependents();
      expectRightCounts();
      expireAll();
      expect(liveEntries()).toEqual([]);
      expect(spillsOf(director.program)).toBe(0);
      expectRightCounts();
    });

    test('of a persistent service keeps what is established, its templates, and no others', () => {
      service(WEB, { persistentSec: 600 });
      expect(refused(from(tcp(), 0, ESTABLISHED / 2, SYN))).toBe(0);
      expect(refused(from(tcp(), 0, ESTABLISHED / 2, ACK))).toBe(0);
      expect(refused(from(tcp(), 1_000_000, 8 * CONNECTIONS, SYN))).toBe(0);
      const entries = liveEntries();
      const isTemplate = ({ kind }: { kind: number }) => (kind & Kind.Template) !== 0;
      const assured = entries.filter((each) => isTemplate(each) && each.state & StateBits.Assured);
      expect(assured.length).toBe(ESTABLISHED / 2);
      expect(refused(from(tcp(), 0, ESTABLISHED / 2, ACK))).toBe(0);
      const { madeRoom } = director.session.readCounters();
      expect(Object.keys(madeRoom).sort()).toEqual(['halfOpen', 'template']);
      expectRightCounts();
      expectRightDependents();
      expireAll();
      expect(liveEntries()).toEqual([]);
      expect(spillsOf(director.program)).toBe(0);
      expectRightCounts();
    });

    test('refuses new ones where all others are established, and says so', () => {
      service(WEB);
      const ended = refused(from(tcp(), 0, 6 * CONNECTIONS, SYN));
      expect(ended).toBe(0);
      refused(from(tcp(), 0, 6 * CONNECTIONS, ACK));
      const { length } = liveEntries();
      expect(length).toBeGreaterThan(1.9 * CONNECTIONS);
      const handled = Array.from({ length: 200 }, (_, client) => director.handle(tcpFrame(client)).verdict);
      expect(new Set(handled)).toEqual(new Set(['DropConnectionTableFull']));
      expectRightCounts();
    });
  });

  describe('in a flood', () => {
    /** As many as come in a tenth of a second, in which an honest client has its answer: a million with the usual size. */
    const DELAY = CONNECTIONS / 10;
    const FRAMES_A_TICK = Math.floor(DELAY / 10);
    const HONEST_SHARE = 64;
    const FLOOD = 8 * CONNECTIONS;

    /** How many of the honest ones of which the second frame was not forwarded, of how many. */
    const failures = (
      flood: (count: number) => Uint8Array,
      honest: (client: number, packet: 1 | 2) => Uint8Array,
    ): { failed: number; of: number } => {
      const { program } = director;
      let frames = 0;
      const send = (frame: Uint8Array) => {
        if (++frames % FRAMES_A_TICK === 0) director.now++;
        return runFrame(program, frame);
      };
      for (let count = 0; count < FLOOD; count++) send(flood(count));
      let [failed, of] = [0, 0];

      const delay = Math.floor(DELAY / HONEST_SHARE);
      const servers = new Map<number, number>();
      for (let client = 0; client < FLOOD / HONEST_SHARE; client++) {
        for (let count = 0; count < HONEST_SHARE; count++) send(flood(FLOOD + client * HONEST_SHARE + count));
        const { action, sent } = send(honest(client, 1));
        if (action === XDP_TX) servers.set(client, sent[5]!);

        if (client < delay) continue;
        of++;
        const second = send(honest(client - delay, 2));
        if (second.action !== XDP_TX || second.sent[5] !== servers.get(client - delay)) failed++;
      }
      return { failed, of };
    };
    const forged = (count: number) => 0x40000000 | (Math.imul(count, 0x9e3779b1) >>> 4);
    const honestTcp = () => {
      const stream = tcp();
      return (client: number, packet: 1 | 2) =>
        stream.of(0x20000000 + client, 4000, packet === 1 ? SYN : ACK);
    };
    const synFlood = () => {
      const stream = tcp();
      return (count: number) => stream.of(forged(count), 1024 + (count & 0x3fff), SYN);
    };
    const udpFlood = () => {
      const stream = udp();
      return (count: number) => stream.of(forged(count), 1024 + (count & 0x7fff));
    };
    const expectOnePercent = ({ failed, of }: { failed: number; of: number }) => {
      expect(of).toBeGreaterThan(CONNECTIONS / 10);
      expect(failed / of, `${failed} of ${of} failed`).toBeLessThan(0.01);
      expectRightCounts();
      expectRightDependents();
    };

    test.each([0, 600])(
      'of SYN from forged addresses an honest client gets its connection, persistence %i s',
      (persistentSec) => {
        service(WEB, { persistentSec });
        refused(from(tcp(), 0, CONNECTIONS / 4, SYN));
        expect(refused(from(tcp(), 0, CONNECTIONS / 4, ACK))).toBe(0);
        expectOnePercent(failures(synFlood(), honestTcp()));
        expect(refused(from(tcp(), 0, CONNECTIONS / 8, ACK))).toBe(0);
      },
    );

    test.each([0, 600])(
      'of UDP ports one of TCP does, too, and one of UDP, persistence %i s',
      (persistentSec) => {
        service(WEB, { persistentSec });
        service(DNS, { persistentSec }, 53);
        for (let packet = 1; packet <= 2; packet++) refused(from(udp(), 0, CONNECTIONS / 8));
        expectOnePercent(failures(udpFlood(), honestTcp()));
        const stream = udp();
        expectOnePercent(failures(udpFlood(), (client) => stream.of(0x20000000 + client, 4000)));
        expect(refused(from(udp(), 0, CONNECTIONS / 8))).toBe(0);
        expect(Object.keys(director.session.readCounters().madeRoom)).toContain('udp');
      },
    );

    test('of first fragments a datagram comes through whole', () => {
      service(DNS, {}, 53);
      const first = new FrameStream(
        eth().ipv4('20.0.0.1', VIP, { id: 1, moreFragments: true }).udp(1024, 53).bytes(),
      );
      let failed = 0;
      for (let count = 0; count < 150_000; count++) {
        runFrame(director.program, first.of(forged(count), 1024 + (count & 0x3fff)));
        if (count % 500 !== 0) continue;
        const client = `21.0.${(count >> 8) & 255}.${count & 255}`;
        const begin = eth().ipv4(client, VIP, { id: 7, moreFragments: true }).udp(1024, 53);
        const rest = eth()
          .ipv4(client, VIP, { id: 7, fragmentOffsetBytes: 8 })
          .raw(payloadOf(16), { ipProtocol: 17 });
        if (director.handle(begin.bytes()).verdict !== 'Forward') failed++;
        // Some come in between.
        for (let other = 0; other < 100; other++)
          runFrame(director.program, first.of(forged(count * 1000 + other), 1024));
        if (director.handle(rest.bytes()).verdict !== 'ForwardFragment') failed++;
      }
      expect(failed).toBe(0);
    });

    test('of malformed frames nothing is remembered', () => {
      service(WEB);
      service(DNS, {}, 53);
      const with4 = (fields: Parameters<ReturnType<typeof eth>['ipv4']>[2]) =>
        eth().ipv4('20.0.0.1', VIP, fields).tcp(1024, 80, SYN).bytes();
      const frames = {
        DropTruncated: tcpFrame(1).subarray(0, 30),
        DropIpVersion: with4({ version: 5 }),
        DropIpHeaderLength: with4({ headerWords: 4 }),
        DropIpTotalLength: with4({ totalBytes: 1500 }),
        DropIpChecksum: with4({ checksum: 1 }),
        DropMartianSource: eth().ipv4('127.0.0.1', VIP).tcp(1024, 80, SYN).bytes(),
        DropTransportTruncated: eth().ipv4('20.0.0.1', VIP).raw(payloadOf(8), { ipProtocol: 6 }).bytes(),
      };
      for (const frame of Object.values(frames))
        for (let count = 0; count < 1000; count++) runFrame(director.program, frame);
      expect(liveEntries()).toEqual([]);
      expect(director.session.readCounters().verdicts).toEqual(
        Object.fromEntries(Object.keys(frames).map((verdict) => [verdict, 1000])),
      );
    });
  });

  describe('of templates', () => {
    test('keeps one for as long as connections depend on it', () => {
      service(WEB, { persistentSec: 10 });
      director.handle(tcpFrame(1));
      director.handle(tcpFrame(1, 1024, ACK));
      const templates = () => liveEntries().filter(({ kind }) => kind & Kind.Template).length;
      director.wait(11);
      director.sweepAll();
      expect(templates()).toBe(1);
      expect(director.session.endConnections({ virtual: { address: VIP, port: 80 } })).toBe(2);
      expect(liveEntries()).toEqual([]);
      expectRightCounts();
    });

    test('ends one when the last that depends on it has ended, and its time is up', () => {
      service(WEB, { persistentSec: 10 });
      for (const flags of [SYN, ACK, FIN | ACK, RST]) director.handle(tcpFrame(1, 1024, flags));
      director.wait(12);
      director.sweepAll();
      director.sweepAll();
      expect(liveEntries().length).toBe(1);
      director.wait(61);
      director.sweepAll();
      expect(liveEntries()).toEqual([]);
      expectRightCounts();
    });

    test.each([80, 65_535])('makes another one, once, for a server that was removed from port %i', (port) => {
      const name = `tcp ${VIP}:${port}`;
      service(name, { persistentSec: 600 }, port);
      const open = (clientPort: number) => forwarded(director.handle(tcpFrame(1, clientPort, SYN, port)));
      const removed = open(1000);
      edit(deleteServer(name, serverName(removed, port)));
      const [other, ...later] = [1001, 1002, 1003, 1004].map(open);
      expect(other).not.toBe(removed);
      expect(new Set(later)).toEqual(new Set([other]));
      expect(liveEntries().filter(({ kind }) => kind & Kind.Template).length).toBe(2);
      expireAll();
      expect(spillsOf(director.program)).toBe(0);
      expectRightCounts();
    });
  });

  test('does not leave a server without connections overloaded, however that came', () => {
    edit(addService(WEB), addServer(WEB, serverName(0), { upperThreshold: 1 }));
    director.program.servers.set32(0, SERVER.at.overloaded, 1);
    expect(director.handle(tcpFrame(1)).verdict).toBe('ReplyPortUnreachable');
    director.session.everySecond();
    expect(forwarded(director.handle(tcpFrame(1)))).toBe(0);
    director.session.everySecond();
    expect(director.handle(tcpFrame(2)).verdict).toBe('ReplyPortUnreachable');
  });

  test('keeps the successor of a connection whose place it had to take', () => {
    const { config } = director.program;
    // Without secret numbers in the hash all are for the same two buckets.
    for (let word = 0; word < 11; word++) config.set64(0, CONFIG.at.seed + 8 * word, 0n);
    service(WEB);
    const first = forwarded(director.handle(tcpFrame(0)));
    director.wait(1);
    for (let client = 1; client < 2 * WAYS; client++) director.handle(tcpFrame(client));
    expect(liveEntries()).toHaveLength(2 * WAYS);
    edit(
      { op: 'set', name: 'expire_nodest_conn', value: 1 },
      editServer(WEB, serverName(first), { weight: 0 }),
    );
    const second = forwarded(director.handle(tcpFrame(0)));
    expect(second).not.toBe(first);
    expect(liveEntries()).toHaveLength(2 * WAYS);
    expect(forwarded(director.handle(tcpFrame(0, 1024, ACK)))).toBe(second);
    expectRightCounts();
  });

  test('has right counts after connections of all kinds have begun, gone on, ended and been ended', () => {
    service(WEB);
    service(DNS, {}, 53);
    service(`tcp ${VIP}:443`, { persistentSec: 30, netmask: 0xffffff00 });
    const flags = [SYN, SYN, ACK, ACK, FIN | ACK, RST, SYN | ACK];
    const streams = [tcp(), udp(), new FrameStream(tcpFrame(1, 1024, SYN, 443))];
    for (let step = 0; step < 60_000; step++) {
      const stream = random.below(3);
      const client = 0x20000000 + random.below(20_000);
      const frame = streams[stream]!.of(
        client,
        1024 + random.below(2),
        stream === 1 ? undefined : random.pick(flags),
      );
      runFrame(director.program, frame);
      if (step % 1000 === 0) {
        director.wait(random.pick([0, 1, 10, 61]));
        if (random.chance(0.3)) director.sweepAll();
      }
      if (step % 10_000 === 0) director.session.endConnections({ server: { address: '10.1.0.2' } });
    }
    expectRightCounts();
    expireAll();
    expect(liveEntries()).toEqual([]);
    expect(spillsOf(director.program)).toBe(0);
    expectRightCounts();
  });
});
