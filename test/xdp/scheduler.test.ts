/** What is published of a scheduler: the place that the program goes on from, and tables where there are some. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRoundRobin } from '../../src/schedule/rr.ts';
import { createWeightedRoundRobin } from '../../src/schedule/wrr.ts';
import type { ServerOptions } from '../../src/service/model.ts';
import { RealServer } from '../../src/service/real-server.ts';
import { Traffic } from '../../src/service/traffic.ts';
import type { ServerChange } from '../../src/service/virtual-service.ts';
import { Packet } from '../../src/wire/packet.ts';
import { PublishedScheduler } from '../../src/xdp/scheduler.ts';
import { SERVER_OPTIONS, SERVICE_OPTIONS, serviceAddress } from '../helpers/edits.ts';

const SERVICE = serviceAddress('tcp 10.0.0.100:80');
const serverOf = (id: number, weight: number): RealServer => {
  const options: ServerOptions = { ...SERVER_OPTIONS, weight };
  return new RealServer(id, SERVICE, { address: `10.0.0.${id}`, port: 80 }, options, new Traffic());
};
const serversOf = (weights: readonly number[]): RealServer[] =>
  weights.map((weight, index) => serverOf(index + 1, weight));
const BOUND: ServerChange = { kind: 'bound' };
const BEGUN: ServerChange = { kind: 'begun' };

test('a place is the same after it was a word', () => {
  const scheduler = new PublishedScheduler('wrr', 0, 1);
  fc.assert(
    fc.property(fc.integer({ min: -1, max: 0x7fffffff }), fc.nat(0x7fffffff), (last, currentWeight) => {
      Object.assign(scheduler, { last, currentWeight });
      const { place } = scheduler;
      Object.assign(scheduler, { last: 7, currentWeight: 7 });
      scheduler.place = place;
      expect(scheduler).toMatchObject({ last, currentWeight });
    }),
  );
});

test('a service begins before its first server', () => {
  const scheduler = new PublishedScheduler('rr', 0, 1);
  scheduler.serversChanged(serversOf([1, 1]), BOUND);
  expect(scheduler.place).toBe(0n);
});

describe.each([
  ['rr', createRoundRobin],
  ['wrr', createWeightedRoundRobin],
] as const)('%s', (name, create) => {
  const change = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ remove: fc.nat() }),
    fc.record({ weigh: fc.nat(), weight: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ open: fc.integer({ min: 1, max: 5 }) }),
  );

  /** The program picks by `place` and what is published; here by the scheduler of the path, which starts from there. */
  test('goes on after edits where the scheduler of the path does', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const path = create();
        const published = new PublishedScheduler(name, 0, 1);
        let servers: RealServer[] = [];
        let ids = 0;
        const both = (change: ServerChange) => {
          for (const scheduler of [path, published]) scheduler.serversChanged!(servers, change);
        };
        both(BOUND);
        for (const each of changes) {
          if ('open' in each) {
            for (let left = each.open; left > 0; left--) open();
          } else if ('add' in each) {
            const server = serverOf(++ids, each.add);
            servers = [server, ...servers];
            both({ kind: 'added', server });
          } else if (servers.length > 0 && 'remove' in each) {
            const index = each.remove % servers.length;
            const server = servers[index]!;
            servers = servers.toSpliced(index, 1);
            both({ kind: 'removed', server, index });
          } else if (servers.length > 0 && 'weigh' in each) {
            const server = servers[each.weigh % servers.length]!;
            server.reconfigure({ ...server.options, weight: each.weight });
            both({ kind: 'updated', server });
          }
        }

        function open(): void {
          const service = {
            address: SERVICE,
            options: SERVICE_OPTIONS,
            scheduler: path,
            listed: servers,
            servers,
            traffic: new Traffic(),
          };
          const picked = path.choose(service, new Packet(), 0);
          const expected = name === 'rr' ? pickInTurn() : pickByWeight();
          expect(picked?.id).toBe(expected?.id);
        }

        function pickInTurn(): RealServer | undefined {
          for (let tried = 1; tried <= servers.length; tried++) {
            const index = (published.last + tried) % servers.length;
            if (!servers[index]!.isAvailable) continue;
            published.last = index;
            return servers[index];
          }
          return undefined;
        }

        /** net/netfilter/ipvs/ip_vs_wrr.c, a weight at a time; nobody is overloaded. */
        function pickByWeight(): RealServer | undefined {
          if (published.maxWeight === 0) return undefined;
          for (;;) {
            if (++published.last >= servers.length) {
              published.last = 0;
              published.currentWeight -= published.step;
              if (published.currentWeight <= 0) published.currentWeight = published.maxWeight;
            }
            const server = servers[published.last]!;
            if (server.weight >= published.currentWeight) return server;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('wrr, given all its servers at once, begins where it would after they came one by one', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(12), { maxLength: 8 }), (weights) => {
      const servers = serversOf(weights);
      const oneByOne = new PublishedScheduler('wrr', 0, 1);
      oneByOne.serversChanged([], BEGUN);
      for (let index = servers.length - 1; index >= 0; index--)
        oneByOne.serversChanged(servers.slice(index), { kind: 'added', server: servers[index]! });
      const atOnce = new PublishedScheduler('wrr', 0, 1);
      atOnce.serversChanged(servers, BEGUN);
      expect(atOnce).toEqual(oneByOne);
    }),
  );
});

test.each([
  ['sh', 256],
  ['mh', 4093],
  ['wlc', 0],
  ['lblc', 0],
])('%s has a table of %i servers', (name, length) => {
  const scheduler = new PublishedScheduler(name, 0, 1);
  scheduler.serversChanged(serversOf([1, 2, 3]), BOUND);
  expect(scheduler.table.length).toBe(length);
  scheduler.serversChanged([], BOUND);
  expect(scheduler.table.length).toBe(0);
});

test.each('lc wlc lblc lblcr dh sed nq fo ovf'.split(' '))(
  '%s needs no publishing when servers change',
  (name) => {
    const scheduler = new PublishedScheduler(name, 0, 1);
    scheduler.serversChanged(serversOf([1]), BOUND);
    expect(scheduler.isChanged).toBe(false);
  },
);

test.each('rr wrr sh mh'.split(' '))('%s is published anew when servers change', (name) => {
  const scheduler = new PublishedScheduler(name, 0, 1);
  scheduler.isChanged = false;
  scheduler.serversChanged(serversOf([1]), BOUND);
  expect(scheduler.isChanged).toBe(true);
});

test('nobody schedules outside the program', () => {
  expect(() => new PublishedScheduler('rr', 0, 1).choose()).toThrow('rr schedules in the program');
});
