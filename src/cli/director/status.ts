/** `director status`: what the daemon says of itself, for people or as JSON. */
import type { Command } from 'commander';
import pc from 'picocolors';
import type {
  NeighborListing,
  StatusReply,
  SummaryReply,
  VerdictOverview,
  WorkerListing,
} from '../../control/protocol.ts';
import { asking } from './asking.ts';
import { moreServices, SERVICE_HEAD, serviceRows } from './status-services.ts';
import { plainTable } from './table.ts';
import { readWholeStatus } from './whole-status.ts';

const ROOM_MAKERS: Readonly<Record<string, string>> = {
  halfOpen: 'half-open',
  udp: 'UDP of one packet',
  template: 'template, not assured',
};

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show datapath, interface, services and servers, neighbours, frames by verdict, warnings')
    .option('--json', 'all of it, for programs')
    .action(({ json = false }: { json?: boolean }, command: Command) =>
      asking(command, async (client) => {
        const text = json
          ? JSON.stringify(await readWholeStatus(client), null, 2)
          : renderStatus(await client.readSummary());
        console.log(text);
      }),
    );
}

/** Pure but for colours, which picocolors leaves out where there is no terminal or NO_COLOR is set. */
export function renderStatus(status: SummaryReply): string {
  const { more } = status;
  return [
    plainTable(headRows(status)),
    ...section(SERVICE_HEAD, serviceRows(status.services)),
    ...hint(moreServices(more)),
    ...section(['REAL SERVER', 'MAC', 'STATE', 'CONFIRMED'], status.neighbors.map(neighborRow)),
    ...hint(moreThan(more.neighbors, 'addresses')),
    ...section(['VERDICT', 'FRAMES', 'LAST MINUTE', 'PER SECOND'], status.frames.map(verdictRow)),
    ...section(
      ['MADE ROOM', 'CONNECTIONS'],
      Object.entries(status.madeRoom).map(([kind, count]) => [ROOM_MAKERS[kind] ?? kind, String(count)]),
    ),
    ...status.warnings.map((warning) => pc.yellow(`warning: ${warning}`)),
    ...hint(moreThan(more.warnings, 'warnings')),
  ].join('\n');
}

function headRows(status: SummaryReply): string[][] {
  const { datapath, connections, rates, drops } = status;
  const { name, up, mac, mtu, offloads } = status.interface;
  const mebibytes = Math.ceil(status.connectionTableBytes / 2 ** 20);
  const taken = datapath.name === 'xdp' ? '' : ' when full';
  return [
    ['director', `${status.version}, pid ${status.pid}, up ${duration(status.uptimeSec)}`],
    ['interface', `${name} ${up ? 'up' : pc.red('down')}, ${mac}, MTU ${mtu}`],
    ...(offloads.off.length === 0 ? [] : [['', `off while it runs: ${offloads.off.join(', ')}`]]),
    ...(offloads.stuck.length === 0
      ? []
      : [['', pc.yellow(`cannot be switched off: ${offloads.stuck.join(', ')}`)]]),
    [
      'datapath',
      `${datapathName(datapath)}, ${stateWord(datapath.state)}, ${processesOf(datapath)}, restarted ${datapath.restarts} times`,
    ],
    ...workerRows(datapath.workers),
    ...datapath.notes.map((note) => ['', note]),
    ['connections', `${connections.live} of at most ${connections.capacity} (${mebibytes} MiB${taken})`],
    [
      'traffic',
      `${rates.connections} connections, ${rates.inPackets} packets, ${rates.inBytes} bytes a second`,
    ],
    [
      'drops',
      `${drops.frames} frames, ${red(drops.lastMinute)} in the last minute, ${red(drops.perSec)} a second`,
    ],
  ];
}

const stateWord = (state: string): string => (state === 'running' ? pc.green(state) : pc.red(state));

const processesOf = ({ pid, workers }: StatusReply['datapath']): string =>
  workers.length > 1 ? `${workers.length} processes` : `pid ${pid ?? '-'}`;

/** One process is on the line before. */
const workerRows = (workers: readonly WorkerListing[]): string[][] =>
  workers.length <= 1
    ? []
    : workers.map(({ pid, state, restarts }, index) => [
        '',
        `process ${index + 1}: ${stateWord(state)}, pid ${pid ?? '-'}, restarted ${restarts} times`,
      ]);

const red = (count: number): string => (count === 0 ? '0' : pc.red(String(count)));

const datapathName = ({ name, mode }: StatusReply['datapath']): string =>
  mode === null ? name : `${name} (${mode})`;

function neighborRow({
  server,
  kind,
  mac,
  state,
  interface: by,
  confirmedAgoSec,
}: NeighborListing): string[] {
  if (kind === 'local') return [server, '-', 'this host', ''];
  if (kind === 'unreachable') return [server, '-', pc.red(state), ''];
  const confirmed =
    confirmedAgoSec === null
      ? ''
      : `${confirmedAgoSec < 120 ? `${confirmedAgoSec} s` : duration(confirmedAgoSec)} ago`;
  return [server, mac ?? pc.red('unresolved'), by === null ? state : `${state} by ${by}`, confirmed];
}

function verdictRow({ verdict, frames, lastMinute, perSec }: VerdictOverview): string[] {
  const isDropping = verdict.startsWith('Drop') && lastMinute > 0;
  const minute = isDropping ? pc.red(String(lastMinute)) : String(lastMinute);
  return [verdict, String(frames), minute, String(perSec)];
}

const section = (head: readonly string[], rows: readonly string[][]): string[] =>
  rows.length === 0 ? [] : ['', plainTable([head.map((word) => pc.bold(word)), ...rows])];

const hint = (text: string | undefined): string[] => (text === undefined ? [] : [pc.dim(`… ${text}`)]);

const moreThan = (more: number, what: string): string | undefined =>
  more === 0 ? undefined : `and ${more} ${what} more: director status --json shows all of them`;

function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${clock}` : clock;
}
