/** Several paths that share the clients: how their choices add up, what thresholds hold, where connections go. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectionTableBytes, tableMemoryIn } from '../../src/connection/connection-table.ts';
import { MAX_DATAGRAMS } from '../../src/datapath/fragments.ts';
import { VERDICT_COUNT, Verdict } from '../../src/datapath/verdict.ts';
import type { Edit } from '../../src/service/model.ts';
import { parseIp } from '../../src/wire/address.ts';
import { workerOf } from '../../src/wire/slice.ts';
import { adoptServers, recoverConnections, recoverCounters } from '../../src/worker/recover-path.ts';
import { RECORD_BYTES, ServerRecords } from '../../src/worker/server-records.ts';
import { type SharedMemory, shareAnew } from '../../src/worker/share-anew.ts';
import { addServer, addService, deleteServer } from '../helpers/edits.ts';
import { ACK, eth, RST, SYN } from '../helpers/frame-builder.ts';
import { VIP } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const SHOP = `tcp ${VIP}:443`;
const SERVERS = ['10.0.0.11:80', '10.0.0.12:80', '10.0.0.13:80', '10.0.0.14:80'] as const;

const addressOf = (client: number): string => `192.0.${client >> 8}.${client & 255}`;
const segment = (client: number, port: number, flags: number, to = 80) =>
  eth().ipv4(addressOf(client), VIP).tcp(port, to, flags);
const ownerOf = (client: number, count: number): number =>
  workerOf(4, parseIp(addressOf(client))!.words, count);

class Group {
  readonly workers: readonly TestDirector[];

  constructor(workers: readonly TestDirector[]) {
    this.workers = workers;
  }

  static of(count: number, edits: readonly Edit[]): Group {
    return new Group(
      Array.from(
        { length: count },
        (_, index) => new TestDirector(edits, { slice: { index, count }, connectionTableSize: 4096 }),
      ),
    );
  }

  handle(client: number, port: number, flags: number, to = 80) {
    return this.workers[ownerOf(client, this.workers.length)]!.handle(segment(client, port, flags, to));
  }

  /** Connections that each server was given, and has. */
  given(servers: readonly string[], service = WEB): number[] {
    return servers.map((server) => this.sum((each) => each.counters(service, server).traffic.connections));
  }
  had(servers: readonly string[], service = WEB): number[] {
    return servers.map((server) =>
      this.sum((each) => each.load(service, server).reduce((active, inactive) => active + inactive)),
    );
  }

  private sum(of: (worker: TestDirector) => number): number {
    return this.workers.reduce((sum, worker) => sum + of(worker), 0);
  }
}

const servicesOf = (scheduler: string, weights: readonly number[]): Edit[] => [
  addService(WEB, { scheduler }),
  ...weights.map((weight, index) => addServer(WEB, SERVERS[index]!, { weight })),
];
const traffic = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 300 });
const counts = fc.integer({ min: 1, max: 8 });

describe('what several workers choose adds up', () => {
  test('rr: of any run of new connections no server has more than so many workers above or below its part', () => {
    fc.assert(
      fc.property(traffic, counts, fc.integer({ min: 2, max: 4 }), fc.nat(), (clients, count, size, seed) => {
        const servers = SERVERS.slice(0, size);
        const group = Group.of(
          count,
          servicesOf(
            'rr',
            servers.map(() => 1),
          ),
        );
        const begin = seed % clients.length;
        for (const [n, client] of clients.slice(0, begin).entries()) group.handle(client, 1024 + n, SYN);
        const before = group.given(servers);
        for (const [n, client] of clients.slice(begin).entries()) group.handle(client, 9000 + n, SYN);
        const part = (clients.length - begin) / size;
        for (const [index, given] of group.given(servers).entries())
          expect(Math.abs(given - before[index]! - part)).toBeLessThan(count);
      }),
      { numRuns: 40 },
    );
  });

  test('wlc: no server has more than so many workers above its part by weight; of equal ones no two differ by more', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(traffic, counts, weights, (clients, count, weights) => {
        const servers = SERVERS.slice(0, weights.length);
        const group = Group.of(count, servicesOf('wlc', weights));
        for (const [n, client] of clients.entries()) group.handle(client, 1024 + n, SYN);
        const had = group.had(servers);
        const total = weights.reduce((sum, weight) => sum + weight);
        for (const [index, weight] of weights.entries())
          expect(had[index]! - (clients.length * weight) / total).toBeLessThanOrEqual(count);
        if (new Set(weights).size === 1)
          expect(Math.max(...had) - Math.min(...had)).toBeLessThanOrEqual(count);
      }),
      { numRuns: 40 },
    );
  });

  test('thresholds: all together never give a server more, whatever ends and begins', () => {
    const steps = fc.array(
      fc.record({
        client: fc.integer({ min: 1, max: 200 }),
        port: fc.integer({ min: 1, max: 5 }),
        ends: fc.boolean(),
      }),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(steps, counts, fc.integer({ min: 1, max: 20 }), fc.nat(20), (steps, count, upper, low) => {
        const lowerThreshold = Math.min(low, upper);
        const group = Group.of(count, [
          addService(WEB, { scheduler: 'wlc' }),
          addServer(WEB, SERVERS[0], { upperThreshold: upper, lowerThreshold }),
          addServer(WEB, SERVERS[1], { upperThreshold: 2 * upper, lowerThreshold: 0 }),
        ]);
        for (const { client, port, ends } of steps) {
          group.handle(client, 1024 + port, ends ? RST | ACK : SYN);
          if (ends) for (const worker of group.workers) worker.wait(11);
          for (const worker of group.workers) worker.sweepAll();
          const [one, two] = group.had([SERVERS[0], SERVERS[1]]);
          expect(one).toBeLessThanOrEqual(upper);
          expect(two).toBeLessThanOrEqual(2 * upper);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('a threshold of fewer than the workers: those without a part give it nothing', () => {
    const group = Group.of(4, [addService(WEB), addServer(WEB, SERVERS[0], { upperThreshold: 2 })]);
    for (let client = 1; client < 100; client++) group.handle(client, 1024, SYN);
    expect(group.workers.map((worker) => worker.load(WEB, SERVERS[0])[0])).toEqual([1, 1, 0, 0]);
  });
});

const CAPACITY = 2048;
const RECORDS = 32;

/** As MappedMemory, in this process. */
class Remains implements SharedMemory {
  readonly capacity: number;
  readonly elapsedMs: number;
  readonly seed = [0x01234567, 0x89abcdef | 0] as const;
  readonly connections;
  readonly datagrams = tableMemoryIn(new ArrayBuffer(connectionTableBytes(MAX_DATAGRAMS)), 0, MAX_DATAGRAMS);
  readonly verdicts = new Float64Array(VERDICT_COUNT);
  readonly servers = new ServerRecords(
    new ArrayBuffer(RECORDS * RECORD_BYTES),
    0,
    new Int32Array(1),
    RECORDS,
  );

  constructor(elapsedMs: number, capacity = CAPACITY) {
    this.elapsedMs = elapsedMs;
    this.capacity = capacity;
    this.connections = tableMemoryIn(new ArrayBuffer(connectionTableBytes(capacity)), 0, capacity);
  }

  /** As PathDatapath begins. */
  begin(index: number, count: number, edits: readonly Edit[]): TestDirector {
    const options = { connectionTableSize: this.capacity, memory: this, slice: { index, count } };
    const director = new TestDirector([], options);
    director.path.now = Math.floor(this.elapsedMs / 10);
    adoptServers(director.path, this.servers);
    director.edit(...edits);
    recoverConnections(director.path, this.servers);
    recoverCounters(director.path, this.servers);
    return director;
  }

  save({ path }: TestDirector): void {
    for (const server of path.registry) this.servers.saveCounters(server);
  }
}

describe('another number of workers', () => {
  const editsFor = (netmask: number): Edit[] => [
    ...servicesOf('rr', [1, 1, 1]),
    addService(SHOP, { scheduler: 'rr', persistentSec: 300, netmask }),
    ...SERVERS.slice(0, 3).map((server) => addServer(SHOP, server.replace(':80', ':443'))),
  ];
  const SHOPS = SERVERS.slice(0, 3).map((server) => server.replace(':80', ':443'));

  const EACH = 0xffffffff;
  // Several workers have a template each for a network, and need not agree.
  test.each([
    [1, 3, 0xfffffff0],
    [1, 2, EACH],
    [3, 2, EACH],
    [2, 1, EACH],
    [4, 5, EACH],
  ])(
    '%i, then %i: each connection is with its client, with state, template, server and time',
    (before, after, netmask) => {
      const EDITS = editsFor(netmask);
      const remains = Array.from({ length: before }, (_, index) => new Remains(1000 * (index + 1)));
      const workers = remains.map((each, index) => each.begin(index, before, EDITS));
      const old = new Group(workers);
      // Numbers of servers differ from worker to worker.
      workers[0]!.edit(deleteServer(WEB, SERVERS[2]), addServer(WEB, SERVERS[3]));
      for (let client = 1; client <= 150; client++) {
        old.handle(client, 1024, SYN);
        if (client % 2 === 0) old.handle(client, 1024, ACK);
        old.handle(client, 2000, SYN, 443);
      }
      const listedBefore = workers.flatMap((each) => each.connections());
      const edits = [...EDITS, addServer(WEB, SERVERS[3])];
      const givenBefore = old.given(SHOPS, SHOP);
      for (const [index, each] of remains.entries()) each.save(workers[index]!);

      const next = Array.from({ length: after }, (_, index) => new Remains(50 * index));
      expect(shareAnew(remains, next)).toBe(0);
      const begun = next.map((each, index) => each.begin(index, after, edits));
      const listed = begun.map((each) => each.connections());
      for (const [index, each] of listed.entries())
        for (const { client, protocol, state } of each)
          if (state !== 'NONE' && protocol !== 'ip')
            expect(workerOf(4, parseIp(client.address)!.words, after)).toBe(index);
      const isTemplate = ({ client }: (typeof listedBefore)[number]) => client.port === 0;
      const ends = (each: typeof listedBefore) =>
        each
          .filter((one) => !isTemplate(one))
          .map(({ client, virtual, server, state, expiresSec }) =>
            JSON.stringify([client, virtual, server, state, expiresSec]),
          )
          .sort();
      expect(ends(listed.flat())).toEqual(ends(listedBefore));
      const group = new Group(begun);
      expect(group.given(SHOPS, SHOP)).toEqual(givenBefore);
      const total = (all: readonly Remains[]) =>
        all.reduce((sum, { verdicts }) => sum + verdicts[Verdict.Forward]!, 0);
      expect(total(next)).toBe(total(remains));
      for (const connection of listedBefore.filter((one) => !isTemplate(one) && one.virtual.port === 443)) {
        const client = parseIp(connection.client.address)!.words[0] & 0xffff;
        const { sent } = group.handle(client, 3000, SYN, 443);
        expect(sent).toHaveLength(1);
      }
      const again = begun.flatMap((each) => each.connections());
      for (const { client, server } of listedBefore.filter(
        (one) => !isTemplate(one) && one.virtual.port === 443,
      )) {
        const second = again.find(
          (one) => one.client.address === client.address && one.client.port === 3000,
        )!;
        expect(second.server).toEqual(server);
      }
    },
  );

  test('what finds no room is counted', () => {
    const remains = new Remains(0);
    const worker = remains.begin(0, 1, editsFor(EACH));
    for (let client = 1; client <= 100; client++) worker.handle(segment(client, 1024, SYN));
    remains.save(worker);
    const next = [new Remains(0, 20), new Remains(0, 20)];
    expect(shareAnew([remains], next)).toBe(60);
  });
});
