/** What a graph shows, and the same in words for those who do not see it. */
import { formatByteRate, formatRate } from '../format.ts';
import type { Graphed } from '../state/graphed.ts';
import { ALL, type Metric, type Samples } from '../state/samples.ts';

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Its colour and pattern; null: the sum of the others. */
  readonly slot: number | null;
}

export interface GraphModel {
  readonly title: string;
  readonly unit: Unit;
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

export type Unit = 'count' | 'bytes';

export const GRAPHS: Readonly<Record<Metric, { readonly title: string; readonly unit: Unit }>> = {
  connections: { title: 'Connections per second', unit: 'count' },
  packets: { title: 'Packets per second', unit: 'count' },
  bytes: { title: 'Bytes per second', unit: 'bytes' },
  drops: { title: 'Drops per second', unit: 'count' },
};

export const formatIn = (unit: Unit, value: number): string =>
  unit === 'bytes' ? formatByteRate(value) : formatRate(value);

/** Of all services together. */
export const totalGraph = (samples: Samples, metric: Metric): GraphModel => ({
  ...GRAPHS[metric],
  times: samples.readTimes(),
  lines: [{ name: 'all services', values: samples.readService(ALL, metric), slot: null }],
});

/** Of one service, with lines of its servers. */
export const serviceGraph = (samples: Samples, metric: Metric, key: string, slots: Graphed): GraphModel => ({
  ...GRAPHS[metric],
  times: samples.readTimes(),
  lines: [
    { name: 'service', values: samples.readService(key, metric), slot: null },
    ...slots.flatMap((name, slot) =>
      name === null ? [] : [{ name, values: samples.readServer(name, metric), slot }],
    ),
  ],
});

export interface Extent {
  readonly now: number | null;
  readonly lowest: number;
  readonly highest: number;
}

export function extentOf(values: readonly (number | null)[]): Extent | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return { now: values.at(-1) ?? null, lowest: Math.min(...known), highest: Math.max(...known) };
}

/** `Packets per second, last 10 minutes: now 120, lowest 0, highest 4.1 k`. */
export function describeGraph({ title, unit, lines }: GraphModel): string {
  const extent = extentOf(lines[0]?.values ?? []);
  if (extent === null) return `${title}: no values yet`;
  const { now, lowest, highest } = extent;
  const words = [
    `now ${now === null ? 'unknown' : formatIn(unit, now)}`,
    `lowest ${formatIn(unit, lowest)}`,
    `highest ${formatIn(unit, highest)}`,
  ];
  return `${title}, last 10 minutes: ${words.join(', ')}`;
}
