/**
 * What clients notice while something happens to a director: one asks for pages over new connections throughout, one
 * talks over one connection, and somebody watches the status.
 */
import { expect } from 'vitest';
import { type Lab, type Program, type RunningDirector, SOON, VIP, watchStatus } from './lab.ts';

export const RESUME_WITHIN_MS = 2000;

interface Probe {
  readonly startMs: number;
  readonly server?: string;
  readonly error?: string;
}

const probesOf = (prober: Program): Probe[] =>
  prober.lines
    .slice(1)
    .map((line) => JSON.parse(line) as Probe)
    .sort((a, b) => a.startMs - b.startMs);

/** The prober's own, and some. Probes that are younger may still be open. */
const PROBE_TIMEOUT_MS = 500 + 100;

/** From `sinceMs` to the first of ten probes in a row that were all answered; undefined while there are none. */
function resumedAfterMs(probes: readonly Probe[], sinceMs: number) {
  const untilMs = Date.now() - PROBE_TIMEOUT_MS;
  const late = probes.filter(({ startMs }) => startMs >= sinceMs && startMs < untilMs);
  for (let first = 0; first + 10 <= late.length; first++) {
    if (late.slice(first, first + 10).every(wasAnswered)) return late[first]!.startMs - sinceMs;
  }
  return undefined;
}

const wasAnswered = ({ server }: Probe) => server !== undefined;

interface Outcome {
  /** From the end of the cause to the first of ten pages in a row. */
  readonly resumedMs: number;
  /** Probes that were not answered. */
  readonly interrupted: number;
  /** The director's messages meanwhile. */
  readonly said: readonly string[];
}

/** Both may be others in each test. */
export function clientsOf(lab: () => Lab, running: () => RunningDirector) {
  /** Does `act` while a client asks for pages; `act` resolves when the cause is over. */
  async function whileProbing(act: () => Promise<unknown>): Promise<Outcome> {
    const prober = await lab().program('client', 'prober.mjs', VIP, '80');
    await expect.poll(() => probesOf(prober).filter(wasAnswered).length, SOON).toBeGreaterThan(3);
    const linesBefore = running().lines.length;
    await act();
    const overMs = Date.now();
    const resumed = () => resumedAfterMs(probesOf(prober), overMs);
    await expect.poll(resumed, SOON).toBeDefined();
    await prober.end();
    const interrupted = probesOf(prober).filter((probe) => !wasAnswered(probe)).length;
    return { resumedMs: resumed()!, interrupted, said: running().messages(linesBefore) };
  }

  async function whileProbingAndWatching(act: () => Promise<unknown>) {
    const watch = watchStatus(lab().client);
    const outcome = await whileProbing(act).finally(async () => {
      const { answers, failures, slowestMs } = await watch.finish();
      expect(failures).toEqual([]);
      expect(answers).toBeGreaterThan(10);
      expect(slowestMs).toBeLessThan(1000);
    });
    console.info(
      `resumed after ${outcome.resumedMs} ms, ${outcome.interrupted} probes lost: ${expect.getState().currentTestName}`,
    );
    expect(outcome.resumedMs).toBeLessThan(RESUME_WITHIN_MS);
    return outcome;
  }

  /** A connection that is held through `act`, and goes on afterwards. */
  async function whileTalking(act: () => Promise<unknown>) {
    const talker = await lab().program('client', 'talker.mjs', VIP, '80');
    const answers = () => talker.lines.map((line) => JSON.parse(line));
    await expect.poll(() => answers().length, SOON).toBeGreaterThan(2);
    await act();
    const before = answers().length;
    await expect.poll(() => answers().length, SOON).toBeGreaterThan(before + 3);
    await talker.end();
    const [first, ...others] = answers().slice(0, -1);
    for (const { atMs, ...other } of others) {
      expect(other, `at ${atMs}`).toEqual({ localPort: first.localPort, server: first.server });
    }
    expect(answers().at(-1)).toMatchObject({ closed: true });
  }

  return { whileProbing, whileProbingAndWatching, whileTalking };
}
