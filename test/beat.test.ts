/** What is done again and again, at the same moments. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Beat, untilBeat } from '../src/beat.ts';

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const beats: Beat[] = [];
const beat = (periodMs: number, act: () => void): Beat => {
  beats.push(new Beat(periodMs, act));
  return beats.at(-1)!;
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const each of beats.splice(0)) each.end();
  vi.useRealTimers();
});

test('each multiple of the period, all at once, whenever they began', () => {
  const times: [string, number][] = [];
  vi.advanceTimersByTime(untilBeat(2000) + 130);
  beat(500, () => times.push(['half', nowMs()]));
  vi.advanceTimersByTime(100);
  beat(1000, () => times.push(['whole', nowMs()]));
  vi.advanceTimersByTime(2000);
  expect(times.map(([what]) => what)).toEqual(['half', 'half', 'whole', 'half', 'half', 'whole']);
  for (const [what, ms] of times) {
    const periodMs = what === 'half' ? 500 : 1000;
    expect(Math.abs(ms / periodMs - Math.round(ms / periodMs)) * periodMs).toBeLessThanOrEqual(2);
  }
});

test('another period counts from now on', () => {
  let count = 0;
  const counting = beat(500, () => count++);
  vi.advanceTimersByTime(2000);
  expect(count).toBe(4);
  counting.periodMs = 5000;
  vi.advanceTimersByTime(10_000);
  expect(count).toBe(6);
  counting.periodMs = 500;
  vi.advanceTimersByTime(1000);
  expect(count).toBe(8);
});

test('one that ends another, or itself', () => {
  const acts: string[] = [];
  const first = beat(100, () => {
    acts.push('first');
    second.end();
    first.end();
  });
  const second = beat(100, () => acts.push('second'));
  vi.advanceTimersByTime(500);
  expect(acts).toEqual(['first']);
});

test('waits for the next moment, never for nothing', () => {
  for (let step = 0; step < 1000; step++) {
    const waitMs = untilBeat(1000);
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(1001);
    vi.advanceTimersByTime(7);
  }
});
