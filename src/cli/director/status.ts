/** `director status`: what the daemon says of itself, for people or as JSON. */
import pc from 'picocolors';
import type { NeighborListing, StatusReply } from '../../control/protocol.ts';
import { plainTable } from './table.ts';

const ROOM_MAKERS: Readonly<Record<string, string>> = {
  halfOpen: 'half-open',
  udp: 'UDP of one packet',
  template: 'template, not assured',
};

/** Pure but for colours, which picocolors leaves out where there is no terminal or NO_COLOR is set. */
export function renderStatus(reply: StatusReply): string {
  const { datapath, connections } = reply;
  const isRunning = datapath.state === 'running';
  const mebibytes = Math.ceil(reply.connectionTableBytes / 2 ** 20);
  const taken = datapath.name === 'xdp' ? '' : ' when full';
  const rows = [
    ['director', `${reply.version}, pid ${reply.pid}, up ${duration(reply.uptimeSec)}`],
    [
      'interface',
      `${reply.interface.name} ${reply.interface.up ? 'up' : pc.red('down')}, ${reply.interface.mac}, MTU ${reply.interface.mtu}`,
    ],
    [
      'datapath',
      `${datapathName(datapath)}, ${isRunning ? pc.green(datapath.state) : pc.red(datapath.state)}, pid ${datapath.pid ?? '-'}, restarted ${datapath.restarts} times`,
    ],
    ...datapath.notes.map((note) => ['', note]),
    ['connections', `${connections.live} of at most ${connections.capacity} (${mebibytes} MiB${taken})`],
  ];
  return [
    plainTable(rows),
    ...section(['REAL SERVER', 'MAC', 'STATE'], reply.neighbors.map(neighborRow)),
    ...section(
      ['VERDICT', 'FRAMES'],
      Object.entries(reply.verdicts).map(([name, frames]) => [name, String(frames)]),
    ),
    ...section(
      ['MADE ROOM', 'CONNECTIONS'],
      Object.entries(reply.madeRoom).map(([kind, count]) => [ROOM_MAKERS[kind] ?? kind, String(count)]),
    ),
    ...reply.warnings.map((warning) => pc.yellow(`warning: ${warning}`)),
  ].join('\n');
}

const datapathName = ({ name, mode }: StatusReply['datapath']): string =>
  mode === null ? name : `${name} (${mode})`;

function neighborRow({ server, kind, mac, state, interface: by }: NeighborListing): string[] {
  if (kind === 'local') return [server, '-', 'this host'];
  if (kind === 'unreachable') return [server, '-', pc.red(state)];
  return [server, mac ?? pc.red('unresolved'), by === null ? state : `${state} by ${by}`];
}

function section(head: readonly string[], rows: readonly string[][]): string[] {
  return rows.length === 0 ? [] : ['', plainTable([head.map((word) => pc.bold(word)), ...rows])];
}

function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${clock}` : clock;
}
