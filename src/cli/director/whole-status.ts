/** All that `director status` shows, from several calls put together: what `--json` prints. */
import type { DirectorClient } from '../../control/client.ts';
import { renderEndpoint } from '../../control/endpoint.ts';
import type {
  HealthReply,
  OverviewReply,
  ServerOverview,
  ServiceOverview,
  ServicesReply,
  StatusReply,
} from '../../control/protocol.ts';

export interface WholeStatus extends StatusReply {
  /** Of all services together. */
  readonly rates: OverviewReply['rates'];
  /** `verdicts` with the last minute. */
  readonly frames: OverviewReply['verdicts'];
  readonly drops: OverviewReply['drops'];
  readonly services: readonly WholeService[];
}

export interface WholeService extends Omit<ServiceOverview, 'servers'> {
  /** What is asked of its servers, in words; null: nobody checks. */
  readonly check: string | null;
  readonly servers: readonly ServerOverview[];
}

export async function readWholeStatus(client: DirectorClient): Promise<WholeStatus> {
  const services = await client.listServices();
  const overview = await client.readOverview();
  const health = await client.readHealth();
  return wholeStatus(await client.readStatus(), overview, services, health);
}

/** What came or went between the calls is left out. */
export function wholeStatus(
  status: StatusReply,
  overview: OverviewReply,
  listed: ServicesReply,
  health: HealthReply,
): WholeStatus {
  const healthOf = new Map(health.services.map((each) => [JSON.stringify(each.service), each]));
  const listingOf = new Map(listed.services.map((each) => [JSON.stringify(each.service), each]));
  const services = overview.services.flatMap((service): WholeService[] => {
    const name = JSON.stringify(service.service);
    const [listing, checked] = [listingOf.get(name), healthOf.get(name)];
    if (listing === undefined || checked === undefined) return [];
    const byEndpoint = new Map(checked.servers.map((server) => [renderEndpoint(server.server), server]));
    const servers = listing.servers.flatMap(({ options: _, ...counted }): ServerOverview[] => {
      const found = byEndpoint.get(renderEndpoint(counted.server));
      if (found === undefined) return [];
      const { missed: __, ...known } = found;
      return [{ ...counted, ...known }];
    });
    return [{ ...service, check: checked.check, servers }];
  });
  const { rates, verdicts: frames, drops } = overview;
  return { ...status, rates, frames, drops, services };
}
