/** Records in the maps: what is read is what was written, whatever an operator configures. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Edit } from '../../src/service/model.ts';
import { type Reach, RealServer } from '../../src/service/real-server.ts';
import { Traffic } from '../../src/service/traffic.ts';
import type { VirtualService } from '../../src/service/virtual-service.ts';
import { Blocks } from '../../src/xdp/blocks.ts';
import { CELL_LINE, CELLS, CONFIG, MARK_RULE, SERVER, SERVICE } from '../../src/xdp/layout.ts';
import { countCombinations, readMarkRules, writeMarkRules } from '../../src/xdp/mark-record.ts';
import { PublishedScheduler } from '../../src/xdp/scheduler.ts';
import {
  isRecordInUse,
  macOfWord,
  macWord,
  readLoad,
  readRecord,
  releaseRecord,
  writeFlags,
  writeIdentity,
  writeOptions,
  writeWay,
} from '../../src/xdp/server-record.ts';
import {
  readCell,
  readService,
  releaseService,
  writeCells,
  writeService,
} from '../../src/xdp/service-record.ts';
import { MAX_MARK_RULES } from '../../src/xdp/sizes.ts';
import {
  mac,
  markRule,
  serverAddress,
  serverOptions,
  serviceAddress,
  serviceOptions,
} from './arbitraries.ts';
import { memoryOf, poisonedMemoryOf } from './memory-of.ts';

type MarkRules = Extract<Edit, { op: 'set-marks' }>['rules'];

test('a MAC is the same after it was a word', () => {
  fc.assert(
    fc.property(mac, (address) => {
      expect(macOfWord(macWord(address))).toEqual(address);
    }),
  );
});

describe('a server', () => {
  const reach: fc.Arbitrary<Reach> = fc.oneof(
    fc.constantFrom<Reach>({ kind: 'local' }, { kind: 'unresolved' }),
    mac.map((address): Reach => ({ kind: 'neighbor', mac: address })),
  );
  const way = fc.record({ device: fc.nat(63), ownMac: mac });
  const server = fc.record({
    service: serviceAddress,
    address: serverAddress,
    options: serverOptions,
    lastWeight: fc.nat(0x7fffffff),
    reach,
    way,
    isListed: fc.boolean(),
    takesConnectionsAlong: fc.boolean(),
  });

  test('is read as it was written, over whatever was there before', () => {
    const memory = poisonedMemoryOf(SERVER, 4);
    fc.assert(
      fc.property(fc.nat(3), server, (id, { service, address, options, reach, way, ...of }) => {
        releaseRecord(memory, id);
        const real = new RealServer(id, service, address, options, new Traffic());
        Object.assign(real, of);
        real.setNextHop(reach);
        writeIdentity(memory, real);
        writeOptions(memory, real);
        writeWay(memory, real, way);
        writeFlags(memory, real);
        const isDirect = options.forwarding === 'direct-route';
        expect(readRecord(memory, id)).toEqual({
          id,
          service,
          address,
          options,
          ...of,
          reach: isDirect ? reach : { kind: 'unresolved' },
          way: way.device === 0 ? undefined : way,
        });
        expect(isRecordInUse(memory, id)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('that takes the place of another has no load, and another generation', () => {
    const memory = memoryOf(SERVER, 1);
    const real = new RealServer(0, SERVICE_ADDRESS, SERVER_ADDRESS, OPTIONS, new Traffic());
    const generations = [1, 2, 3].map(() => {
      writeIdentity(memory, real);
      memory.set64(0, SERVER.at.load, 7n);
      releaseRecord(memory, 0);
      return memory.get32(0, SERVER.at.generation);
    });
    writeIdentity(memory, real);
    readLoad(memory, real);
    expect(real.connectionCount).toBe(0);
    expect(new Set([...generations, memory.get32(0, SERVER.at.generation)]).size).toBe(4);
  });

  test('that is written again keeps its load', () => {
    const memory = memoryOf(SERVER, 1);
    const real = new RealServer(0, SERVICE_ADDRESS, SERVER_ADDRESS, OPTIONS, new Traffic());
    writeIdentity(memory, real);
    memory.set64(0, SERVER.at.load, (5n << 32n) | 2n);
    writeIdentity(memory, real);
    writeOptions(memory, real);
    expect([real.activeConnections, real.inactiveConnections]).toEqual([5, 2]);
    expect(memory.get64(0, SERVER.at.load)).toBe((5n << 32n) | 2n);
  });

  test('never has the MAC of one way with the source of another', () => {
    const memory = memoryOf(SERVER, 1);
    const real = new RealServer(0, SERVICE_ADDRESS, SERVER_ADDRESS, OPTIONS, new Traffic());
    fc.assert(
      fc.property(way, mac, way, mac, (firstWay, firstMac, secondWay, secondMac) => {
        real.setNextHop({ kind: 'neighbor', mac: firstMac });
        writeWay(memory, real, firstWay);
        const seen: [bigint, bigint][] = [];
        const watched = Object.assign(Object.create(memory) as typeof memory, {
          set64(element: number, offset: number, value: bigint): void {
            memory.set64(element, offset, value);
            seen.push([memory.get64(0, SERVER.at.nextHop), memory.get64(0, SERVER.at.source)]);
          },
        });
        real.setNextHop({ kind: 'neighbor', mac: secondMac });
        const before = memory.get64(0, SERVER.at.source);
        writeWay(watched, real, secondWay);
        const after = memory.get64(0, SERVER.at.source);
        for (const [nextHop, source] of seen.slice(0, -1)) {
          const isResolved = nextHop >> 48n !== 0n;
          expect(isResolved && before !== after, `${nextHop} by ${source}`).toBe(false);
        }
      }),
    );
  });
});

const SERVICE_ADDRESS = { protocol: 'tcp', address: '10.0.0.100', port: 80 } as const;
const SERVER_ADDRESS = { address: '10.0.0.11', port: 80 };
const OPTIONS = {
  forwarding: 'direct-route',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
} as const;

describe('a service', () => {
  const run = fc.record({ first: fc.nat(0xffffff), count: fc.nat(0xffffff) });
  const state = fc.record({
    last: fc.integer({ min: -1, max: 0x7fffffff }),
    currentWeight: fc.nat(0x7fffffff),
    maxWeight: fc.nat(0x7fffffff),
    step: fc.nat(0x7fffffff),
    instance: fc.nat(0xffffffff),
  });

  test('is read as it was written, over whatever was there before', () => {
    const memory = poisonedMemoryOf(SERVICE, 4);
    const added = fc.nat(0xffffffff);
    fc.assert(
      fc.property(
        serviceAddress,
        serviceOptions,
        run,
        run,
        state,
        added,
        (address, options, list, table, of, added) => {
          const scheduler = Object.assign(
            new PublishedScheduler(options.scheduler, options.schedulerFlags, 0),
            of,
          );
          const service: VirtualService = {
            address,
            options,
            scheduler,
            listed: [],
            servers: [],
            traffic: new Traffic(),
          };
          writeService(memory, 2, { service, scheduler, list, table, added, strays: 3 });
          const { place, instance } = scheduler;
          expect(readService(memory, 2)).toEqual({
            element: 2,
            address,
            options,
            list,
            table,
            place,
            instance,
            added,
          });
          releaseService(memory, 2);
          expect(readService(memory, 2)).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });

  test('has its servers in a row of cells', () => {
    const memory = memoryOf(CELL_LINE, 100);
    const blocks = new Blocks(0, 100 * CELLS);
    const ids = fc.array(fc.nat(0xfffff), { maxLength: 70 });
    fc.assert(
      fc.property(ids, (numbers) => {
        const servers = numbers.map(
          (id) => new RealServer(id, SERVICE_ADDRESS, SERVER_ADDRESS, OPTIONS, new Traffic()),
        );
        const { first, count } = writeCells(memory, blocks, servers)!;
        expect(Array.from({ length: count }, (_, index) => readCell(memory, first + index))).toEqual(numbers);
      }),
      { numRuns: 10 },
    );
  });
});

describe('rules of firewall marks', () => {
  const config = memoryOf(CONFIG, 1);
  const memory = memoryOf(MARK_RULE, 2 * MAX_MARK_RULES);

  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(markRule, { maxLength: 8 }), (rules) => {
        writeMarkRules(config, memory, rules);
        expect(readMarkRules(config, memory)).toEqual(rules);
      }),
      { numRuns: 500 },
    );
  });

  test('are counted with their sources', () => {
    const rules: MarkRules = [
      { mark: 1, destination: '10.0.0.1' },
      { mark: 2, destination: '10.0.0.1', sources: ['10.0.0.0/8', '11.0.0.0/8'] },
    ];
    expect(countCombinations(rules)).toBe(3);
  });

  test('find room up to the limit, twice in a row', () => {
    const rules: MarkRules = Array.from({ length: MAX_MARK_RULES / 16 }, (_, index) => ({
      mark: index + 1,
      destination: '10.0.0.1',
      sources: Array.from({ length: 16 }, (_, source) => `10.${source}.0.0/16`),
    }));
    for (const written of [rules, rules.toReversed(), rules]) {
      writeMarkRules(config, memory, written);
      expect(readMarkRules(config, memory)).toEqual(written);
    }
  });

  test('that are in force are not written to', () => {
    fc.assert(
      fc.property(fc.array(fc.array(markRule, { maxLength: 4 }), { minLength: 2, maxLength: 4 }), (lists) => {
        let before: MarkRules = lists[0]!;
        writeMarkRules(config, memory, before);
        for (const next of lists.slice(1)) {
          const seen: string[] = [];
          const watched = Object.assign(Object.create(config) as typeof config, {
            set32(element: number, offset: number, value: number): void {
              seen.push(JSON.stringify(readMarkRules(config, memory)));
              config.set32(element, offset, value);
            },
          });
          writeMarkRules(watched, memory, next);
          expect(seen).toEqual([JSON.stringify(before)]);
          before = next;
        }
      }),
      { numRuns: 50 },
    );
  });
});
