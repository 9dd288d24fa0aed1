/**
 * Random commands, frames and time to the path and to the book (book.ts), which must agree on all of it: verdicts, bytes,
 * counters, lists. What they disagree on is printed as the shortest sequence of steps, with how to run it again.
 */
import { describe, expect, test } from 'vitest';
import { search } from './search.ts';

const DEFAULT_STEPS = 1_000_000;
/** The same steps each time: a suite that fails is to fail again. `npm run model` looks where nobody has looked. */
const DEFAULT_SEED = 1_862_433_076;
const seed = Number(process.env.DIRECTOR_MODEL_SEED ?? DEFAULT_SEED);
const steps = Number(process.env.DIRECTOR_MODEL_STEPS ?? DEFAULT_STEPS);

describe('the path', () => {
  const timeout = 60_000 + steps;

  test(`does what the book says, ${steps} random steps from seed ${seed}`, { timeout }, () => {
    const { problem, verdicts } = search({ seed, steps });
    expect(problem, problem).toBeUndefined();
    if (steps >= 100_000) expect(EVERYTHING.filter((verdict) => !verdicts.has(verdict))).toEqual([]);
  });
});

/** Else the test would look at less than it seems to. */
const EVERYTHING =
  'Forward ForwardIcmpError ForwardFragment DeliverLocalServer DeliverUnscheduled PassNotVirtual PassIcmpUnrelated PassFragment PassIcmpLocal PassOwnReply PassOwn PassWaiting ReplyPortUnreachable ReplyTimeExceeded DropMartianSource DropServerRemoved DropNoNeighbor DropServerUnreachable DropConnectionTableFull DropDefense DropTtl'.split(
    ' ',
  );
