/** How the daemon, its host and its services do, as the control socket tells it. */
import { listService } from '../control/listing.ts';
import type { NeighborListing, ServiceSummary, StatusReply } from '../control/protocol.ts';
import type { Neighbor } from '../host/neighbors.ts';
import { serverOverviews, serviceOverview } from '../observe/overview.ts';
import type { PickedService } from '../observe/summary.ts';
import { serviceKey } from '../service/configuration.ts';
import { version } from '../version.ts';
import type { CountersReport } from '../worker/messages.ts';
import type { Datapath } from './datapath.ts';
import { listServiceHealth } from './health-listing.ts';
import type { HostInterface } from './host-interface.ts';
import type { ServerHealth } from './server-health.ts';
import type { ServerWatch } from './server-watch.ts';

/** What does not grow with the configuration. `counters` undefined: the datapath has not answered yet. */
export function listState(
  { host, datapath }: { readonly host: HostInterface; readonly datapath: Datapath },
  counters: CountersReport | undefined,
  uptimeSec: number,
): Omit<StatusReply, 'verdicts' | 'neighbors' | 'warnings'> {
  const { mac, mtu } = host.facts;
  return {
    version: version(),
    pid: process.pid,
    uptimeSec,
    interface: {
      name: host.name,
      up: host.state?.up ?? false,
      mac,
      mtu,
      offloads: { off: host.offloadsOff, stuck: host.stuckOffloads },
    },
    datapath: datapath.describe(),
    connections: counters?.connections ?? { live: 0, capacity: datapath.tableSize },
    madeRoom: counters?.madeRoom ?? {},
    connectionTableBytes: datapath.tableBytes,
  };
}

export const listNeighbor = (neighbor: Neighbor, watch: ServerWatch): NeighborListing => ({
  ...neighbor,
  interface: neighbor.interface?.name ?? null,
  confirmedAgoSec: watch.confirmedAgoSec(neighbor.server),
});

export function summarizeService(
  { of, servers }: PickedService,
  counters: CountersReport | undefined,
  health: ServerHealth,
): ServiceSummary {
  const listing = listService(of, counters?.services[serviceKey(of.service)]);
  const checked = listServiceHealth({ ...of, servers }, health);
  return { ...serviceOverview(listing), check: checked.check, servers: serverOverviews(listing, checked) };
}
