/** <rate-graph>: draws a GraphModel by uPlot, in the colours of the page, as wide as its place. */
import uPlot from 'uplot';
import { formatTime } from '../format.ts';
import { formatIn, formatPerSec, type GraphModel, type Line } from './lines.ts';

const HEIGHT_PX = 132;
const SHORTEST_SEC = 60;
const LONGEST_SEC = 600;
/** By slot, so that lines differ without colour. */
const DASHES: readonly number[][] = [[], [7, 3], [2, 3], [10, 3, 2, 3], [5, 5], [12, 4]];
const dark = matchMedia('(prefers-color-scheme: dark)');

export class RateGraph extends HTMLElement {
  private shown: GraphModel | undefined;
  private plot: uPlot | undefined;
  /** What the plot was made for; another set of lines needs another plot. */
  private madeFor = '';
  private readonly readout = document.createElement('div');
  private readonly resizing = new ResizeObserver(() => this.resize());
  private readonly recolour = (): void => this.make();

  connectedCallback(): void {
    this.readout.className = 'readout';
    this.append(this.readout);
    this.resizing.observe(this);
    dark.addEventListener('change', this.recolour);
    this.draw();
  }

  disconnectedCallback(): void {
    this.resizing.disconnect();
    dark.removeEventListener('change', this.recolour);
    this.plot?.destroy();
    this.plot = undefined;
    this.madeFor = '';
  }

  set model(model: GraphModel) {
    this.shown = model;
    if (this.isConnected) this.draw();
  }

  private draw(): void {
    if (this.shown === undefined) return;
    const wanted = this.shown.lines.map(({ name, slot }) => `${name} ${slot}`).join(',');
    if (this.plot === undefined || wanted !== this.madeFor) {
      this.madeFor = wanted;
      this.make();
    } else this.plot.setData(dataOf(this.shown));
  }

  private make(): void {
    if (this.shown === undefined) return;
    this.plot?.destroy();
    this.plot = new uPlot(this.options(this.shown), dataOf(this.shown), this);
  }

  private resize(): void {
    this.plot?.setSize({ width: this.clientWidth, height: HEIGHT_PX });
  }

  private options({ unit, lines }: GraphModel): uPlot.Options {
    const style = getComputedStyle(this);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--muted'),
      font: `11px ${style.fontFamily}`,
      grid: { stroke: colour('--grid'), width: 1 },
      ticks: { show: false },
    };
    return {
      width: Math.max(this.clientWidth, 50),
      height: HEIGHT_PX,
      padding: [8, 22, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'page' }, drag: { x: false, y: false }, points: { size: 5 } },
      scales: { x: { range: timeRange }, y: { range: valueRange } },
      axes: [
        { ...axis, size: 24, space: 70, values: (_, times) => times.map(timeLabel) },
        { ...axis, size: 50, space: 24, values: (_, values) => values.map((value) => formatIn(unit, value)) },
      ],
      series: [{}, ...lines.map((line) => seriesOf(line, colour))],
      hooks: { setCursor: [(plot) => this.tell(plot)] },
    };
  }

  /** What is under the cursor. */
  private tell(plot: uPlot): void {
    const index = plot.cursor.idx;
    const time = index == null ? undefined : this.shown?.times[index];
    if (index == null || time === undefined || this.shown === undefined) {
      this.readout.textContent = '';
      return;
    }
    const { lines, unit } = this.shown;
    const values = lines.map(({ name, values }) => {
      const value = values[index];
      return `${lines.length > 1 ? `${name} ` : ''}${value == null ? 'unknown' : formatPerSec(unit, value)}`;
    });
    this.readout.textContent = [formatTime(time * 1000), ...values].join('  ');
  }
}

const dataOf = ({ times, lines }: GraphModel): uPlot.AlignedData => [
  times as number[],
  ...lines.map(({ values }) => values as (number | null)[]),
];

const seriesOf = ({ slot }: Line, colour: (name: string) => string): uPlot.Series => ({
  stroke: colour(slot === null ? '--line-all' : `--line-${slot}`),
  width: slot === null ? 2 : 1.5,
  dash: slot === null ? [] : DASHES[slot]!,
  points: { show: false },
});

/** Begins with a minute and grows to ten. */
const timeRange = (_: uPlot, first: number, last: number): [number, number] => {
  const span = Math.min(Math.max(last - first, SHORTEST_SEC), LONGEST_SEC);
  return [last - span, last];
};

const valueRange = (_: uPlot, __: number, highest: number): [number, number] => [
  0,
  Math.max(1, highest * 1.1),
];

const timeLabel = (timeSec: number): string => formatTime(timeSec * 1000);

customElements.define('rate-graph', RateGraph);
