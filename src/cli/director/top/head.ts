/** The lines above the table: the director itself, the sum of its traffic, what is wrong. */
import type { OverviewReply } from '../../../control/protocol.ts';
import { type Line, piece } from './line.ts';
import { clock, grouped, short, since } from './numbers.ts';
import type { State } from './state.ts';

const DROPS_SHOWN = 3;

export const headLines = ({ overview, ...state }: State): readonly Line[] => [
  who(overview),
  traffic(overview),
  state.failure === null ? drops(overview) : silence({ overview, ...state }),
  ...(overview.warnings.length === 0 ? [] : [warning(overview.warnings)]),
];

function who({ interface: { name, up }, datapath, uptimeSec }: OverviewReply): Line {
  const mode = datapath.mode === null ? '' : ` (${datapath.mode})`;
  const restarts = datapath.restarts === 0 ? '' : `, restarted ${datapath.restarts} times`;
  return [
    piece('director', 'bold'),
    piece(`  ${name} `),
    piece(up ? 'up' : 'down', up ? 'good' : 'bad'),
    piece(`  ${datapath.name}${mode} `),
    piece(`${datapath.state}${restarts}`, datapath.state === 'running' ? 'good' : 'bad'),
    piece(`  for ${since(uptimeSec)}`),
  ];
}

function traffic({ connections, rates }: OverviewReply): Line {
  const isNearlyFull = connections.live > connections.capacity * 0.9;
  return [
    piece(
      `${short(rates.connections)} conn/s  ${short(rates.inPackets)} pkt/s  ${short(rates.inBytes)} byte/s  `,
    ),
    piece(
      `${grouped(connections.live)} of ${grouped(connections.capacity)} connections${isNearlyFull ? ': nearly full' : ''}`,
      isNearlyFull ? 'warning' : 'plain',
    ),
  ];
}

function drops({ drops: all, verdicts }: OverviewReply): Line {
  const reasons = verdicts
    .filter(({ verdict, lastMinute }) => verdict.startsWith('Drop') && lastMinute > 0)
    .sort((left, right) => right.lastMinute - left.lastMinute)
    .slice(0, DROPS_SHOWN)
    .map(({ verdict, lastMinute }) => `${verdict} ${short(lastMinute)}`);
  const text = `${short(all.perSec)} drops/s, ${short(all.lastMinute)} in a minute`;
  return [piece([text, ...reasons].join('  '), all.perSec > 0 ? 'bad' : 'plain')];
}

const warning = (warnings: readonly string[]): Line => [
  piece(`warning${warnings.length > 1 ? ` (1 of ${warnings.length})` : ''}: ${warnings[0]}`, 'warning'),
];

const silence = ({ answeredMs, nowMs, failure }: State): Line => [
  piece(`no answer since ${clock(answeredMs)}, ${since((nowMs - answeredMs) / 1000)} ago: ${failure}`, 'bad'),
];
