/** What run-check.ts and the kinds of checks agree on. */
import type { CheckTarget } from './check.ts';

/** Tells how a check ended, once or more: only the first counts. null: good; else the cause. */
export type Settle = (failure: string | null) => void;

/** A check under way. */
export interface Running {
  /** Lets go of all that it holds, at once. Called once, also after the check has settled. */
  stop(): void;
  /**
   * What it means that it has not settled in time, as Settle takes it; `within` is 'within 1 s'. Without this:
   * 'no answer within 1 s'.
   */
  onTimeout?(within: string): string | null;
}

/** Begins a check. May settle before it returns; may throw, but then holds nothing. */
export type Start<Options> = (
  options: Options,
  target: CheckTarget,
  settle: Settle,
  timeoutMs: number,
) => Running;
