/** A line chart as SVG: no script, colours by class, lines that also differ by their dashes. */
import { escapeHtml } from './escape.ts';

const WIDTH = 760;
const HEIGHT = 260;
const LEFT = 58;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 34;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
const X_TICKS = 6;
const Y_TICKS = 4;

export interface Series {
  readonly name: string;
  /** One for each time; undefined: there is nothing to show. */
  readonly values: readonly (number | undefined)[];
}

export interface LineChart {
  readonly id: string;
  readonly title: string;
  /** What the picture shows, for those who do not see it. */
  readonly description: string;
  readonly timesMs: readonly number[];
  readonly series: readonly Series[];
  /** What the scale goes up to: the same for pictures that are compared. */
  readonly most: number;
}

/** The highest value of all. */
export const mostOf = (series: readonly Series[]): number =>
  series.flatMap(({ values }) => values).reduce<number>((most, value) => Math.max(most, value ?? 0), 0);

export function renderLineChart({ id, title, description, timesMs, series, most }: LineChart): string {
  const yStep = niceStep(most / Y_TICKS);
  const yCount = Math.max(1, Math.ceil(most / yStep));
  const lastMs = timesMs.at(-1) ?? 1;
  const xStep = niceTimeStep(lastMs / X_TICKS);
  const x = (timeMs: number) => LEFT + (timeMs / lastMs) * PLOT_WIDTH;
  const y = (value: number) => TOP + PLOT_HEIGHT * (1 - value / (yStep * yCount));
  const yTicks = Array.from({ length: yCount + 1 }, (_, index) => index * yStep);
  const xTicks = Array.from({ length: Math.floor(lastMs / xStep) + 1 }, (_, index) => index * xStep);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-description">`,
    `<title id="${id}-title">${escapeHtml(title)}</title>`,
    `<desc id="${id}-description">${escapeHtml(description)}</desc>`,
    ...yTicks.map(
      (tick) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>` +
        `<text class="tick" x="${LEFT - 6}" y="${at(y(tick) + 4)}" text-anchor="end">${tickText(tick, yStep)}</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<line class="grid" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${TOP + PLOT_HEIGHT}" y2="${TOP + PLOT_HEIGHT + 4}"/>` +
        `<text class="tick" x="${at(x(tick))}" y="${HEIGHT - 14}" text-anchor="middle">${timeText(tick, xStep)}</text>`,
    ),
    ...series.map(
      (each, index) => `<path class="line ${lineClass(index)}" d="${pathOf(each, timesMs, x, y)}"/>`,
    ),
    '</svg>',
  ].join('\n');
}

export const MAX_SERIES = 8;

/** Of the style sheet. */
export const lineClass = (index: number): string => `s${index % MAX_SERIES}`;

export const legend = (series: readonly Series[]): string =>
  `<ul class="legend">${series
    .map(
      ({ name }, index) =>
        `<li><svg viewBox="0 0 28 8" aria-hidden="true"><line class="line ${lineClass(index)}" x1="1" x2="27" y1="4" y2="4"/></svg>${escapeHtml(name)}</li>`,
    )
    .join('')}</ul>`;

/** A line that is broken where there is nothing to show. */
function pathOf(
  { values }: Series,
  timesMs: readonly number[],
  x: (timeMs: number) => number,
  y: (value: number) => number,
): string {
  let isDrawing = false;
  return values
    .map((value, index) => {
      const command = isDrawing ? 'L' : 'M';
      isDrawing = value !== undefined;
      return value === undefined ? '' : `${command}${at(x(timesMs[index]!))} ${at(y(value))}`;
    })
    .join('');
}

const at = (coordinate: number): string => String(Math.round(coordinate * 10) / 10);

/** 1, 2 or 5 times a power of ten, not below what is asked for. */
function niceStep(least: number): number {
  if (!(least > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999)!;
}

const LONG_STEPS_MS = [60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400].map((sec) => sec * 1000);

const niceTimeStep = (leastMs: number): number =>
  leastMs <= 30_000
    ? niceStep(leastMs)
    : (LONG_STEPS_MS.find((step) => step >= leastMs) ?? 86_400_000 * niceStep(leastMs / 86_400_000));

const tickText = (value: number, step: number): string => {
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step))));
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

function timeText(timeMs: number, stepMs: number): string {
  if (stepMs < 1) return `${tickText(timeMs * 1000, stepMs * 1000)} µs`;
  if (stepMs < 1000) return `${tickText(timeMs, stepMs)} ms`;
  if (stepMs < 60_000) return `${tickText(timeMs / 1000, stepMs / 1000)} s`;
  if (stepMs < 3_600_000) return `${Math.round(timeMs / 60_000)} min`;
  if (stepMs < 86_400_000) return `${Math.round(timeMs / 3_600_000)} h`;
  return `${Math.round(timeMs / 86_400_000)} d`;
}
