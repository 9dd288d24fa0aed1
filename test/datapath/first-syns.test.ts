/** The memory of first SYNs: nobody forgotten too soon, nobody remembered for ever, few taken for somebody else. */
import { describe, expect, test } from 'vitest';
import { ticksFromSec } from '../../src/clock.ts';
import { FirstSyns, PAIRS } from '../../src/datapath/first-syns.ts';
import { Random } from '../model/random.ts';

/** What a flood brings: test/bench/failover/flood.bench.ts. */
const FLOWS_PER_SECOND = 1_400_000;
const LOOK_TICKS = 5;

/** Until `to`, as the path does: it looks twenty times a second. */
function pass(syns: FirstSyns, from: number, to: number): void {
  for (let now = from; now <= to; now += LOOK_TICKS) syns.age(now);
}

const hashes = (random: Random, count: number): Int32Array =>
  Int32Array.from({ length: count }, () => random.below(2 ** 32) | 0);

describe('a SYN', () => {
  test.each([0, 5, 95, 100, 195])('that came %d ticks into a generation', (offset) => {
    for (const [after, isKnown] of [
      [1, true],
      [1.9, true],
      [4, false],
    ] as const) {
      const syns = new FirstSyns(0);
      pass(syns, 0, offset);
      expect(syns.add(123_456_789)).toBe(false);
      pass(syns, offset + LOOK_TICKS, offset + ticksFromSec(after));
      expect(syns.has(123_456_789), `after ${after} s`).toBe(isKnown);
    }
  });

  test('that comes again is remembered anew', () => {
    const syns = new FirstSyns(0);
    syns.add(77);
    for (let second = 1; second < 20; second++) {
      pass(syns, ticksFromSec(second - 1), ticksFromSec(second));
      expect(syns.add(77)).toBe(true);
    }
  });

  test('is remembered whenever it came, also past the wrap of the clock', () => {
    const before = 2 ** 31 - 50;
    const syns = new FirstSyns(before);
    syns.add(-5);
    syns.age((before + 190) | 0);
    expect(syns.has(-5)).toBe(true);
    syns.age((before + 200) | 0);
    syns.age((before + 400) | 0);
    expect(syns.has(-5)).toBe(false);
  });
});

test('asking remembers nothing', () => {
  const syns = new FirstSyns(0);
  expect([syns.has(9), syns.has(9), syns.add(9), syns.has(9)]).toEqual([false, false, false, true]);
});

test('of 1.4 million a second none is forgotten, and few others are taken for one of them', () => {
  const syns = new FirstSyns(0);
  const random = new Random(1);
  const shares: number[] = [];
  for (let half = 0; half < 12; half++) {
    const flood = hashes(random, FLOWS_PER_SECOND / 2);
    syns.age(ticksFromSec(half / 2));
    let known = 0;
    for (const hash of flood) if (syns.add(hash)) known++;
    // Both generations are in use from here on.
    if (half >= 4) shares.push(known / flood.length);
    expect(flood.every((hash) => syns.has(hash))).toBe(true);
  }
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  expect(mean).toBeGreaterThan(0.03);
  expect(mean).toBeLessThan(0.05);
  expect(Math.max(...shares)).toBeLessThan(0.065);
});

test('takes 8 MiB', () => {
  expect(2 * PAIRS * Int32Array.BYTES_PER_ELEMENT).toBe(8 * 2 ** 20);
});
