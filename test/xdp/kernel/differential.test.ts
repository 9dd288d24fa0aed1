/**
 * Random edits, frames and mutated frames, and time, to the TypeScript path and to the program in the kernel, which
 * must agree: verdict, bytes, counters, connections. What they disagree on is printed as the shortest sequence of steps.
 */
import { expect, test } from 'vitest';
import { describeWithRoot } from '../../helpers/netns.ts';
import { search } from '../../model/search.ts';
import { PATH_AND_PROGRAM } from '../twins.ts';

/** The same steps each time; `npm run differential` looks where nobody has looked. */
const SEED = 20_261_125;
const STEPS = Number(process.env.DIRECTOR_DIFFERENTIAL_STEPS ?? 1_000_000);

describeWithRoot('the program', [], () => {
  const timeout = 120_000 + STEPS;

  test(`does what the path does, ${STEPS} random steps from seed ${SEED}`, { timeout }, () => {
    const { problem, verdicts } = search({ seed: SEED, steps: STEPS }, PATH_AND_PROGRAM);
    expect(problem, problem).toBeUndefined();
    if (STEPS >= 100_000) expect(EVERYTHING.filter((verdict) => !verdicts.has(verdict))).toEqual([]);
  });
});

/** Else the test would look at less than it seems to. */
const EVERYTHING =
  'Forward ForwardIcmpError ForwardFragment DeliverLocalServer DeliverUnscheduled PassNotIp PassArp PassArpConflict PassProtocol PassOtherMac PassNotVirtual PassIcmpUnrelated PassFragment PassIcmpLocal PassOwnReply PassOwn PassWaiting ReplyPortUnreachable ReplyTimeExceeded DropTruncated DropIpVersion DropIpHeaderLength DropIpTotalLength DropIpChecksum DropIpOptions DropTransportTruncated DropMartianSource DropServerRemoved DropNoNeighbor DropServerUnreachable DropDefense DropTtl'.split(
    ' ',
  );
