/** One moment of the director for those who look on: what is configured, counted and checked, put together. Pure. */
import type {
  OverviewReply,
  ServerHealthListing,
  ServerListing,
  ServerOverview,
  ServiceHealthListing,
  ServiceListing,
  ServiceOverview,
} from '../control/protocol.ts';
import { endpointText, serviceKey } from '../service/configuration.ts';
import type { ServerOptions, TrafficRates } from '../service/model.ts';

/** How many of a service's servers are in which state; a sorry server is none of them. */
export interface ServerCounts {
  readonly servers: number;
  readonly down: number;
  readonly drained: number;
  /** Those that new connections may go to. */
  readonly available: number;
}

export function countServers(servers: readonly Pick<ServerListing, 'options'>[]): ServerCounts {
  const own = servers.filter(({ options }) => options.sorry !== true);
  return {
    servers: own.length,
    down: own.filter(({ options }) => options.failed === true).length,
    drained: own.filter(({ options }) => isQuiesced(options)).length,
    available: own.filter(({ options }) => options.failed !== true && !isQuiesced(options)).length,
  };
}

/** By a drain, or by its weight. A slow start leaves at least 1. */
export const isQuiesced = ({ weight, weightInForce }: ServerOptions): boolean =>
  (weightInForce ?? weight) === 0;

export function serviceOverview({
  service,
  options,
  counters,
  rates,
  servers,
}: ServiceListing): ServiceOverview {
  const { servers: count, down, drained } = countServers(servers);
  return {
    key: serviceKey(service),
    service,
    scheduler: options.scheduler,
    servers: count,
    down,
    drained,
    ...loadOf(servers),
    counters,
    rates,
  };
}

export function loadOf(
  servers: readonly ServerListing[],
): Pick<ServiceOverview, 'activeConnections' | 'inactiveConnections'> {
  let activeConnections = 0;
  let inactiveConnections = 0;
  for (const server of servers) {
    activeConnections += server.activeConnections;
    inactiveConnections += server.inactiveConnections;
  }
  return { activeConnections, inactiveConnections };
}

/** The servers of one service: how they do, and what they have. */
export function serverOverviews(listing: ServiceListing, health: ServiceHealthListing): ServerOverview[] {
  const byEndpoint = new Map(health.servers.map((server) => [endpointText(server.server), server]));
  return listing.servers.flatMap((server) => {
    const found = byEndpoint.get(endpointText(server.server));
    return found === undefined ? [] : [serverOverview(server, found)];
  });
}

function serverOverview(listing: ServerListing, health: ServerHealthListing): ServerOverview {
  const { server, activeConnections, inactiveConnections, persistentConnections, counters, rates } = listing;
  const { state, drained, weight, weightInForce, cause, sinceSec, last } = health;
  return {
    server,
    ...{ activeConnections, inactiveConnections, persistentConnections, counters, rates },
    ...{ state, drained, weight, weightInForce, cause, sinceSec, last },
  };
}

export function sumOfRates(services: readonly Pick<ServiceOverview, 'rates'>[]): OverviewReply['rates'] {
  const sum = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };
  for (const { rates } of services)
    for (const name of Object.keys(sum) as (keyof TrafficRates)[]) sum[name] += rates[name];
  return sum;
}
