/** Frames of the last minute, from counts that are read once a second and may begin anew. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { VerdictOverview } from '../../src/control/protocol.ts';
import { dropsOf, VerdictMinute } from '../../src/observe/verdict-minute.ts';

const SECOND = 1000;

function afterSeconds(counts: readonly Record<string, number>[], stepMs = SECOND) {
  const minute = new VerdictMinute();
  for (const [index, each] of counts.entries()) minute.add(each, index * stepMs);
  return minute.list();
}

describe('frames of the last minute', () => {
  test('before the first sample there are none', () => {
    expect(new VerdictMinute().list()).toEqual([]);
  });

  test('what was counted before the first sample is of no minute', () => {
    expect(afterSeconds([{ Forward: 500 }])).toEqual([
      { verdict: 'Forward', frames: 500, lastMinute: 0, perSec: 0 },
    ]);
  });

  test('per second is since the sample before', () => {
    expect(afterSeconds([{ Forward: 0 }, { Forward: 10 }, { Forward: 15 }])).toEqual([
      { verdict: 'Forward', frames: 15, lastMinute: 15, perSec: 5 },
    ]);
    expect(afterSeconds([{ Forward: 0 }, { Forward: 10 }], 4 * SECOND)[0]?.perSec).toBe(2.5);
  });

  test('a verdict that happens for the first time counts from nothing', () => {
    expect(afterSeconds([{}, { DropTruncated: 3 }])).toEqual([
      { verdict: 'DropTruncated', frames: 3, lastMinute: 3, perSec: 3 },
    ]);
  });

  test('what is older than a minute no longer counts', () => {
    const counts = Array.from({ length: 200 }, (_, second) => ({ Forward: 7 * second }));
    expect(afterSeconds(counts)).toEqual([
      { verdict: 'Forward', frames: 7 * 199, lastMinute: 7 * 60, perSec: 7 },
    ]);
  });

  test('counters that begin anew are counted from there', () => {
    expect(afterSeconds([{ Forward: 100 }, { Forward: 110 }, { Forward: 4 }, { Forward: 6 }])).toEqual([
      { verdict: 'Forward', frames: 6, lastMinute: 16, perSec: 2 },
    ]);
  });

  test('a verdict that is no longer told of has not happened since', () => {
    const minute = new VerdictMinute();
    for (const [second, counts] of [{ DropTtl: 5 }, {}, { DropTtl: 2 }].entries())
      minute.add(counts, second * SECOND);
    expect(minute.list()).toEqual([{ verdict: 'DropTtl', frames: 2, lastMinute: 2, perSec: 2 }]);
  });

  test('is never negative, nor more than was ever counted up', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 20_000 })), { maxLength: 100 }),
        (samples) => {
          const minute = new VerdictMinute();
          let [nowMs, counted] = [0, 0];
          for (const [frames, stepMs] of samples) {
            nowMs += stepMs;
            counted += frames;
            minute.add({ Forward: frames }, nowMs);
            const [{ lastMinute, perSec }] = minute.list() as [VerdictOverview];
            expect(Math.min(lastMinute, perSec)).toBeGreaterThanOrEqual(0);
            expect(lastMinute).toBeLessThanOrEqual(counted);
          }
        },
      ),
    );
  });
});

test('drops are the verdicts of that name, together', () => {
  const verdict = (name: string) => ({ verdict: name, frames: 1, lastMinute: 2, perSec: 0.1 });
  expect(dropsOf(['Forward', 'DropTtl', 'PassArp', 'DropTruncated', 'DropDefense'].map(verdict))).toEqual({
    frames: 3,
    lastMinute: 6,
    perSec: 0.3,
  });
});
