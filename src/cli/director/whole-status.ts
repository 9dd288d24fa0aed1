/** All that there is to `director status`, from several calls put together: what `--json` prints. */
import type { DirectorClient } from '../../control/client.ts';
import type {
  HealthReply,
  OverviewReply,
  ServerHealthListing,
  ServerListing,
  ServerOverview,
  ServiceSummary,
  ServicesReply,
  StatusReply,
} from '../../control/protocol.ts';
import type { ServerAddress } from '../../service/model.ts';

export interface WholeStatus extends StatusReply {
  /** Of all services together. */
  readonly rates: OverviewReply['rates'];
  /** `verdicts` with the last minute. */
  readonly frames: OverviewReply['verdicts'];
  readonly drops: OverviewReply['drops'];
  readonly services: readonly ServiceSummary[];
}

/** The daemon works on the next answer while the one before is read. */
export async function readWholeStatus(client: DirectorClient): Promise<WholeStatus> {
  const [services, overview, health, status] = await Promise.all([
    client.listServices(),
    client.readOverview(),
    client.readHealth(),
    client.readStatus(),
  ]);
  return wholeStatus(status, overview, services, health);
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
  const services = overview.services.flatMap((service): ServiceSummary[] => {
    const name = JSON.stringify(service.service);
    const [listing, checked] = [listingOf.get(name), healthOf.get(name)];
    if (listing === undefined || checked === undefined) return [];
    const servers = wholeServers(listing.servers, checked.servers);
    return [{ ...service, check: checked.check, servers }];
  });
  const { rates, verdicts: frames, drops } = overview;
  return { ...status, rates, frames, drops, services };
}

function wholeServers(
  listed: readonly ServerListing[],
  checked: readonly ServerHealthListing[],
): ServerOverview[] {
  // Nearly always in the same order.
  const isSame = (index: number, { address, port }: ServerAddress) =>
    checked[index]?.server.address === address && checked[index].server.port === port;
  return listed.flatMap((listing, index): ServerOverview[] => {
    const at = isSame(index, listing.server)
      ? index
      : checked.findIndex((_, other) => isSame(other, listing.server));
    return at < 0 ? [] : [wholeServer(listing, checked[at]!)];
  });
}

/** Name by name: for thousands, spreading and leaving out would take the most time of all. */
const wholeServer = (listing: ServerListing, health: ServerHealthListing): ServerOverview => ({
  server: listing.server,
  activeConnections: listing.activeConnections,
  inactiveConnections: listing.inactiveConnections,
  persistentConnections: listing.persistentConnections,
  counters: listing.counters,
  rates: listing.rates,
  state: health.state,
  drained: health.drained,
  weight: health.weight,
  weightInForce: health.weightInForce,
  cause: health.cause,
  sinceSec: health.sinceSec,
  last: health.last,
});
