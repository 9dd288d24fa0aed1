/** Median and spread of repeated measurements: these machines are shared, a single figure says little. */

export interface Summary {
  readonly median: number;
  /** A tenth of the measurements lies below, a tenth above. */
  readonly low: number;
  readonly high: number;
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (fraction: number) => sorted[Math.round(fraction * (sorted.length - 1))] ?? Number.NaN;
  return { median: at(0.5), low: at(0.1), high: at(0.9) };
}
