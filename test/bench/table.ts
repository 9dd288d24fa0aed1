/** Tables as Markdown, and what a measurement looks like in one. */
import type { Summary } from './statistics.ts';

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What a figure has to be: at most or at least this. */
export type Bar = { readonly atMost: number } | { readonly atLeast: number };

/** Beside something that does nothing at all a ratio is without bound. */
const figure = (value: number, digits: number): string =>
  value === Number.POSITIVE_INFINITY ? '∞' : value.toFixed(digits);

export const spread = ({ low, high }: Summary, digits: number): string =>
  `${figure(low, digits)} … ${figure(high, digits)}`;

/** The two cells of a bar, empty where there is none. */
export function barCells(median: number, bar: Bar | undefined): [string, string] {
  if (bar === undefined) return ['', ''];
  const met = 'atMost' in bar ? median <= bar.atMost : median >= bar.atLeast;
  return ['atMost' in bar ? `≤ ${bar.atMost}` : `≥ ${bar.atLeast}`, met ? 'met' : 'MISSED'];
}

/** One measured thing: its name, median, spread, bar and whether it is met. */
export interface Measured {
  readonly what: string;
  readonly summary: Summary;
  readonly digits: number;
  readonly bar?: Bar | undefined;
}

export function measuredTable(head: string, rows: readonly Measured[]): string {
  return markdownTable(
    [head, 'median', '10 % … 90 %', 'bar', ''],
    rows.map(({ what, summary, digits, bar }) => [
      what,
      figure(summary.median, digits),
      spread(summary, digits),
      ...barCells(summary.median, bar),
    ]),
  );
}
