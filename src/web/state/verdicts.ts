/** Verdicts as src/datapath/verdict.ts names them: the prefix says who has the frame now. */
import type { VerdictOverview } from '../../control/protocol.ts';

export const isDrop = ({ verdict }: VerdictOverview): boolean => verdict.startsWith('Drop');

/** What happens now first, then what happened most. */
export const sortVerdicts = (verdicts: readonly VerdictOverview[]): VerdictOverview[] =>
  verdicts.toSorted((a, b) => b.lastMinute - a.lastMinute || b.frames - a.frames);
