/** What a graph shows, and the same in words for those who do not see it. */
import { formatByteRate, formatBytes, formatRate, formatSi } from '../format.ts';
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
  connections: { title: 'Connections', unit: 'count' },
  packets: { title: 'Packets', unit: 'count' },
  bytes: { title: 'Traffic', unit: 'bytes' },
  drops: { title: 'Drops', unit: 'count' },
};

/** For the axis, where `/s` is understood. */
export const formatIn = (unit: Unit, value: number): string =>
  unit === 'bytes' ? formatBytes(value) : formatRate(value);

/** `12.3 /s`, `4.1 k/s`, `4.1 MB/s` */
export const formatPerSec = (unit: Unit, value: number): string =>
  unit === 'bytes' ? formatByteRate(value) : formatSi(value, '/s');

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

/** `Packets, last 10 minutes: now 120 /s, lowest 0 /s, highest 4.1 k/s`. */
export function describeGraph({ title, unit, lines }: GraphModel): string {
  const extent = extentOf(lines[0]?.values ?? []);
  if (extent === null) return `${title}: no values yet`;
  const { now, lowest, highest } = extent;
  const words = [
    `now ${now === null ? 'unknown' : formatPerSec(unit, now)}`,
    `lowest ${formatPerSec(unit, lowest)}`,
    `highest ${formatPerSec(unit, highest)}`,
  ];
  return `${title}, last 10 minutes: ${words.join(', ')}`;
}
