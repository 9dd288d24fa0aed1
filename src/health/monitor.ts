/**
 * Checks many servers, each in its own time: the first check at a random moment of the interval, the others an interval
 * apart, so that a thousand servers checked every second are spread over the second. A bad answer that contradicts what
 * was known is followed by another check soon, instead of an interval later.
 */
import type { CheckOptions, CheckResult, CheckTarget } from './check.ts';
import { type Judgement, judged, UNDOUBTED } from './judgement.ts';
import type { ServiceCheck } from './service-check.ts';

/** Checks begin at multiples of this: a thousand that begin together cost half of a thousand that do not. */
const TICK_MS = 50;
/** After an answer that speaks against what is known of the server. */
const DOUBT_MS = 100;

export interface Patient {
  /** Who it is: one for each service and server. */
  readonly key: string;
  readonly check: ServiceCheck;
  readonly target: CheckTarget;
}

export interface Report extends Judgement {
  readonly last: CheckResult | undefined;
  /** Date.now() of the last answer, and of the last change. */
  readonly answeredAt: number | undefined;
  readonly since: number | undefined;
  /** Checks that were due while the one before them was not over. */
  readonly missed: number;
}

export type RunCheck = (
  options: CheckOptions,
  target: CheckTarget,
  timeoutMs: number,
  signal: AbortSignal,
) => Promise<CheckResult>;

export interface MonitorOptions {
  readonly run: RunCheck;
  /** The server has come up or gone down. */
  readonly onChange: (key: string, report: Report) => void;
  /** 0 ≤ x < 1 */
  readonly random?: () => number;
}

interface Watched {
  patient: Patient;
  report: Report;
  readonly ending: AbortController;
  timer: NodeJS.Timeout | undefined;
  dueMs: number;
}

const NO_REPORT: Report = {
  ...UNDOUBTED,
  last: undefined,
  answeredAt: undefined,
  since: undefined,
  missed: 0,
};

export class HealthMonitor {
  private readonly run: RunCheck;
  private readonly onChange: MonitorOptions['onChange'];
  private readonly random: () => number;
  private readonly watched = new Map<string, Watched>();

  constructor({ run, onChange, random = Math.random }: MonitorOptions) {
    this.run = run;
    this.onChange = onChange;
    this.random = random;
  }

  /** Checks these and no others. `isUp`: what is known of one that is new. */
  follow(patients: readonly Patient[], isUp: (key: string) => boolean): void {
    const keys = new Set(patients.map(({ key }) => key));
    for (const [key, watched] of this.watched) if (!keys.has(key)) this.drop(key, watched);
    for (const patient of patients) {
      const watched = this.watched.get(patient.key);
      if (watched !== undefined) watched.patient = patient;
      else this.begin(patient, isUp(patient.key));
    }
  }

  report(key: string): Report | undefined {
    return this.watched.get(key)?.report;
  }

  close(): void {
    for (const [key, watched] of this.watched) this.drop(key, watched);
  }

  private begin(patient: Patient, isUp: boolean): void {
    const report = { ...NO_REPORT, isUp };
    const dueMs = performance.now() + this.random() * patient.check.intervalMs;
    const watched: Watched = { patient, report, ending: new AbortController(), timer: undefined, dueMs };
    this.watched.set(patient.key, watched);
    this.schedule(watched);
  }

  private drop(key: string, watched: Watched): void {
    clearTimeout(watched.timer);
    watched.ending.abort();
    this.watched.delete(key);
  }

  private schedule(watched: Watched): void {
    const beginMs = Math.ceil(watched.dueMs / TICK_MS) * TICK_MS;
    const waitMs = Math.max(0, beginMs - performance.now());
    watched.timer = setTimeout(() => void this.check(watched), waitMs);
  }

  private async check(watched: Watched): Promise<void> {
    const { check, target } = watched.patient;
    const { signal } = watched.ending;
    const result = await this.run(check.options, target, check.timeoutMs, signal);
    if (signal.aborted) return;
    const before = watched.report;
    const after = judged(before, result.ok, check);
    const hasChanged = after.isUp !== before.isUp;
    const now = Date.now();
    watched.report = {
      ...after,
      last: result,
      answeredAt: now,
      since: hasChanged ? now : before.since,
      missed: before.missed + this.settleNext(watched, after),
    };
    if (hasChanged) this.onChange(watched.patient.key, watched.report);
    this.schedule(watched);
  }

  /** When the next check is due. Returns how many were missed. */
  private settleNext(watched: Watched, { against }: Judgement): number {
    const { intervalMs } = watched.patient.check;
    const now = performance.now();
    if (against > 0) {
      watched.dueMs = now + Math.min(DOUBT_MS, intervalMs);
      return 0;
    }
    watched.dueMs += intervalMs;
    if (watched.dueMs > now) return 0;
    const missed = Math.floor((now - watched.dueMs) / intervalMs) + 1;
    watched.dueMs += missed * intervalMs;
    return missed;
  }
}
