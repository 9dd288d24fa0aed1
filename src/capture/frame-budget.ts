/**
 * How many frames may be captured: what takes part in it beside the packet path, on the same processors, must not take
 * them from it. Those beyond are lost, and counted.
 */

export const FRAMES_PER_SEC = 20_000;
/** Frames that come together are captured all the same. */
const BURST = 5000;

export class FrameBudget {
  private left = BURST;
  private filledMs: number;

  constructor(nowMs: number) {
    this.filledMs = nowMs;
  }

  refill(nowMs: number): void {
    this.left = Math.min(BURST, this.left + ((nowMs - this.filledMs) * FRAMES_PER_SEC) / 1000);
    this.filledMs = nowMs;
  }

  get isSpent(): boolean {
    return this.left < 1;
  }

  spend(frames: number): void {
    this.left = Math.max(0, this.left - frames);
  }
}
