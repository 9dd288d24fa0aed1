/** The row with the cursor, in full: what had no room in the table. */

import { renderEndpoint } from '../../../control/endpoint.ts';
import type { ServerOverview, ServiceOverview } from '../../../control/protocol.ts';
import { type Line, piece } from './line.ts';
import { since } from './numbers.ts';
import { selectedIn, tableOf } from './rows.ts';
import type { State } from './state.ts';

export function detailLine(state: State): Line {
  const selected = selectedIn(state, tableOf(state));
  if (selected === undefined || state.view === 'frames') return [];
  const text =
    state.view === 'services'
      ? serviceDetail(selected as ServiceOverview)
      : serverDetail(selected as ServerOverview);
  return [piece(text, 'dim')];
}

function serviceDetail({ key, scheduler, servers, down, drained }: ServiceOverview): string {
  return `${key}  ${scheduler}, ${servers} servers, ${down} down, ${drained} drained`;
}

function serverDetail({
  server,
  state,
  drained,
  weight,
  weightInForce,
  cause,
  sinceSec,
  last,
}: ServerOverview): string {
  const parts = [
    `${state}${sinceSec === null ? '' : ` for ${since(sinceSec)}`}${state === 'down' && cause !== '' ? `: ${cause}` : ''}`,
    ...(drained ? ['drained'] : []),
    weight === weightInForce ? `weight ${weight}` : `weight ${weightInForce} of ${weight}`,
    ...(last === null || state === 'down'
      ? []
      : [`checked ${since(last.agoSec)} ago: ${last.ok ? `${last.durationMs} ms` : last.cause}`]),
  ];
  return `${renderEndpoint(server)}  ${parts.join(', ')}`;
}
