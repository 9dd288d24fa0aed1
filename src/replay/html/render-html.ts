/** A replay's report as one page that needs nothing else: no script, no file, no network. */
import { imbalanceOf } from '../imbalance.ts';
import {
  count,
  duesOf,
  durationText,
  imbalanceText,
  ownMacText,
  percent,
  runTitle,
  serverLines,
} from '../render-summary.ts';
import type { ReplayReport, RunReport, ServiceReport } from '../report.ts';
import { escapeHtml } from './escape.ts';
import { type LineChart, legend, MAX_SERIES, mostOf, renderLineChart, type Series } from './line-chart.ts';
import { STYLE } from './style.ts';

/** The busiest are drawn; all are in the tables. */
const MAX_DRAWN_SERVICES = 10;
/** Rows of the table beside a picture. */
const MAX_TIME_ROWS = 13;

export function renderHtml(report: ReplayReport): string {
  const { runs, warnings } = report;
  const order = runs[0]!.services
    .map(({ connections }, index) => ({ connections, index }))
    .sort((a, b) => b.connections - a.connections);
  const title = `Replay of ${report.capture}`;
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${escapeHtml(title)}</h1>`,
    facts(report),
    ...warnings.map((warning) => `<p class="note">Warning: ${escapeHtml(warning)}</p>`),
    ...order.map(({ index }, rank) =>
      serviceSection(
        runs,
        runs.map(({ services }) => services[index]!),
        index,
        rank < MAX_DRAWN_SERVICES,
      ),
    ),
    '<h2>What became of the frames</h2>',
    verdictTable(runs),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function facts(report: ReplayReport): string {
  const { frames, bytes, durationSec, startSec, rules } = report;
  const rows: [string, string][] = [
    ['Frames', `${count(frames)}, ${count(bytes)} bytes`],
    ['Time', `${durationText(durationSec)}${startText(startSec)}`],
    ['Rules', rules],
    ['Director', ownMacText(report)],
    ...serverLines(report).map((line): [string, string] => ['Real servers', line]),
  ];
  return `<dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl>`;
}

/** Files may have times that no calendar has. */
const startText = (startSec: number | null): string => {
  const start = new Date((startSec ?? Number.NaN) * 1000);
  return Number.isNaN(start.getTime()) ? '' : `, from ${start.toISOString().slice(0, 19)}Z`;
};

// One service -----------------------------------------------------------------------------------------------

/** `inRuns`: the service in each of `runs`. */
function serviceSection(
  runs: readonly RunReport[],
  inRuns: readonly ServiceReport[],
  index: number,
  isDrawn: boolean,
): string {
  const { service } = inRuns[0]!;
  const names = runs.map((run, at) => (run.scheduler === null ? inRuns[at]!.scheduler : runTitle(run)));
  const results = inRuns.map(
    (run, at) =>
      `<li><strong>${escapeHtml(names[at]!)}</strong>: ${count(run.connections)} connections, ${count(run.packets)} packets${imbalanceText(run.imbalance)}</li>`,
  );
  return [
    `<h2>${escapeHtml(service)}</h2>`,
    `<ul>${results.join('')}</ul>`,
    serverTable(inRuns, names),
    ...(isDrawn ? figures(inRuns, names, `f${index}`) : []),
  ].join('\n');
}

function serverTable(inRuns: readonly ServiceReport[], names: readonly string[]): string {
  const { servers } = inRuns[0]!;
  const dues = duesOf(servers);
  const head = ['Real server', 'Weight', 'Due', ...names.flatMap((name) => [name, 'Share'])];
  const rows = servers.map(({ server, weight }, index) => [
    server,
    String(weight),
    dues[index]!,
    ...inRuns.flatMap((run) => [
      count(run.servers[index]!.connections),
      percent(run.servers[index]!.connections, run.connections),
    ]),
  ]);
  return table('Connections by real server', head, rows);
}

function figures(inRuns: readonly ServiceReport[], names: readonly string[], id: string): string[] {
  const drawn = inRuns.filter(({ history, connections }) => history !== undefined && connections > 0);
  if (drawn.length === 0) return [];
  const timesMs = inRuns[0]!.history!.timesMs;
  const kept = inRuns[0]!.history!.counts === 'open' ? 'connections' : 'connections given so far';
  const imbalance = inRuns.map((run, at) => ({ name: names[at]!, values: imbalanceValues(run) }));
  const byServer = inRuns.map(serverSeries);
  const most = mostOf(byServer.flat());
  return [
    figure(
      {
        id: `${id}-imbalance`,
        title: `Imbalance of ${kept}: 0 is even`,
        description: 'Coefficient of variation of what each server has by its weight, over time.',
        timesMs,
        series: imbalance,
        most: mostOf(imbalance),
      },
      3,
    ),
    ...byServer.map((series, at) =>
      figure(
        {
          id: `${id}-${at}`,
          title: `${names[at]!}: ${kept} at each real server`,
          description: `What each real server had over time by ${names[at]!}.`,
          timesMs,
          series,
          most,
        },
        0,
      ),
    ),
  ];
}

function imbalanceValues({ history, servers }: ServiceReport): (number | undefined)[] {
  return history!.timesMs.map((_, moment) => {
    const loads = servers.map(({ weight }, index) => ({
      weight,
      connections: history!.servers[index]![moment]!,
    }));
    return imbalanceOf(loads)?.variation;
  });
}

/** A line for each server; of many, the most, the mean and the least. */
function serverSeries({ history, servers }: ServiceReport): Series[] {
  const all = history!.servers;
  if (servers.length <= MAX_SERIES)
    return servers.map(({ server, weight }, index) => ({
      name: `${server} (weight ${weight})`,
      values: all[index]!,
    }));
  const over = (of: (values: number[]) => number): number[] =>
    history!.timesMs.map((_, moment) => of(all.map((values) => values[moment]!)));
  return [
    { name: 'the one with the most', values: over((values) => values.reduce((a, b) => Math.max(a, b))) },
    {
      name: `mean of ${count(servers.length)} servers`,
      values: over((values) => values.reduce((a, b) => a + b) / values.length),
    },
    { name: 'the one with the least', values: over((values) => values.reduce((a, b) => Math.min(a, b))) },
  ];
}

// Pictures and tables ---------------------------------------------------------------------------------------

/** The picture, and its numbers as a table. */
function figure(chart: LineChart, digits: number): string {
  const { title, timesMs, series } = chart;
  const every = Math.max(1, Math.ceil(timesMs.length / MAX_TIME_ROWS));
  const rows = timesMs.flatMap((timeMs, moment) => {
    const isShown = (timesMs.length - 1 - moment) % every === 0;
    const cells = series.map(({ values }) => {
      const value = values[moment];
      return value === undefined
        ? '-'
        : value.toLocaleString('en', {
            maximumFractionDigits: Math.max(digits, Number.isInteger(value) ? 0 : 1),
          });
    });
    return isShown
      ? [[`${(timeMs / 1000).toLocaleString('en', { maximumFractionDigits: 3 })} s`, ...cells]]
      : [];
  });
  return [
    '<figure>',
    `<figcaption>${escapeHtml(title)}</figcaption>`,
    `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(title)}">${renderLineChart(chart)}</div>`,
    legend(chart.series),
    '<details><summary>The numbers as a table</summary>',
    table(title, ['Time', ...series.map(({ name }) => name)], rows),
    '</details>',
    '</figure>',
  ].join('\n');
}

function verdictTable(runs: readonly RunReport[]): string {
  const names = [...new Set(runs.flatMap(({ verdicts }) => Object.keys(verdicts)))];
  const rows = names.map((name) => [name, ...runs.map(({ verdicts }) => count(verdicts[name] ?? 0))]);
  const titles = runs.length === 1 ? ['Frames'] : runs.map(runTitle);
  return table('Frames by verdict; docs/PACKET-PATH.md has what each means', ['Verdict', ...titles], rows);
}

/** Wide ones scroll, also by keyboard. */
function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]) =>
    row
      .map((cell, index) =>
        index === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td>${escapeHtml(cell)}</td>`,
      )
      .join('');
  return [
    `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(caption)}"><table>`,
    `<caption>${escapeHtml(caption)}</caption>`,
    `<thead><tr>${head.map((word) => `<th scope="col">${escapeHtml(word)}</th>`).join('')}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n');
}
