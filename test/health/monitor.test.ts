/** Many servers, each checked in its own time: by a clock that the test moves. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CheckResult } from '../../src/health/check.ts';
import { HealthMonitor, type Patient } from '../../src/health/monitor.ts';
import { TCP_CHECK } from '../../src/health/service-check.ts';

const GOOD: CheckResult = { ok: true, durationMs: 1, cause: '' };
const BAD: CheckResult = { ok: false, durationMs: 1, cause: 'connection refused' };

const patient = (key: string, change: Partial<Patient['check']> = {}): Patient => ({
  key,
  check: { ...TCP_CHECK, ...change },
  target: { address: '192.0.2.1', port: 80, mark: 0, virtual: null, service: 'tcp 10.0.0.100:80' },
});

let answers: CheckResult[] = [];
let begun: number[] = [];
let changes: string[] = [];

function monitor(durationMs = 0, random = () => 0): HealthMonitor {
  return new HealthMonitor({
    run: async () => {
      begun.push(performance.now());
      if (durationMs > 0) await new Promise((done) => setTimeout(done, durationMs));
      return answers.shift() ?? GOOD;
    },
    onChange: (key, { isUp }) => changes.push(`${key} ${isUp ? 'up' : 'down'}`),
    random,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  begun = [];
  changes = [];
});
afterEach(() => {
  vi.useRealTimers();
});

test('checks come an interval apart, the first at a random moment of the first interval', async () => {
  const health = monitor(0, () => 0.25);
  const start = performance.now();
  health.follow([patient('a')], () => true);
  await vi.advanceTimersByTimeAsync(3300);
  const [first = 0, ...others] = begun.map((at) => Math.round(at - start));
  expect(first).toBeGreaterThanOrEqual(250);
  expect(first).toBeLessThan(250 + 20);
  expect(others).toEqual([first + 1000, first + 2000, first + 3000]);
  health.close();
});

test('a bad answer is followed by another check soon, and `fall` of them bring the server down', async () => {
  answers = [GOOD, BAD, BAD];
  const health = monitor();
  health.follow([patient('a')], () => true);
  await vi.advanceTimersByTimeAsync(1050);
  expect(changes).toEqual([]);
  await vi.advanceTimersByTimeAsync(60);
  expect(changes).toEqual(['a down']);
  expect(health.report('a')).toMatchObject({ isUp: false, last: { cause: 'connection refused' } });
  health.close();
});

test('one that was down before is down until it has answered `rise` times', async () => {
  const health = monitor();
  health.follow([patient('a', { rise: 3 })], () => false);
  await vi.advanceTimersByTimeAsync(150);
  expect(health.report('a')).toMatchObject({ isUp: false, against: 2 });
  await vi.advanceTimersByTimeAsync(100);
  expect(changes).toEqual(['a up']);
  health.close();
});

test('a check that takes longer than the interval makes the next ones wait, and says how many were missed', async () => {
  const health = monitor(2500);
  const start = performance.now();
  health.follow([patient('a')], () => true);
  await vi.advanceTimersByTimeAsync(2600);
  expect(health.report('a')?.missed).toBe(2);
  await vi.advanceTimersByTimeAsync(500);
  expect(begun.map((at) => Math.round(at - start))).toEqual([0, 3000]);
  health.close();
});

test('who is no longer followed is not checked, nor told of, even if a check was under way', async () => {
  answers = [BAD, BAD, BAD, BAD];
  const health = monitor(500);
  health.follow([patient('a', { fall: 1 }), patient('b', { fall: 1 })], () => true);
  await vi.advanceTimersByTimeAsync(100);
  health.follow([patient('b', { fall: 1 })], () => true);
  await vi.advanceTimersByTimeAsync(1000);
  expect(changes).toEqual(['b down']);
  expect(health.report('a')).toBeUndefined();
  health.close();
});

test('another way to check does not make anybody forget what is known', async () => {
  answers = [BAD];
  const health = monitor();
  health.follow([patient('a', { fall: 1 })], () => true);
  await vi.advanceTimersByTimeAsync(10);
  health.follow([patient('a', { fall: 5, rise: 4 })], () => true);
  expect(health.report('a')?.isUp).toBe(false);
  health.close();
});

test('a thousand servers are spread over the interval', async () => {
  const health = monitor(0, Math.random);
  const start = performance.now();
  health.follow(
    Array.from({ length: 1000 }, (_, index) => patient(`${index}`)),
    () => true,
  );
  await vi.advanceTimersByTimeAsync(1000);
  const perTenth = Array.from(
    { length: 10 },
    (_, tenth) => begun.filter((at) => Math.floor((at - start) / 100) === tenth).length,
  );
  expect(Math.max(...perTenth)).toBeLessThan(200);
  expect(begun.length).toBeGreaterThanOrEqual(1000);
  health.close();
});
