/** What a scrape is made of, and the same in rows, of services and of servers if there are not too many. Pure. */
import type {
  HealthReply,
  ServerHealthListing,
  ServerListing,
  ServiceListing,
  StatusReply,
} from '../control/protocol.ts';
import { endpointText, serviceKey } from '../service/configuration.ts';
import { countServers, loadOf, type ServerCounts } from './overview.ts';
import { labelText } from './text-format.ts';

export interface Scrape {
  readonly status: StatusReply;
  readonly services: readonly ServiceListing[];
  readonly health: HealthReply;
  /** Of the file that is read again; undefined: there is none. */
  readonly reload: Reload | undefined;
  /** So many servers have series of their own; if there are more, none has. */
  readonly maxServers: number;
}

export interface Reload {
  readonly isSuccess: boolean;
  /** Date.now() of the last one that succeeded. */
  readonly succeededMs: number;
}

/** A scrape as the rows take it. */
export interface Prepared extends Scrape {
  readonly serviceRows: readonly ServiceRow[];
  readonly serverRows: readonly ServerRow[];
  readonly isAggregated: boolean;
}

export interface ServiceRow {
  /** labelText() */
  readonly labels: string;
  readonly listing: ServiceListing;
  readonly counts: ServerCounts;
  readonly load: ReturnType<typeof loadOf>;
  readonly missed: number;
}

export interface ServerRow {
  readonly labels: string;
  readonly listing: ServerListing;
  readonly health: ServerHealthListing | undefined;
}

export function prepare(scrape: Scrape): Prepared {
  const { services, health, maxServers } = scrape;
  const healthOf = new Map(health.services.map((each) => [serviceKey(each.service), each.servers]));
  const serverCount = services.reduce((sum, { servers }) => sum + servers.length, 0);
  const isAggregated = serverCount > maxServers;
  const serviceRows = services.map((listing) => {
    const service = serviceKey(listing.service);
    const missed = (healthOf.get(service) ?? []).reduce((sum, server) => sum + server.missed, 0);
    return {
      labels: labelText({ service }),
      listing,
      counts: countServers(listing.servers),
      load: loadOf(listing.servers),
      missed,
    };
  });
  const serverRows = isAggregated
    ? []
    : services.flatMap((service) => serverRowsOf(service, healthOf.get(serviceKey(service.service)) ?? []));
  return { ...scrape, serviceRows, serverRows, isAggregated };
}

function serverRowsOf(service: ServiceListing, health: readonly ServerHealthListing[]): ServerRow[] {
  const key = serviceKey(service.service);
  const byEndpoint = new Map(health.map((server) => [endpointText(server.server), server]));
  return service.servers.map((listing) => {
    const server = endpointText(listing.server);
    return { labels: labelText({ service: key, server }), listing, health: byEndpoint.get(server) };
  });
}
