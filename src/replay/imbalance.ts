/** How evenly connections are spread over servers, each by its weight. */

export interface Imbalance {
  /** Coefficient of variation of connections per weight: 0 is even. */
  readonly variation: number;
  /** The busiest server by its weight, as a multiple of the mean: 1 is even. */
  readonly busiest: number;
}

export interface Loaded {
  readonly weight: number;
  readonly connections: number;
}

/** Servers of weight 0 are to have none, and do not count. Undefined: there is nothing to spread, or nowhere to. */
export function imbalanceOf(servers: readonly Loaded[]): Imbalance | undefined {
  const loads = servers
    .filter(({ weight }) => weight > 0)
    .map(({ connections, weight }) => connections / weight);
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  if (!(mean > 0)) return undefined;
  const variance = loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length;
  return { variation: Math.sqrt(variance) / mean, busiest: Math.max(...loads) / mean };
}
