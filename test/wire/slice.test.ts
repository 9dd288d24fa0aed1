import { describe, expect, test } from 'vitest';
import { parseIp } from '../../src/wire/address.ts';
import { partOf, workerOf } from '../../src/wire/slice.ts';

const CLIENTS = 4096;

/** How many clients the fullest and the emptiest worker have more or less than their part, as a share of it. */
function unevenness(addressOf: (client: number) => string, count: number): number {
  const clients = new Array<number>(count).fill(0);
  for (let client = 0; client < CLIENTS; client++) {
    const { version, words } = parseIp(addressOf(client))!;
    clients[workerOf(version, words, count)]!++;
  }
  const part = CLIENTS / count;
  return Math.max(...clients.map((each) => Math.abs(each - part))) / part;
}

describe('clients are spread evenly over workers', () => {
  const neighbours: Readonly<Record<string, (client: number) => string>> = {
    'neighbouring addresses': (client) => `10.1.${client >> 8}.${client & 255}`,
    'every fourth address': (client) => `10.${client >> 14}.${(client >> 6) & 255}.${(client & 63) * 4}`,
    'first hosts of networks': (client) => `${1 + (client >> 8)}.${client & 255}.0.1`,
    'IPv6 hosts of one network': (client) => `fd00:1:2:3::${client.toString(16)}`,
    'IPv6 networks': (client) => `fd00:1:2:${client.toString(16)}::1`,
    'IPv6 sites': (client) => `2001:${client.toString(16)}::1`,
  };
  test.each(Object.entries(neighbours))('%s', (_name, addressOf) => {
    // Chance alone, five standard deviations of it: 1 / sqrt(part).
    for (const count of [2, 3, 4, 7, 8, 16, 64])
      expect(unevenness(addressOf, count)).toBeLessThan(5 / Math.sqrt(CLIENTS / count));
  });
});

test('the parts of all workers are the whole, and as even as can be', () => {
  for (const [total, count] of [
    [0, 3],
    [2, 3],
    [100, 3],
    [1_048_576, 7],
    [5, 1],
  ] as const) {
    const parts = Array.from({ length: count }, (_, index) => partOf(total, { index, count }));
    expect(parts.reduce((sum, part) => sum + part)).toBe(total);
    expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
  }
});
