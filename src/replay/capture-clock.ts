/** The clock of a replay: it goes by the times of the frames, and never back. */
import { type CapturedFrame, NANOSECONDS_PER_SECOND } from '../capture-file/captured-frame.ts';

const MS_PER_SECOND = 1000;
const NANOSECONDS_PER_MS = NANOSECONDS_PER_SECOND / MS_PER_SECOND;
/** Frames that several queues of a card took may be out of order by so much; more is a clock that was set. */
const DISORDER_MS = 1000;
/** Longer than anything is remembered: a template, 31 days. A gap above is as good as one of this. */
const MAX_GAP_MS = 62 * 86_400 * MS_PER_SECOND;

export class CaptureClock {
  /** Since the first frame. */
  elapsedMs = 0;
  /** Frames older than one before them; the clock stood still for them. */
  stoodStill = 0;
  /** Gaps that were made shorter. */
  cutGaps = 0;
  private hasBegun = false;
  private seconds = 0;
  private nanoseconds = 0;

  /** Goes on to this frame's time. */
  follow({ seconds, nanoseconds }: CapturedFrame): void {
    const passedMs =
      (seconds - this.seconds) * MS_PER_SECOND + (nanoseconds - this.nanoseconds) / NANOSECONDS_PER_MS;
    if (this.hasBegun && passedMs < 0) {
      this.stoodStill++;
      if (passedMs > -DISORDER_MS) return;
    } else if (this.hasBegun) {
      if (passedMs > MAX_GAP_MS) this.cutGaps++;
      this.elapsedMs += Math.min(passedMs, MAX_GAP_MS);
    }
    this.hasBegun = true;
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
  }
}
