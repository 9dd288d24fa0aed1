/**
 * Things done again and again, all at the same moments: a process that has nothing to do is woken as seldom as can be,
 * and those that ask each other something are awake together. The moments are those of CLOCK_MONOTONIC, the same for
 * all processes of the host.
 */

/** Timers are exact to a millisecond. */
const TIMER_MS = 1;

const beats = new Set<Beat>();
let timer: NodeJS.Timeout | undefined;

/** Calls `act` at each multiple of its period, until it is ended; keeps no process alive. */
export class Beat {
  readonly act: () => void;
  dueMs = 0;
  private everyMs = 0;

  constructor(periodMs: number, act: () => void) {
    this.act = act;
    beats.add(this);
    this.periodMs = periodMs;
  }

  get periodMs(): number {
    return this.everyMs;
  }

  /** From now on. */
  set periodMs(periodMs: number) {
    if (periodMs === this.everyMs) return;
    this.everyMs = periodMs;
    this.dueMs = nextBeatMs(periodMs);
    arm();
  }

  end(): void {
    beats.delete(this);
    arm();
  }
}

/** Milliseconds until the next multiple of this period. */
export const untilBeat = (periodMs: number): number => nextBeatMs(periodMs) - nowMs();

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

const nextBeatMs = (periodMs: number): number => (Math.floor((nowMs() + TIMER_MS) / periodMs) + 1) * periodMs;

function arm(): void {
  clearTimeout(timer);
  if (beats.size === 0) return;
  let dueMs = Number.POSITIVE_INFINITY;
  for (const beat of beats) dueMs = Math.min(dueMs, beat.dueMs);
  timer = setTimeout(run, Math.max(0, dueMs - nowMs())).unref();
}

function run(): void {
  const reachedMs = nowMs() + TIMER_MS;
  const due = [...beats].filter(({ dueMs }) => dueMs <= reachedMs);
  for (const beat of due) beat.dueMs = nextBeatMs(beat.periodMs);
  arm();
  for (const beat of due) if (beats.has(beat)) beat.act();
}
