/** Frames by verdict, in the last minute and per second: made of counts that are read about once a second. Pure. */
import type { VerdictOverview } from '../control/protocol.ts';

/** Frames by verdict since the datapath began to count. One that is not there never happened. */
export type VerdictCounts = Readonly<Record<string, number>>;

const MINUTE_MS = 60_000;
const MS = 1000;

/** What had been counted at a moment, without the beginnings anew. */
interface Sample {
  readonly atMs: number;
  readonly totals: ReadonlyMap<string, number>;
}

export class VerdictMinute {
  /** Oldest first: the last one of more than a minute ago, and those since. */
  private samples: Sample[] = [];
  private counts: VerdictCounts = {};

  /** `nowMs`: of a clock that never goes back. Returns whether anything was counted since the last time. */
  add(counts: VerdictCounts, nowMs: number): boolean {
    let isMoving = false;
    const totals = new Map(this.samples.at(-1)?.totals);
    for (const [verdict, count] of Object.entries(counts)) {
      const before = this.counts[verdict] ?? 0;
      if (count !== before) isMoving = true;
      // Less than before: it has begun anew, and what it shows has come since then.
      totals.set(verdict, (totals.get(verdict) ?? 0) + (count < before ? count : count - before));
    }
    this.counts = counts;
    this.samples.push({ atMs: nowMs, totals });
    const firstInside = this.samples.findIndex(({ atMs }) => atMs > nowMs - MINUTE_MS);
    if (firstInside > 1) this.samples.splice(0, firstInside - 1);
    return isMoving;
  }

  /** In the order of the counts. */
  list(): VerdictOverview[] {
    return Object.entries(this.counts).map(([verdict, frames]) => ({
      verdict,
      frames,
      ...this.recent(verdict),
    }));
  }

  private recent(verdict: string): Pick<VerdictOverview, 'lastMinute' | 'perSec'> {
    const newest = this.samples.at(-1);
    const previous = this.samples.at(-2);
    if (newest === undefined || previous === undefined) return { lastMinute: 0, perSec: 0 };
    const since = ({ totals }: Sample) => (newest.totals.get(verdict) ?? 0) - (totals.get(verdict) ?? 0);
    const perSec = (since(previous) * MS) / (newest.atMs - previous.atMs);
    return { lastMinute: since(this.samples[0]!), perSec: Math.round(perSec * 10) / 10 };
  }
}

/** Whether nobody has the frame now (datapath/verdict.ts). */
export const isDrop = (verdict: string): boolean => verdict.startsWith('Drop');

export function dropsOf(verdicts: readonly VerdictOverview[]): Omit<VerdictOverview, 'verdict'> {
  const drops = verdicts.filter(({ verdict }) => isDrop(verdict));
  const sum = (of: 'frames' | 'lastMinute' | 'perSec') => drops.reduce((total, each) => total + each[of], 0);
  return {
    frames: sum('frames'),
    lastMinute: sum('lastMinute'),
    perSec: Math.round(sum('perSec') * 10) / 10,
  };
}
