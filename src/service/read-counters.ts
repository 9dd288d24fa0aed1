/** What was counted of a service and its servers, as it travels. */
import { endpointText, serviceKey } from './configuration.ts';
import type { ServiceCounters } from './model.ts';
import type { VirtualService } from './virtual-service.ts';

/** By serviceKey(). */
export function countersOf(services: Iterable<VirtualService>): Record<string, ServiceCounters> {
  const counters: Record<string, ServiceCounters> = {};
  for (const service of services) counters[serviceKey(service.address)] = readServiceCounters(service);
  return counters;
}

function readServiceCounters({ listed, traffic }: VirtualService): ServiceCounters {
  const counters = listed.map((server) => {
    const { activeConnections, inactiveConnections, persistentConnections } = server;
    return [
      endpointText(server.address),
      {
        activeConnections,
        inactiveConnections,
        persistentConnections,
        traffic: server.traffic.read(),
        rates: server.traffic.readRates(),
      },
    ] as const;
  });
  return { traffic: traffic.read(), rates: traffic.readRates(), servers: Object.fromEntries(counters) };
}

/** Every two seconds: the averages of all rates move. */
export function estimateRates(services: Iterable<VirtualService>): void {
  for (const { traffic, listed } of services) {
    traffic.estimate();
    for (const server of listed) server.traffic.estimate();
  }
}

/** Counters of one service and its servers begin anew, or of all. */
export function zeroCounters(services: Iterable<VirtualService>): void {
  for (const { traffic, listed } of services) {
    traffic.zero();
    for (const server of listed) server.traffic.zero();
  }
}

/** The virtual addresses of services, and the addresses and networks that marks are for, each once. */
export function virtualAddressesOf(
  services: Iterable<VirtualService>,
  marks: readonly { readonly destination: string }[],
): string[] {
  const addresses = [...services].flatMap(({ address }) => ('address' in address ? [address.address] : []));
  return [...new Set([...addresses, ...marks.map(({ destination }) => destination)])].sort();
}
