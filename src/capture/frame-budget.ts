/**
 * How many frames may be captured: what takes part in it beside the packet path, on the same processors, must not take
 * them from it. Those beyond are lost, and counted.
 */

/** Of a process that has nothing else to do. */
const FRAMES_PER_SEC = 20_000;
/** Of one that has no time left. */
const BUSY_FRAMES_PER_SEC = 500;
/** Frames that come together are captured all the same. */
const BURST = 5000;

export class FrameBudget {
  private left = BURST;
  private filledMs: number;

  constructor(nowMs: number) {
    this.filledMs = nowMs;
  }

  /** `idle`: the share of the time since the last call in which the process had nothing to do, 0 to 1. */
  refill(nowMs: number, idle: number): void {
    const framesPerSec = Math.max(BUSY_FRAMES_PER_SEC, FRAMES_PER_SEC * idle);
    this.left = Math.min(BURST, this.left + ((nowMs - this.filledMs) * framesPerSec) / 1000);
    this.filledMs = nowMs;
  }

  get isSpent(): boolean {
    return this.left < 1;
  }

  spend(frames: number): void {
    this.left = Math.max(0, this.left - frames);
  }
}
