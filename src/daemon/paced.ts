/**
 * Work that many things ask for: what asks before its turn is seen to then, in one go; and it rests for as long as it took,
 * so that thousands that ask one after the other leave time for others.
 */

export interface PacedOptions {
  readonly act: () => Promise<void>;
  /** Calls it when it is its turn. */
  readonly inTurn: (act: () => Promise<void>) => Promise<void>;
  readonly maxRestMs: number;
  readonly onError: (error: Error) => void;
}

export class Paced {
  private readonly options: PacedOptions;
  private isDue = false;
  private restsUntilMs = 0;

  constructor(options: PacedOptions) {
    this.options = options;
  }

  ask(): void {
    if (this.isDue) return;
    this.isDue = true;
    const restMs = this.restsUntilMs - performance.now();
    if (restMs > 0) setTimeout(() => this.begin(), restMs).unref();
    else this.begin();
  }

  private begin(): void {
    const { act, inTurn, maxRestMs, onError } = this.options;
    inTurn(async () => {
      this.isDue = false;
      const begunMs = performance.now();
      await act();
      const endedMs = performance.now();
      this.restsUntilMs = endedMs + Math.min(endedMs - begunMs, maxRestMs);
    }).catch(onError);
  }
}
