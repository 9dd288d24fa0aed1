/** What many ask for is done in one go, and rests for as long as it took. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Paced } from '../../src/daemon/paced.ts';

let begun: number[];
let errors: string[];
let tookMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  begun = [];
  errors = [];
  tookMs = 40;
});
afterEach(() => vi.useRealTimers());

const paced = (inTurn: (act: () => Promise<void>) => Promise<void> = (act) => act()) =>
  new Paced({
    act: async () => {
      begun.push(performance.now());
      await new Promise((done) => setTimeout(done, tookMs));
      if (tookMs === 13) throw new Error('unlucky');
    },
    inTurn,
    maxRestMs: 100,
    onError: ({ message }) => errors.push(message),
  });

test('what asks before its turn is seen to then', async () => {
  let turn = () => {};
  const work = paced((act) => new Promise<void>((done) => (turn = done)).then(act));
  for (let n = 0; n < 5; n++) work.ask();
  expect(begun).toEqual([]);
  turn();
  await vi.advanceTimersByTimeAsync(1000);
  expect(begun).toHaveLength(1);
});

test.each([
  [40, 80],
  [300, 400],
])('what takes %i ms and is asked for while it goes on begins again after %i', async (took, again) => {
  tookMs = took;
  const work = paced();
  work.ask();
  await vi.advanceTimersByTimeAsync(took);
  for (let n = 0; n < 5; n++) work.ask();
  await vi.advanceTimersByTimeAsync(2000);
  expect(begun).toHaveLength(2);
  expect(begun[1]! - begun[0]!).toBe(again);
});

test('one that fails is told, and the next is done', async () => {
  tookMs = 13;
  const work = paced();
  work.ask();
  await vi.advanceTimersByTimeAsync(100);
  work.ask();
  await vi.advanceTimersByTimeAsync(100);
  expect(errors).toEqual(['unlucky', 'unlucky']);
});
