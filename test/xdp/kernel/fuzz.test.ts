/** A million mutated frames through the program; `npm run fuzz` takes more. */
import { expect, test } from 'vitest';
import { describeWithRoot } from '../../helpers/netns.ts';
import { fuzz, REACHED } from '../fuzz.ts';

const FRAMES = 1_000_000;
const SEED = 4711;

describeWithRoot('the program', [], () => {
  test(`sends on nothing that it may not, of ${FRAMES} mutated frames`, { timeout: 300_000 }, () => {
    const { problem, verdicts } = fuzz({ frames: FRAMES, seed: SEED });
    expect(problem, problem).toBeUndefined();
    expect(REACHED.filter((verdict) => !verdicts.has(verdict))).toEqual([]);
  });
});
