/** SYN floods for the log and the history: one line when one begins, one when it is over. */

import type { Path } from '../datapath/path.ts';
import { Verdict } from '../datapath/verdict.ts';
import type { Notice } from './messages.ts';

/** Shorter pauses are of the same flood. */
const PAUSE_MS = 5000;

export class FloodNotice {
  /** Undefined: none. */
  private begunMs: number | undefined;
  private lastOnMs = 0;
  private droppedBefore = 0;

  /** Many times a second. Undefined: there is nothing to say. */
  look({ synFlood, verdicts, settings }: Path, nowMs: number): Notice | undefined {
    const dropped = verdicts[Verdict.DropFirstSyn]!;
    if (synFlood.isOn) this.lastOnMs = nowMs;
    if (this.begunMs === undefined) {
      if (!synFlood.isOn) return undefined;
      this.begunMs = nowMs;
      this.droppedBefore = dropped;
      return {
        level: 'warn',
        message: `a SYN flood has begun, of more than ${settings.syn_flood_rate} a second (syn_flood_rate): a connection's first SYN is dropped, and goes its way when the client sends it again, a second later`,
        fields: { event: 'warning' },
      };
    }
    if (nowMs - this.lastOnMs < PAUSE_MS) return undefined;
    const seconds = Math.round((this.lastOnMs - this.begunMs) / 1000);
    const frames = dropped - this.droppedBefore;
    this.begunMs = undefined;
    return {
      level: 'info',
      message: `the SYN flood is over after ${seconds} s: ${frames} first SYNs were dropped`,
      fields: { event: 'datapath' },
    };
  }
}
