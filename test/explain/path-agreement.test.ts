/** Random packets against random rule sets: what is explained is what the path then does, and explaining changes nothing. */
import { expect, test } from 'vitest';
import { search } from '../model/search.ts';
import { EXPLANATION_AND_PATH } from './explained-path.ts';

/** The same steps each time; `npm run explained` looks where nobody has looked. Four in five are packets. */
const SEED = 20_261_126;
const STEPS = Number(process.env.DIRECTOR_EXPLAINED_STEPS ?? 14_000);

test(`what is explained is what the path does, ${STEPS} random steps`, { timeout: 120_000 + STEPS }, () => {
  const { problem, verdicts } = search({ seed: SEED, steps: STEPS }, EXPLANATION_AND_PATH);
  expect(problem, problem).toBeUndefined();
  expect(verdicts.get('DropFirstSyn')).toBeGreaterThan(50);
  expect([...verdicts.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10_000);
});
