/** The services of `director status`, with their servers: all of them, or as many as one can read. Pure. */
import pc from 'picocolors';
import { renderEndpoint } from '../../control/endpoint.ts';
import type { ServerOverview } from '../../control/protocol.ts';
import { lastOf, serviceName, stateOf } from './health.ts';
import type { WholeService } from './whole-status.ts';

/** Lines of services and servers. */
const MAX_ROWS = 60;

const HEAD = [
  'SERVICE',
  'STATE',
  'WEIGHT',
  'ACTIVE',
  'INACTIVE',
  'CONN/S',
  'PKTS/S',
  'BYTES/S',
  'LAST CHECK',
];

/** The rows of the table, without its head if there are none, and how many are not there. */
export function serviceRows(services: readonly WholeService[]): {
  readonly head: readonly string[];
  readonly rows: readonly string[][];
  readonly hint: string | undefined;
} {
  const total = services.reduce((sum, { servers }) => sum + 1 + servers.length, 0);
  const shown = total <= MAX_ROWS ? services : mostNotable(services);
  const rows = shown.flatMap((service) => [
    serviceRow(service),
    ...service.servers.map((server) => serverRow(server, service.check !== null)),
  ]);
  return { head: HEAD, rows, hint: hintOf(services, shown) };
}

/** Services with trouble first, and of their servers those that have it. */
function mostNotable(services: readonly WholeService[]): WholeService[] {
  const troubled = services.map((service) => ({ ...service, servers: service.servers.filter(isTroubled) }));
  troubled.sort((a, b) => Number(b.servers.length > 0) - Number(a.servers.length > 0));
  const shown: WholeService[] = [];
  let room = MAX_ROWS;
  for (const service of troubled) {
    if (room === 0) break;
    const servers = service.servers.slice(0, room - 1);
    shown.push({ ...service, servers });
    room -= 1 + servers.length;
  }
  return shown;
}

const isTroubled = ({ state, drained, weightInForce }: ServerOverview): boolean =>
  state === 'down' || drained || weightInForce === 0;

function hintOf(all: readonly WholeService[], shown: readonly WholeService[]): string | undefined {
  const servers = (of: readonly WholeService[]) =>
    of.reduce((sum, service) => sum + service.servers.length, 0);
  const [moreServices, moreServers] = [all.length - shown.length, servers(all) - servers(shown)];
  if (moreServices === 0 && moreServers === 0) return undefined;
  const parts = [
    ...(moreServices === 0 ? [] : [`${moreServices} services`]),
    ...(moreServers === 0 ? [] : [`${moreServers} servers`]),
  ];
  return `and ${parts.join(' and ')} more: director health shows all of them, diradm -Ln --rate their traffic`;
}

function serviceRow({ service, scheduler, check, down, drained, ...counted }: WholeService): string[] {
  const troubles = [
    ...(down === 0 ? [] : [pc.red(`${down} down`)]),
    ...(drained === 0 ? [] : [pc.yellow(`${drained} drained`)]),
  ];
  const state = [scheduler, ...troubles].join(', ');
  return [pc.bold(serviceName(service)), state, '', ...numbersOf(counted), check ?? 'not checked'];
}

function serverRow(server: ServerOverview, isChecked: boolean): string[] {
  const { weight, weightInForce } = server;
  return [
    `  ${renderEndpoint(server.server)}`,
    stateOf(server, isChecked),
    weight === weightInForce ? String(weight) : `${weightInForce} of ${weight}`,
    ...numbersOf(server),
    lastOf(server),
  ];
}

function numbersOf({
  activeConnections,
  inactiveConnections,
  rates,
}: Pick<ServerOverview, 'activeConnections' | 'inactiveConnections' | 'rates'>): string[] {
  const { connections, inPackets, inBytes } = rates;
  return [activeConnections, inactiveConnections, connections, inPackets, inBytes].map(String);
}
