/** Imbalance, and the history of who had what. */
import { describe, expect, test } from 'vitest';
import { BalanceHistory } from '../../src/replay/balance-history.ts';
import { imbalanceOf } from '../../src/replay/imbalance.ts';
import type { RealServer } from '../../src/service/real-server.ts';

describe('imbalance', () => {
  const of = (...pairs: [weight: number, connections: number][]) =>
    imbalanceOf(pairs.map(([weight, connections]) => ({ weight, connections })));

  test('is 0 where each server has its due', () => {
    expect(of([1, 100], [3, 300])).toEqual({ variation: 0, busiest: 1 });
  });

  test('grows with the difference', () => {
    expect(of([1, 0], [1, 200])).toEqual({ variation: 1, busiest: 2 });
    expect(of([1, 50], [1, 150])).toEqual({ variation: 0.5, busiest: 1.5 });
    expect(of([1, 100], [2, 100])!.busiest).toBeCloseTo(4 / 3);
  });

  test('leaves out servers that are to have nothing', () => {
    expect(of([1, 100], [1, 100], [0, 7])).toEqual({ variation: 0, busiest: 1 });
  });

  test('is not there where nothing is spread', () => {
    expect(of()).toBeUndefined();
    expect(of([1, 0], [1, 0])).toBeUndefined();
    expect(of([0, 5])).toBeUndefined();
  });
});

describe('a history', () => {
  const server = { connectionCount: 0, traffic: { connections: 0 } };
  const history = () => new BalanceHistory([server as unknown as RealServer]);

  test('has what was there at each moment, however long it goes on', () => {
    const kept = history();
    // One more connection every 37 ms, for an hour and a half.
    for (let ms = 0; ms < 5_400_000; ms += 37) {
      if (kept.isDue(ms)) kept.takeDown(ms);
      server.connectionCount = server.traffic.connections = Math.floor(ms / 37) + 1;
    }
    const { timesMs, servers } = kept.finish();
    expect(timesMs.length).toBeGreaterThan(120);
    expect(timesMs.length).toBeLessThanOrEqual(240);
    const stepMs = timesMs[1]! - timesMs[0]!;
    expect(timesMs.every((timeMs, index) => timeMs === (index + 1) * stepMs)).toBe(true);
    // All but the last are of before their moment.
    for (const [index, timeMs] of timesMs.slice(0, -1).entries())
      expect(servers[0]!.open[index]).toBe(Math.ceil(timeMs / 37));
    expect(servers[0]!.open.at(-1)).toBe(Math.ceil(5_400_000 / 37));
    expect(servers[0]!.given).toEqual(servers[0]!.open);
  });

  test('goes through a gap without taking down each millisecond of it', () => {
    const kept = history();
    server.connectionCount = server.traffic.connections = 5;
    kept.takeDown(3);
    kept.takeDown(5e9);
    const { timesMs, servers } = kept.finish();
    expect(timesMs.length).toBeLessThanOrEqual(240);
    expect(servers[0]!.open).toEqual(timesMs.map(() => 5));
  });

  test('of nothing has one moment', () => {
    server.connectionCount = server.traffic.connections = 2;
    expect(history().finish()).toEqual({ timesMs: [1], servers: [{ open: [2], given: [2] }] });
  });
});
