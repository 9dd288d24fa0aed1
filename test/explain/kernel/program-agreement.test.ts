/** Random packets against random rule sets: what is explained is what the program in the kernel then does. */
import { expect, test } from 'vitest';
import { describeWithRoot } from '../../helpers/netns.ts';
import { search } from '../../model/search.ts';
import { EXPLANATION_AND_PROGRAM } from '../explained-program.ts';

const SEED = 20_261_127;
const STEPS = Number(process.env.DIRECTOR_EXPLAINED_STEPS ?? 4000);

describeWithRoot('the program', [], () => {
  test(`does what is explained, ${STEPS} random steps`, { timeout: 120_000 + 10 * STEPS }, () => {
    const { problem } = search({ seed: SEED, steps: STEPS }, EXPLANATION_AND_PROGRAM);
    expect(problem, problem).toBeUndefined();
  });
});
