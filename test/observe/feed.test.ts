/** Those who look on: told once a second and when something happens, without a queue, and forgotten when they go. */
import { describe, expect, test, vi } from 'vitest';
import type { OverviewReply } from '../../src/control/protocol.ts';
import { Feed, MAX_WATCHERS } from '../../src/observe/feed.ts';
import { History } from '../../src/observe/history.ts';

function feedOf() {
  let number = 0;
  const history = new History();
  const overview = vi.fn(
    async (service?: string) => ({ service, number: ++number }) as never as OverviewReply,
  );
  return { feed: new Feed({ history, overview }), history, overview };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the feed', () => {
  test('gives the first overview at once, each one once, and only the newest', async () => {
    const { feed } = feedOf();
    const watch = feed.watch(undefined, () => {});
    await settled();
    expect(JSON.parse(watch.takeOverview()!)).toEqual({ number: 1 });
    expect(watch.takeOverview()).toBeUndefined();
    for (let second = 0; second < 5; second++) await feed.tellAll();
    expect(JSON.parse(watch.takeOverview()!)).toEqual({ number: 6 });
    expect(watch.takeOverview()).toBeUndefined();
  });

  test('makes one text for all who look at the same service', async () => {
    const { feed, overview } = feedOf();
    const watches = ['a', 'a', 'b', undefined, undefined].map((service) => feed.watch(service, () => {}));
    await settled();
    overview.mockClear();
    await feed.tellAll();
    expect(overview.mock.calls.flat()).toEqual(['a', 'b', undefined]);
    const [first, second] = watches.map((watch) => watch.takeOverview());
    expect(second).toBe(first);
  });

  test('wakes at each event of the history', async () => {
    const { feed, history } = feedOf();
    const wake = vi.fn();
    feed.watch(undefined, wake);
    await settled();
    wake.mockClear();
    history.note('datapath', 'something');
    expect(wake).toHaveBeenCalledTimes(1);
  });

  test('asks for nothing when nobody looks on', async () => {
    const { feed, overview } = feedOf();
    const watch = feed.watch(undefined, () => {});
    watch.end();
    watch.end();
    await settled();
    overview.mockClear();
    await feed.tellAll();
    expect([feed.watcherCount, overview.mock.calls.length]).toEqual([0, 0]);
  });

  test('takes only so many', () => {
    const { feed } = feedOf();
    const watches = Array.from({ length: MAX_WATCHERS }, () => feed.watch(undefined, () => {}));
    expect(() => feed.watch(undefined, () => {})).toThrow(/32 streams are open already/);
    watches[0]!.end();
    expect(() => feed.watch(undefined, () => {})).not.toThrow();
  });

  test('ends all when it is closed, and whoever comes later', () => {
    const { feed, history } = feedOf();
    const wake = vi.fn();
    const watch = feed.watch(undefined, wake);
    feed.close();
    expect([watch.isOver, wake.mock.calls.length, feed.watcherCount]).toEqual([true, 1, 0]);
    expect(feed.watch(undefined, () => {}).isOver).toBe(true);
    history.note('datapath', 'after the end');
    expect(wake).toHaveBeenCalledTimes(1);
  });
});
