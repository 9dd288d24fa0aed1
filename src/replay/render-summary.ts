/** A replay's report as text. */
import pc from 'picocolors';
import { plainTable } from '../cli/director/table.ts';
import type { Imbalance } from './imbalance.ts';
import type { ReplayReport, RunReport, ServiceReport } from './report.ts';

/** Above, a list of servers without a MAC address of their own is only counted. */
const MAX_LISTED = 8;

export function renderSummary(report: ReplayReport): string {
  const { capture, rules, frames, bytes, durationSec, runs } = report;
  const said = [
    ['capture', `${capture}: ${count(frames)} frames, ${count(bytes)} bytes in ${durationText(durationSec)}`],
    ['rules', rules],
    ['director', ownMacText(report)],
    ...serverLines(report).map((line, index) => [index === 0 ? 'real servers' : '', line]),
  ];
  return [
    plainTable(said),
    ...runs[0]!.services.flatMap((_, index) => serviceLines(runs.map(({ services }) => services[index]!))),
    '',
    plainTable(verdictRows(runs)),
    ...report.warnings.map((warning) => pc.yellow(`warning: ${warning}`)),
  ].join('\n');
}

export function ownMacText({ ownMac }: ReplayReport): string {
  if (ownMac === null) return 'not known';
  if (ownMac.frames === null) return `${ownMac.mac}, as given`;
  return `${ownMac.mac}, which frames for virtual addresses are addressed to (--as names another)`;
}

/** Who has which MAC address. */
export function serverLines({ servers }: ReplayReport): string[] {
  const placeholders = servers.filter(({ isPlaceholder }) => isPlaceholder);
  const given = servers.filter(({ mac, isPlaceholder }) => mac !== null && !isPlaceholder);
  const local = servers.filter(({ mac }) => mac === null);
  const named = (list: typeof servers, name: (server: (typeof servers)[number]) => string): string =>
    list.length <= MAX_LISTED ? list.map(name).join(', ') : `${count(list.length)} of them`;
  return [
    ...(given.length > 0 ? [`as given: ${named(given, ({ address, mac }) => `${address} ${mac}`)}`] : []),
    ...(placeholders.length > 0
      ? [
          `with placeholders for MAC addresses (--server-mac gives theirs): ${named(placeholders, ({ address, mac }) => `${address} ${mac}`)}`,
        ]
      : []),
    ...(local.length > 0 ? [`this host itself: ${named(local, ({ address }) => address)}`] : []),
  ];
}

/** Of one service, in every run. */
function serviceLines(inRuns: readonly ServiceReport[]): string[] {
  const [first] = inRuns;
  const { service, scheduler, connections, packets, bytes, imbalance } = first!;
  if (inRuns.length > 1)
    return ['', pc.bold(service), plainTable(runRows(inRuns)), '', plainTable(comparedRows(inRuns))];
  const totals = `${count(connections)} connections, ${count(packets)} packets, ${count(bytes)} bytes`;
  return [
    '',
    `${pc.bold(`${service}  ${scheduler}`)}  ${totals}${imbalanceText(imbalance)}`,
    plainTable(ownRows(first!)),
  ];
}

const runRows = (inRuns: readonly ServiceReport[]): string[][] => [
  heading('SCHEDULER', 'CONNECTIONS', 'PACKETS', 'IMBALANCE', 'BUSIEST'),
  ...inRuns.map(({ scheduler, connections, packets, imbalance }) => [
    scheduler,
    count(connections),
    count(packets),
    imbalance === null ? '-' : imbalance.variation.toFixed(3),
    imbalance === null ? '-' : `${imbalance.busiest.toFixed(2)} times its due`,
  ]),
];

export const imbalanceText = (imbalance: Imbalance | null): string =>
  imbalance === null
    ? ''
    : `; imbalance ${imbalance.variation.toFixed(3)}, the busiest ${imbalance.busiest.toFixed(2)} times its due`;

function ownRows({ servers, connections }: ServiceReport): string[][] {
  const dues = duesOf(servers);
  return [
    heading('REAL SERVER', 'WEIGHT', 'CONNECTIONS', 'SHARE', 'DUE', 'PACKETS', 'BYTES'),
    ...servers.map((server, index) => [
      server.server,
      String(server.weight),
      count(server.connections),
      percent(server.connections, connections),
      dues[index]!,
      count(server.packets),
      count(server.bytes),
    ]),
  ];
}

function comparedRows(inRuns: readonly ServiceReport[]): string[][] {
  const { servers } = inRuns[0]!;
  const dues = duesOf(servers);
  return [
    heading(
      'REAL SERVER',
      'WEIGHT',
      'DUE',
      ...inRuns.flatMap(({ scheduler }) => [scheduler.toUpperCase(), 'SHARE']),
    ),
    ...servers.map(({ server, weight }, index) => [
      server,
      String(weight),
      dues[index]!,
      ...inRuns.flatMap((run) => [
        count(run.servers[index]!.connections),
        percent(run.servers[index]!.connections, run.connections),
      ]),
    ]),
  ];
}

/** What each server's weight asks for. */
export function duesOf(servers: ServiceReport['servers']): string[] {
  const sum = servers.reduce((total, { weight }) => total + weight, 0);
  return servers.map(({ weight }) => percent(weight, sum));
}

function verdictRows(runs: readonly RunReport[]): string[][] {
  const names = [...new Set(runs.flatMap(({ verdicts }) => Object.keys(verdicts)))];
  const titles = runs.length === 1 ? ['FRAMES'] : runs.map(runTitle);
  return [
    heading('VERDICT', ...titles.map((title) => title.toUpperCase())),
    ...names.map((name) => [name, ...runs.map(({ verdicts }) => count(verdicts[name] ?? 0))]),
  ];
}

export const runTitle = ({ scheduler }: RunReport): string => scheduler ?? 'as configured';

const heading = (...words: string[]): string[] => words.map((word) => pc.bold(word));

export const count = (value: number): string => value.toLocaleString('en');

export const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;

export function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(3)} s`;
  const days = Math.floor(seconds / 86_400);
  const clock = new Date(Math.floor(seconds % 86_400) * 1000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${clock}` : clock;
}
