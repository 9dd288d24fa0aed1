/** What is configured and will not work, in sentences: for the log and for `director status`. */
import type { NeighborLimits } from '../host/neighbor-limit.ts';
import type { Neighbor } from '../host/neighbors.ts';
import { VLAN_REMOVAL } from '../host/offloads.ts';
import {
  type Configuration,
  type ConfiguredService,
  endpointText,
  serviceKey,
} from '../service/configuration.ts';
import type { ServerOptions } from '../service/model.ts';

const ALL_BITS4 = 0xffffffff;
const ALL_BITS6 = 128;
const FORWARDING_WORDS = { tunnel: 'tunnelling (-i)', masquerade: 'masquerading (-m)' } as const;

const MERGING_HARM = 'merged frames that are not TCP cannot be sent on';
const OFFLOAD_HARM: Readonly<Record<string, string>> = {
  [VLAN_REMOVAL]: 'frames with a VLAN tag are sent on without it',
};

/** What the host has to do with it. */
export interface HostTrouble {
  readonly stuckOffloads: readonly string[];
  readonly limits: NeighborLimits;
}

const NO_TROUBLE: HostTrouble = { stuckOffloads: [], limits: { 4: undefined, 6: undefined } };

/** Without what is told of the host: only what the configuration does wrong. */
export function warningsOf(
  configuration: Configuration,
  neighbors: readonly Neighbor[],
  workers: number,
  { stuckOffloads, limits }: HostTrouble = NO_TROUBLE,
): string[] {
  const byAddress = new Map(neighbors.map((neighbor) => [neighbor.server, neighbor]));
  const services = [...configuration.services.values()];
  return [
    ...services.flatMap((service) => serviceWarnings(service, configuration)),
    ...services.flatMap((service) => serverWarnings(service, byAddress)),
    ...(workers === 1 ? [] : services.flatMap((service) => networkWarnings(service, workers))),
    ...crowdWarnings(neighbors, limits),
    ...configuration.syncDaemons.map(
      ({ role }) => `the ${role} sync daemon is listed only: no state is sent or taken`,
    ),
    ...stuckOffloads.map((name) => `the driver keeps ${name} on: ${OFFLOAD_HARM[name] ?? MERGING_HARM}`),
  ];
}

function serviceWarnings({ service, options }: ConfiguredService, { marks }: Configuration): string[] {
  const name = serviceKey(service);
  const unmarked = 'fwmark' in service && !marks.some(({ mark }) => mark === service.fwmark);
  return [
    ...(unmarked ? [`${name} matches no frame: no rule sets its mark; see director mark --help`] : []),
    ...(options.persistenceEngine === ''
      ? []
      : [
          `${name}: the persistence engine ${options.persistenceEngine} is listed only; clients are told apart by their address`,
        ]),
  ];
}

/** A network's clients are not all with one worker, and a template is. */
function networkWarnings({ service, options }: ConfiguredService, workers: number): string[] {
  const isIpv6 = 'fwmark' in service ? service.family === 6 : service.address.includes(':');
  const isOneClient = isIpv6 ? options.netmask >= ALL_BITS6 : options.netmask >>> 0 === ALL_BITS4;
  return options.persistentSec === 0 || isOneClient
    ? []
    : [
        `${serviceKey(service)}: clients of one network (-M) may go to as many servers as there are processes, ${workers}: each keeps its own clients together`,
      ];
}

function serverWarnings(
  { service, servers }: ConfiguredService,
  neighbors: ReadonlyMap<string, Neighbor>,
): string[] {
  return servers.flatMap(({ server, options }) => {
    const why = whyNoTraffic(options, neighbors.get(server.address));
    return why === undefined
      ? []
      : [`${endpointText(server)} of ${serviceKey(service)} receives no traffic: ${why}`];
  });
}

function whyNoTraffic({ forwarding }: ServerOptions, neighbor: Neighbor | undefined): string | undefined {
  if (forwarding !== 'direct-route')
    return `the director does direct routing, not ${FORWARDING_WORDS[forwarding]}`;
  return neighbor?.kind === 'unreachable' ? neighbor.state : undefined;
}

/** Beyond its limit the kernel forgets some neighbours for others, and those look as if they did not answer. */
function crowdWarnings(neighbors: readonly Neighbor[], limits: NeighborLimits): string[] {
  return ([4, 6] as const).flatMap((version) => {
    const limit = limits[version];
    const count = neighbors.filter(
      ({ kind, server }) => kind === 'neighbor' && server.includes(':') === (version === 6),
    ).length;
    if (limit === undefined || count <= limit) return [];
    const names = [1, 2, 3].map((n) => `net.ipv${version}.neigh.default.gc_thresh${n}=${2 * count}`);
    return [
      `${count} real servers are IPv${version} neighbours, and this kernel keeps at most ${limit}: some are taken for failed; run: sysctl -w ${names.join(' ')}`,
    ];
  });
}
