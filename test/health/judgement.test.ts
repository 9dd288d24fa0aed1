/** Rise and fall. */
import { expect, test } from 'vitest';
import { type Judgement, judged, UNDOUBTED } from '../../src/health/judgement.ts';

const after = (answers: string, counts: { rise: number; fall: number }, before: Judgement = UNDOUBTED) =>
  [...answers].reduce((judgement, answer) => judged(judgement, answer === '+', counts), before);

test.each([
  ['', true],
  ['-', true],
  ['--', true],
  ['---', false],
  ['--+--', true],
  ['---+', false],
  ['---++', true],
  ['---+-+', false],
  ['---+-++', true],
  ['+++++---', false],
])('rise 2, fall 3: %j leaves it up: %s', (answers, isUp) => {
  expect(after(answers, { rise: 2, fall: 3 }).isUp).toBe(isUp);
});

test('one answer decides where rise and fall are 1', () => {
  expect(after('-', { rise: 1, fall: 1 }).isUp).toBe(false);
  expect(after('-+', { rise: 1, fall: 1 }).isUp).toBe(true);
});

test('one that is known to be down needs its good answers', () => {
  const down = { isUp: false, against: 0 };
  expect(after('+', { rise: 2, fall: 3 }, down)).toEqual({ isUp: false, against: 1 });
  expect(after('++', { rise: 2, fall: 3 }, down)).toEqual({ isUp: true, against: 0 });
});
