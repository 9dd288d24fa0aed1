/** What is configured and what the datapath counted, put together as the control socket tells it. */
import type { Configuration, ConfiguredServer, ConfiguredService } from '../service/configuration.ts';
import { endpointText } from '../service/configuration.ts';
import type { ServerCounters, ServiceCounters } from '../service/model.ts';
import { NO_TRAFFIC } from '../service/traffic.ts';
import type { ServerListing, ServiceListing } from './protocol.ts';

const NOT_COUNTED: ServerCounters = {
  activeConnections: 0,
  inactiveConnections: 0,
  persistentConnections: 0,
  traffic: NO_TRAFFIC,
  rates: NO_TRAFFIC,
};

/** `counters` by serviceKey(); a service that the datapath has not counted yet has zeroes. */
export function listServices(
  configuration: Configuration,
  counters: Readonly<Record<string, ServiceCounters>>,
): ServiceListing[] {
  return [...configuration.services].map(([key, service]) => listService(service, counters[key]));
}

export function listService(
  { service, options, servers }: ConfiguredService,
  counted: ServiceCounters | undefined,
): ServiceListing {
  return {
    service,
    options,
    counters: counted?.traffic ?? NO_TRAFFIC,
    rates: counted?.rates ?? NO_TRAFFIC,
    servers: servers.map((server) => listServer(server, counted)),
  };
}

function listServer(
  { server, options }: ConfiguredServer,
  counted: ServiceCounters | undefined,
): ServerListing {
  const { traffic, rates, ...connections } = counted?.servers[endpointText(server)] ?? NOT_COUNTED;
  return { server, options, ...connections, counters: traffic, rates };
}
