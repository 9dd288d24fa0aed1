/** What is configured and counted, put together for those who look on; what of it is an event. */
import { describe, expect, test } from 'vitest';
import type { ServerListing, ServiceListing } from '../../src/control/protocol.ts';
import { countServers, serverOverviews, serviceOverview, sumOfRates } from '../../src/observe/overview.ts';
import { editsSentence, turnSentence } from '../../src/observe/sentences.ts';
import { turnsBetween } from '../../src/observe/turns.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit, ServerOptions } from '../../src/service/model.ts';
import { SERVER_OPTIONS, SERVICE_OPTIONS } from '../helpers/edits.ts';

const WEB = { protocol: 'tcp', address: '10.0.0.100', port: 80 } as const;
const KEY = 'tcp 10.0.0.100:80';
const address = (last: number) => ({ address: `10.0.0.${last}`, port: 80 });
const traffic = (of: number) => ({ connections: of, inPackets: of, outPackets: 0, inBytes: of, outBytes: 0 });

const listed = (last: number, options: Partial<ServerOptions> = {}): ServerListing => ({
  server: address(last),
  options: { ...SERVER_OPTIONS, ...options },
  activeConnections: last,
  inactiveConnections: 1,
  persistentConnections: 0,
  counters: traffic(last),
  rates: traffic(1),
});
const serviceOf = (servers: readonly ServerListing[]): ServiceListing => ({
  service: WEB,
  options: SERVICE_OPTIONS,
  counters: traffic(10),
  rates: traffic(2),
  servers,
});

describe('servers are counted', () => {
  test.each<[Partial<ServerOptions>, object]>([
    [{}, { servers: 1, down: 0, drained: 0, available: 1 }],
    [{ failed: true }, { servers: 1, down: 1, drained: 0, available: 0 }],
    [{ weightInForce: 0 }, { servers: 1, down: 0, drained: 1, available: 0 }],
    [{ weight: 0 }, { servers: 1, down: 0, drained: 1, available: 0 }],
    [
      { weight: 9, weightInForce: 1 },
      { servers: 1, down: 0, drained: 0, available: 1 },
    ],
    [
      { failed: true, weight: 0 },
      { servers: 1, down: 1, drained: 1, available: 0 },
    ],
    [{ sorry: true }, { servers: 0, down: 0, drained: 0, available: 0 }],
  ])('%j', (options, expected) => expect(countServers([listed(1, options)])).toEqual(expected));
});

test('a service is the sum of its servers, with its own counters', () => {
  expect(serviceOverview(serviceOf([listed(2), listed(3, { failed: true })]))).toEqual({
    key: KEY,
    service: WEB,
    scheduler: SERVICE_OPTIONS.scheduler,
    servers: 2,
    down: 1,
    drained: 0,
    activeConnections: 5,
    inactiveConnections: 2,
    counters: traffic(10),
    rates: traffic(2),
  });
  expect(sumOfRates([serviceOf([]), serviceOf([])])).toEqual(traffic(4));
  expect(sumOfRates([])).toEqual(traffic(0));
});

test('a server is what is counted of it and what checks say of it', () => {
  const health = {
    server: address(2),
    state: 'down',
    drained: false,
    weight: 1,
    weightInForce: 0,
    cause: 'no answer',
    sinceSec: 3,
    last: null,
    missed: 0,
  } as const;
  const overviews = serverOverviews(serviceOf([listed(2), listed(3)]), {
    service: WEB,
    check: 'tcp',
    servers: [health],
  });
  const { missed: _, ...shown } = health;
  const { options: __, ...counted } = listed(2);
  expect(overviews).toEqual([{ ...counted, ...shown }]);
});

describe('turns', () => {
  const make = (...edits: Edit[]): Configuration => edits.reduce(applyEdit, EMPTY_CONFIGURATION);
  const withServers = (options: Record<number, Partial<ServerOptions>>): Configuration =>
    make(
      { op: 'add-service', service: WEB, options: SERVICE_OPTIONS },
      ...Object.entries(options).map(([last, each]): Edit => {
        const server = address(Number(last));
        return { op: 'add-server', service: WEB, server, options: { ...SERVER_OPTIONS, ...each } };
      }),
    );

  test('are of servers that both have and whose state differs', () => {
    const before = withServers({ 1: {}, 2: { failed: true }, 3: { failed: true }, 4: {} });
    const after = withServers({ 1: { failed: true }, 2: {}, 3: { failed: true }, 5: { failed: true } });
    expect(turnsBetween(before, after)).toEqual(
      expect.arrayContaining([
        { service: WEB, server: address(1), isDown: true },
        { service: WEB, server: address(2), isDown: false },
      ]),
    );
    expect(turnsBetween(before, after)).toHaveLength(2);
    expect(turnsBetween(before, before)).toEqual([]);
    expect(turnsBetween(EMPTY_CONFIGURATION, after)).toEqual([]);
    expect(turnsBetween(before, EMPTY_CONFIGURATION)).toEqual([]);
  });

  test('and edits are told in sentences', () => {
    const turn = { service: WEB, server: address(1) };
    expect(turnSentence({ ...turn, isDown: true }, 'no answer')).toBe(
      `real server 10.0.0.1:80 of ${KEY} is down: no answer`,
    );
    expect(turnSentence({ ...turn, isDown: false }, '')).toBe(
      `real server 10.0.0.1:80 of ${KEY} is up again`,
    );
    const add: Edit = { op: 'add-server', service: WEB, server: address(1), options: SERVER_OPTIONS };
    expect(editsSentence([{ op: 'flush' }])).toBe('1 edit: flush');
    expect(editsSentence([{ op: 'set', name: 'sloppy_tcp', value: 1 }, add])).toBe(
      `2 edits: set sloppy_tcp to 1; add-server 10.0.0.1:80 of ${KEY}`,
    );
    expect(editsSentence([add, add, add, add, add])).toMatch(/^5 edits: add-server .*; and 2 more$/);
  });
});
