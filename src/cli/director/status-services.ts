/** The services of `director status`, with their servers. Pure. */
import pc from 'picocolors';
import { renderEndpoint } from '../../control/endpoint.ts';
import type { ServerOverview, ServiceSummary, SummaryReply } from '../../control/protocol.ts';
import { lastOf, serviceName, stateOf } from './health.ts';

export const SERVICE_HEAD = [
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

export const serviceRows = (services: readonly ServiceSummary[]): string[][] =>
  services.flatMap((service) => [
    serviceRow(service),
    ...service.servers.map((server) => serverRow(server, service.check !== null)),
  ]);

/** Of those that are not there. */
export function moreServices({ services, servers }: SummaryReply['more']): string | undefined {
  const parts = [
    ...(services === 0 ? [] : [`${services} services`]),
    ...(servers === 0 ? [] : [`${servers} servers`]),
  ];
  return parts.length === 0
    ? undefined
    : `and ${parts.join(' and ')} more: director health shows all of them, diradm -Ln --rate their traffic`;
}

function serviceRow({ service, scheduler, check, down, drained, ...counted }: ServiceSummary): string[] {
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
