/** What the graphs are drawn from. */
import { describe, expect, test } from 'vitest';
import type { OverviewReply } from '../../src/control/protocol.ts';
import { describeGraph, extentOf, serviceGraph, totalGraph } from '../../src/web/graph/lines.ts';
import { ALL, SAMPLES_KEPT, Samples } from '../../src/web/state/samples.ts';

const rates = (value: number) => ({
  connections: value,
  inPackets: value * 10,
  outPackets: 0,
  inBytes: value * 100,
  outBytes: 0,
});

function overview(timeSec: number, services: Record<string, number>, servers: Record<string, number> = {}) {
  return {
    timeMs: timeSec * 1000,
    rates: rates(Object.values(services).reduce((sum, value) => sum + value, 0)),
    drops: { perSec: 3 },
    services: Object.entries(services).map(([key, value]) => ({ key, rates: rates(value) })),
    servers: Object.entries(servers).map(([address, value]) => ({
      server: { address, port: 80 },
      rates: rates(value),
    })),
  } as unknown as OverviewReply;
}

describe('samples', () => {
  test('are of all services, of each, and of the servers of the chosen one', () => {
    const samples = new Samples();
    samples.add(overview(1, { a: 1, b: 2 }), null);
    samples.add(overview(2, { a: 3, b: 4 }, { '10.0.0.11': 5 }), 'a');
    expect(samples.readTimes()).toEqual([1, 2]);
    expect(samples.readService(ALL, 'connections')).toEqual([3, 7]);
    expect(samples.readService(ALL, 'drops')).toEqual([3, 3]);
    expect(samples.readService('b', 'packets')).toEqual([20, 40]);
    expect(samples.readServer('10.0.0.11:80', 'bytes')).toEqual([null, 500]);
  });

  test('are not known before a service is there, nor after it has gone', () => {
    const samples = new Samples();
    samples.add(overview(1, { a: 1 }), null);
    samples.add(overview(2, { b: 2 }), null);
    expect(samples.readService('b', 'connections')).toEqual([null, 2]);
    expect(samples.readService('a', 'connections')).toEqual([null, null]);
  });

  test('of servers go when another service is chosen', () => {
    const samples = new Samples();
    samples.add(overview(1, { a: 1, b: 1 }, { '10.0.0.11': 5 }), 'a');
    samples.add(overview(2, { a: 1, b: 1 }, {}), 'b');
    expect(samples.readServer('10.0.0.11:80', 'connections')).toEqual([null, null]);
  });

  test('are kept for ten minutes, oldest first', () => {
    const samples = new Samples();
    for (let second = 1; second <= SAMPLES_KEPT + 2; second++)
      samples.add(overview(second, { a: second }), null);
    const times = samples.readTimes();
    expect([times.length, times[0], times.at(-1)]).toEqual([SAMPLES_KEPT, 3, SAMPLES_KEPT + 2]);
    expect(samples.readService('a', 'connections')).toEqual(times);
  });

  test('have a gap where nothing came, but not before the first one', () => {
    const samples = new Samples();
    samples.addGap();
    expect(samples.readTimes()).toEqual([]);
    samples.add(overview(1, { a: 1 }), null);
    samples.addGap();
    samples.add(overview(9, { a: 2 }), null);
    expect(samples.readTimes()).toEqual([1, 1.5, 9]);
    expect(samples.readService('a', 'connections')).toEqual([1, null, 2]);
  });
});

describe('a graph', () => {
  test('is told in words', () => {
    const samples = new Samples();
    expect(describeGraph(totalGraph(samples, 'bytes'))).toBe('Traffic: no values yet');
    samples.add(overview(1, { a: 40 }), null);
    samples.add(overview(2, { a: 10 }), null);
    expect(describeGraph(totalGraph(samples, 'bytes'))).toBe(
      'Traffic, last 10 minutes: now 1 kB/s, lowest 1 kB/s, highest 4 kB/s',
    );
    samples.addGap();
    expect(describeGraph(totalGraph(samples, 'connections'))).toMatch(/now unknown, lowest 10 \/s/);
  });

  test('of a service has the sum first, and servers by their slots', () => {
    const samples = new Samples();
    samples.add(overview(1, { a: 3 }, { '10.0.0.11': 1, '10.0.0.12': 2 }), 'a');
    const { lines } = serviceGraph(samples, 'connections', 'a', [null, '10.0.0.12:80', '10.0.0.11:80']);
    expect(lines).toEqual([
      { name: 'service', values: [3], slot: null },
      { name: '10.0.0.12:80', values: [2], slot: 1 },
      { name: '10.0.0.11:80', values: [1], slot: 2 },
    ]);
  });

  test('has an extent only of what is known', () => {
    expect(extentOf([null])).toBeNull();
    expect(extentOf([2, null, 5, 1])).toEqual({ now: 1, lowest: 1, highest: 5 });
  });
});
