/** Places in a map: never given out twice, not again before the grace is over, and all of them in the end. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Blocks } from '../../src/xdp/blocks.ts';

const GRACE_MS = 1000;

interface Held {
  readonly start: number;
  readonly count: number;
}

const overlaps = (a: Held, b: Held): boolean => a.start < b.start + b.count && b.start < a.start + a.count;

/** Takes single places until none is left. */
function takeSingles(blocks: Blocks): number[] {
  const taken: number[] = [];
  for (;;) {
    const start = blocks.take(1);
    if (start === undefined) return taken;
    taken.push(start);
  }
}

describe('places of a map', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => vi.useRealTimers());

  test('are given out from the first to the last, and then no more', () => {
    expect(takeSingles(new Blocks(3, 10))).toEqual([3, 4, 5, 6, 7, 8, 9]);
  });

  test('come in rows as long as was asked for', () => {
    const blocks = new Blocks(0, 64);
    const held = [1, 2, 3, 5, 8, 16].map((count) => ({ start: blocks.take(count)!, count }));
    expect(held.every(({ start, count }) => start >= 0 && start + count <= 64)).toBe(true);
    expect(held.flatMap((a, index) => held.slice(index + 1).filter((b) => overlaps(a, b)))).toEqual([]);
  });

  test('are refused where so many in a row are not left, and the others stay', () => {
    const blocks = new Blocks(0, 16);
    expect(blocks.take(17)).toBeUndefined();
    expect(blocks.take(16)).toBe(0);
    expect(blocks.take(1)).toBeUndefined();
  });

  test('are not given out again before the grace is over', () => {
    const blocks = new Blocks(0, 100);
    blocks.release(blocks.take(4)!, 4);
    vi.advanceTimersByTime(GRACE_MS - 1);
    expect(blocks.take(4)).not.toBe(0);
    vi.advanceTimersByTime(1);
    expect(blocks.take(4)).toBe(0);
  });

  test('are taken back together where larger rows are asked for later', () => {
    const blocks = new Blocks(0, 64);
    for (const start of takeSingles(blocks)) blocks.release(start, 1);
    vi.advanceTimersByTime(GRACE_MS);
    expect(blocks.take(64)).toBe(0);
  });

  test('are taken apart where shorter rows are asked for later', () => {
    const blocks = new Blocks(0, 64);
    blocks.release(blocks.take(64)!, 64);
    vi.advanceTimersByTime(GRACE_MS);
    expect(takeSingles(blocks).sort((a, b) => a - b)).toEqual([...Array(64).keys()]);
  });

  test('that an earlier process uses are left alone, and all others are given out', () => {
    const used = fc.uniqueArray(fc.nat(63), { maxLength: 40 });
    fc.assert(
      fc.property(used, (places) => {
        const blocks = new Blocks(0, 64);
        blocks.adopt(places.map((start) => ({ start, count: 1 })));
        const taken = takeSingles(blocks);
        expect([...taken, ...places].sort((a, b) => a - b)).toEqual([...Array(64).keys()]);
      }),
    );
  });

  test('do not get fewer by restarts', () => {
    const places = 40;
    let used: Held[] = [];
    for (let restart = 0; restart < 50; restart++) {
      const blocks = new Blocks(1, places + 1);
      blocks.adopt(used);
      for (let edit = 0; edit < 8; edit++) {
        const start = blocks.take(1);
        expect(start, `restart ${restart}, edit ${edit}`).toBeDefined();
        for (const { start: before, count } of used) blocks.release(before, count);
        used = [{ start: start!, count: 1 }];
      }
    }
  });

  test('are never given to two, whatever is taken, given back and adopted', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 40 }) }) },
      { weight: 4, arbitrary: fc.record({ release: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ wait: fc.constantFrom(10, 400, GRACE_MS) }) },
      { weight: 1, arbitrary: fc.constant({ restart: true }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let blocks = new Blocks(0, 6000);
        let held: Held[] = [];
        let fresh: (Held & { readonly atMs: number })[] = [];
        for (const each of steps) {
          if ('wait' in each) vi.advanceTimersByTime(each.wait);
          else if ('restart' in each) {
            blocks = new Blocks(0, 6000);
            blocks.adopt(held);
            fresh = [];
          } else if ('release' in each) {
            const [gone] = held.splice(each.release % Math.max(1, held.length), 1);
            if (gone === undefined) continue;
            blocks.release(gone.start, gone.count);
            fresh.push({ ...gone, atMs: performance.now() });
          } else {
            const start = blocks.take(each.take);
            expect(start).toBeDefined();
            const taken = { start: start!, count: each.take };
            const waiting = fresh.filter(({ atMs }) => performance.now() - atMs < GRACE_MS);
            expect([...held, ...waiting].filter((other) => overlaps(other, taken))).toEqual([]);
            held = [...held, taken];
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('where only what was just given up is left, who asks waits a tenth of a second for it', () => {
  const blocks = new Blocks(0, 8);
  blocks.release(blocks.take(8)!, 8);
  const begun = performance.now();
  expect(blocks.take(8)).toBe(0);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(99);
  expect(blocks.take(8)).toBeUndefined();
});
