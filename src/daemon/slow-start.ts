/** Servers that came back and are given their weight little by little. */

const STEP_MS = 1000;

export class SlowStart {
  private readonly onStep: () => void;
  /** By serverKey(): Date.now() when it came back, and for how long it is slow. */
  private readonly slow = new Map<string, { readonly began: number; readonly lengthMs: number }>();
  private timer: NodeJS.Timeout | undefined;

  /** `onStep`: weights are others now. */
  constructor(onStep: () => void) {
    this.onStep = onStep;
  }

  begin(key: string, lengthMs: number): void {
    if (lengthMs === 0) return;
    this.slow.set(key, { began: Date.now(), lengthMs });
    this.timer ??= setInterval(() => this.step(), STEP_MS).unref();
  }

  end(key: string): void {
    this.slow.delete(key);
  }

  forgetOthers(keys: ReadonlySet<string>): void {
    for (const key of this.slow.keys()) if (!keys.has(key)) this.slow.delete(key);
  }

  /** Of its whole weight, at least 1. Undefined: all of it. */
  weightOf(key: string, weight: number): number | undefined {
    const slow = this.slow.get(key);
    if (slow === undefined || weight === 0) return undefined;
    const share = (Date.now() - slow.began) / slow.lengthMs;
    return share >= 1 ? undefined : Math.max(1, Math.floor(weight * share));
  }

  close(): void {
    clearInterval(this.timer);
  }

  private step(): void {
    for (const [key, { began, lengthMs }] of this.slow)
      if (Date.now() - began >= lengthMs) this.slow.delete(key);
    if (this.slow.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.onStep();
  }
}
