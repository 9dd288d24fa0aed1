import { describe, expect, test } from 'vitest';
import { schedulers } from '../../src/schedule/registry.ts';
import { SCHEDULER_NAMES } from '../../src/service/configuration.ts';
import { Pool, packetOf } from './pool.ts';

const NAMES = Object.keys(schedulers);
/** They take one server for a client or an address, and none when that one is not available. */
const HASHING = ['dh', 'sh', 'mh'];
const CHOOSING = NAMES.filter((name) => !HASHING.includes(name));

test('Every scheduler that the configuration accepts exists, but none', () => {
  expect(new Set([...NAMES, 'none'])).toEqual(new Set(SCHEDULER_NAMES));
});

describe.each(NAMES)('%s', (name) => {
  test('has no server without servers', () => {
    expect(new Pool(name).pick(2)).toBe('- -');
  });

  test('takes the only server', () => {
    expect(Pool.of(name, [3]).pick(3)).toBe('1 1 1');
  });

  test('has no server when all weigh 0', () => {
    expect(Pool.of(name, [0, 0]).pick(3)).toBe('- - -');
  });

  test('has no server when all are overloaded', () => {
    const pool = Pool.of(name, [2, 1]);
    for (const number of [1, 2]) pool.server(number).isOverloaded = true;
    expect(pool.pick(2)).toBe('- -');
  });

  test('has no server after the last one is deleted', () => {
    const pool = Pool.of(name, [1]);
    expect(pool.pick(1)).toBe('1');
    pool.remove(1);
    expect(pool.pick(2)).toBe('- -');
  });

  test('takes over the servers of another scheduler', () => {
    const pool = Pool.of('rr', [2]);
    pool.schedule('edit-service', name, 0);
    expect(pool.pick(2)).toBe('1 1');
  });

  test('agrees with the largest weights', () => {
    expect(Pool.of(name, [0x7fffffff]).open(2)).toBe('1 1');
  });
});

describe.each(CHOOSING)('%s', (name) => {
  test('passes over a server of weight 0', () => {
    expect(Pool.of(name, [0, 2, 0]).pick(3)).toBe('2 2 2');
  });

  test('passes over an overloaded server', () => {
    const pool = Pool.of(name, [1, 1]);
    pool.server(2).isOverloaded = true;
    expect(pool.pick(3)).toBe('1 1 1');
  });

  test('takes the one added last when all are alike', () => {
    expect(Pool.of(name, [2, 2, 2]).pick(1)).toBe('3');
  });

  test('takes no server that was deleted', () => {
    const pool = Pool.of(name, [1, 1]);
    expect(pool.pick(1)).toBe('2');
    pool.remove(2);
    expect(pool.pick(2)).toBe('1 1');
  });
});

/** Picks of servers 1, 2, 3 …, added in that order, without connections between them. */
const TURNS: [name: string, weights: number[], want: string][] = [
  ['rr', [1, 1, 1], '3 2 1 3 2 1'],
  ['rr', [5, 1, 0], '2 1 2 1'],
  ['wrr', [1, 1, 1], '3 2 1 3 2 1'],
  ['wrr', [3, 2, 1], '3 2 1 1 2 1 3 2 1 1 2 1'],
  ['wrr', [1, 2, 3], '3 2 1 3 3 2 3 2 1 3 3 2'],
  ['wrr', [4, 2], '2 1 1 2 1 1'],
  ['wrr', [7, 3], '2 1 1 1 1 1 2 1 2 1 2 1 1 1 1 1 2 1 2 1'],
  ['wrr', [0, 3, 3], '3 2 3 2'],
  ['fo', [1, 3, 2], '2 2 2'],
  ['fo', [3, 3, 1], '2 2 2'],
];

test.each(TURNS)('%s over weights %j: %s', (name, weights, want) => {
  expect(Pool.of(name, weights).pick(want.split(' ').length)).toBe(want);
});

/** Picks that each open a connection, which stays. */
const OPENED: [name: string, weights: number[], want: string][] = [
  ['lc', [1, 1, 1], '3 2 1 3 2 1'],
  ['lc', [9, 1, 0], '2 1 2 1'],
  ['wlc', [2, 1], '2 1 1 2 1 1'],
  ['wlc', [3, 1, 0], '2 1 1 1 2 1 1 1'],
  ['sed', [1, 1, 1], '3 2 1 3 2 1'],
  ['sed', [2, 1], '1 2 1 1 2 1'],
  ['nq', [3, 1], '2 1 1 1 1 1 2'],
  ['nq', [1, 9, 1], '3 2 1 2 2 2'],
  ['ovf', [1, 3, 2], '2 2 2 2 3 3 3 1 1 -'],
  ['ovf', [2, 2], '2 2 2 1 1 1 - -'],
  ['lblc', [4, 4, 4], '3 3 3 3 3 2 2 2 2 2 1 1 1 1 1 1 1 1'],
  ['lblcr', [4, 4, 4], '3 3 3 3 3 2 2 2 2 2 1 1 1 1 1 1 2 3 1 2 3'],
];

test.each(OPENED)('%s over weights %j, connections stay: %s', (name, weights, want) => {
  expect(Pool.of(name, weights).open(want.split(' ').length)).toBe(want);
});

describe('rr', () => {
  test('goes on from the one before, when the last pick is deleted', () => {
    const pool = Pool.of('rr', [1, 1, 1, 1]);
    expect(pool.pick(2)).toBe('4 3');
    pool.remove(3);
    expect(pool.pick(3)).toBe('2 1 4');
  });

  test('starts anew, when the last pick was the first and is deleted', () => {
    const pool = Pool.of('rr', [1, 1, 1]);
    expect(pool.pick(1)).toBe('3');
    pool.remove(3);
    expect(pool.pick(3)).toBe('2 1 2');
  });

  test('comes to a new server after its round', () => {
    const pool = Pool.of('rr', [1, 1]);
    expect(pool.pick(1)).toBe('2');
    pool.add(3);
    expect(pool.pick(4)).toBe('1 3 2 1');
  });

  test('keeps its place when a weight changes', () => {
    const pool = Pool.of('rr', [1, 1, 1]);
    expect(pool.pick(1)).toBe('3');
    pool.edit(3, 0);
    expect(pool.pick(3)).toBe('2 1 2');
  });
});

describe('wrr', () => {
  test('starts from the first server after each edit', () => {
    const pool = Pool.of('wrr', [1, 1, 1]);
    expect(pool.pick(2)).toBe('3 2');
    pool.edit(1, 1);
    expect(pool.pick(3)).toBe('3 2 1');
  });

  test('comes to a light server at once when a heavy one is overloaded', () => {
    const pool = Pool.of('wrr', [0x7fffffff, 1, 0x7ffffffe]);
    for (const number of [1, 3]) pool.server(number).isOverloaded = true;
    expect(pool.pick(3)).toBe('2 2 2');
    pool.server(2).isOverloaded = true;
    expect(pool.pick(3)).toBe('- - -');
  });
});

describe('wlc', () => {
  test('counts an active connection like 256 inactive ones and more', () => {
    const pool = Pool.of('wlc', [1, 256]);
    pool.server(2).activeConnections = 1;
    pool.server(1).inactiveConnections = 1;
    expect(pool.pick(1)).toBe('1');
  });

  test('compares what is too large for a double', () => {
    const pool = Pool.of('wlc', [0x7ffffffe, 0x7fffffff]);
    for (const number of [1, 2]) pool.server(number).activeConnections = 0x7ffffff;
    expect(pool.pick(1)).toBe('2');
    pool.server(2).inactiveConnections = 17;
    expect(pool.pick(1)).toBe('1');
  });
});

describe('dh', () => {
  test('is no matter of the client', () => {
    const pool = Pool.of('dh', [1, 1, 1]);
    const first = pool.pick(1, packetOf('10.10.1.1', 1));
    for (let host = 2; host < 100; host++)
      expect(pool.pick(1, packetOf(`10.10.1.${host}`, host))).toBe(first);
  });
});

/** How many of 4,096 clients each server has. */
function clientCounts(pool: Pool): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let client = 0; client < 4096; client++) {
    const picked = pool.pick(1, packetOf(`10.20.${client >> 8}.${client & 255}`, 1024 + client));
    counts[picked] = (counts[picked] ?? 0) + 1;
  }
  return counts;
}

describe('sh', () => {
  test('gives a server as many of 256 buckets as it weighs, and the servers before it no more', () => {
    const counts = clientCounts(Pool.of('sh', [100, 200]));
    expect(counts['2']! / 4096).toBeCloseTo(200 / 256, 2);
    expect(counts['1']! / 4096).toBeCloseTo(56 / 256, 2);
  });

  test('with sh-fallback has a server while one is available', () => {
    const pool = Pool.of('sh', [1, 0, 1], 0x08);
    pool.server(1).isOverloaded = true;
    expect(clientCounts(pool)).toEqual({ '3': 4096 });
  });

  test('takes another port for the same client, unless sh-port is given', () => {
    const picked = (flags: number) => {
      const pool = Pool.of('sh', [1, 1, 1, 1], flags);
      return new Set(Array.from({ length: 64 }, (_, port) => pool.pick(1, packetOf('10.9.8.7', 999 + port))));
    };
    expect(picked(0).size).toBe(1);
    expect(picked(0x10).size).toBeGreaterThan(2);
  });
});

describe('mh', () => {
  test('divides the clients by weight', () => {
    const counts = clientCounts(Pool.of('mh', [1, 2, 5]));
    expect(counts['1']! / 4096).toBeCloseTo(1 / 8, 1);
    expect(counts['2']! / 4096).toBeCloseTo(2 / 8, 1);
    expect(counts['3']! / 4096).toBeCloseTo(5 / 8, 1);
  });

  test('refuses the clients of a quiesced server and keeps those of the others', () => {
    const pool = Pool.of('mh', [1, 1, 1]);
    const before = clientCounts(pool);
    pool.edit(2, 0);
    const { '2': refused, ...others } = before;
    expect(clientCounts(pool)).toEqual({ ...others, '-': refused });
    pool.edit(2, 1);
    expect(clientCounts(pool)).toEqual(before);
  });

  test('gives no slot to a server that never had a weight', () => {
    expect(clientCounts(Pool.of('mh', [1, 0]))).toEqual({ '1': 4096 });
  });

  test('with mh-fallback has a server while one is available', () => {
    const pool = Pool.of('mh', [1, 1, 1], 0x08);
    pool.edit(2, 0);
    pool.server(1).isOverloaded = true;
    expect(clientCounts(pool)).toEqual({ '3': 4096 });
  });

  test('moves few clients of the others when a server goes', () => {
    const pool = Pool.of('mh', [1, 1, 1, 1, 1]);
    const clients = Array.from({ length: 1000 }, (_, n) => packetOf(`10.30.${n >> 8}.${n & 255}`, 1024));
    const before = clients.map((client) => pool.pick(1, client));
    pool.remove(3);
    const moved = clients.filter((client, n) => before[n] !== '3' && pool.pick(1, client) !== before[n]);
    expect(moved.length).toBeLessThan(60);
  });
});

describe.each(['lblc', 'lblcr'])('%s', (name) => {
  test('remembers a server for each address', () => {
    const pool = Pool.of(name, [3, 3]);
    const to = (address: string) => packetOf('10.10.1.9', 40001, address);
    expect(pool.open(2, to('10.10.0.100'))).toBe('2 2');
    expect(pool.open(2, to('10.10.0.101'))).toBe('1 1');
    expect(pool.open(1, to('10.10.0.100'))).toBe('2');
    expect(pool.open(2, to('fd00:10::100'))).toBe('1 1');
    expect(pool.open(1, to('fd00:10::101'))).toBe('2');
  });

  test('takes another server while the remembered one weighs 0', () => {
    const pool = Pool.of(name, [3, 3]);
    expect(pool.open(2)).toBe('2 2');
    pool.edit(2, 0);
    expect(pool.open(1)).toBe('1');
  });

  test('forgets after a day without a connection', () => {
    const day = 24 * 60 * 60 * 100;
    const pool = Pool.of(name, [3, 3]);
    expect(pool.choose()).toBe(pool.server(2));
    pool.server(2).activeConnections = 3;
    expect(pool.choose(undefined, day - 1)).toBe(pool.server(2));
    expect(pool.choose(undefined, 2 * day - 1)).toBe(pool.server(1));
  });
});

test('lblc goes on with an overloaded server that it remembers, lblcr does not', () => {
  for (const [name, want] of [
    ['lblc', '2 2 2'],
    ['lblcr', '2 2 1'],
  ] as const) {
    const pool = new Pool(name);
    pool.add(1, 9);
    pool.add(2, 9, { upperThreshold: 2 });
    expect(pool.open(3)).toBe(want);
  }
});

test('lblcr takes the most loaded server out of a set that has not changed for a day', () => {
  const hour = 60 * 60 * 100;
  const pool = Pool.of('lblcr', [4, 4]);
  expect(pool.open(6)).toBe('2 2 2 2 2 1');
  for (const number of [1, 2]) pool.edit(number, 100);
  for (let now = 0; now <= 25 * hour; now += hour) expect(pool.choose(undefined, now)).toBe(pool.server(1));
  pool.server(1).activeConnections = 90;
  expect(pool.choose(undefined, 26 * hour)).toBe(pool.server(1));
});

test('lblcr takes no quiesced server out of a set', () => {
  const hour = 60 * 60 * 100;
  const pool = Pool.of('lblcr', [4, 4]);
  expect(pool.open(6)).toBe('2 2 2 2 2 1');
  pool.edit(1, 100);
  pool.edit(2, 0);
  for (let now = 0; now <= 25 * hour; now += hour) expect(pool.choose(undefined, now)).toBe(pool.server(1));
  pool.edit(2, 100);
  expect(pool.choose(undefined, 26 * hour)).toBe(pool.server(2));
});
