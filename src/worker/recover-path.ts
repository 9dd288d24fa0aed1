/**
 * What a process that takes over makes of the memory of the one before, whether that has handed it over or was
 * killed: servers by their numbers, connections, loads, counters. Three steps, since the first may be taken while the
 * process before still forwards.
 */
import { ConnectionFlag } from '../connection/connection-table.ts';
import type { Path } from '../datapath/path.ts';
import type { ServerOptions } from '../service/model.ts';
import type { RealServer } from '../service/real-server.ts';
import { Traffic } from '../service/traffic.ts';
import type { ServerRecords } from './server-records.ts';

/** Of a server until the configuration lists it. One that is not listed takes no frames. */
const UNLISTED: ServerOptions = {
  forwarding: 'direct-route',
  weight: 0,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
};

/** Before the configuration is given to the session: then its servers have the numbers that they had. */
export function adoptServers({ registry, connections }: Path, records: ServerRecords): void {
  connections.touch();
  for (const { id, service, address } of records.read())
    registry.adopt(id, service, address, UNLISTED, new Traffic());
}

/**
 * After the configuration, when nobody else works with the memory any more. A connection whose server has no record
 * goes: its number may be another server's by now.
 */
export function recoverConnections(path: Path, records: ServerRecords): void {
  const { connections, datagrams, registry, settings } = path;
  connections.recover((entry) => {
    const number = connections.serverOf(entry);
    if (!records.has(number)) return false;
    const server = registry.get(number);
    if (connections.isTemplate(entry)) server.persistentConnections++;
    else if (connections.hasFlag(entry, ConnectionFlag.Inactive)) server.inactiveConnections++;
    else server.activeConnections++;
    return true;
  });
  datagrams.recover((entry) => records.has(datagrams.serverOf(entry)));
  for (const server of registry) server.updateOverload();
  if (settings.expire_nodest_conn !== 0) registry.endConnectionsOfDeleted();
}

/** Counters of those that have a record go on; the others get one. From now on the records follow the registry. */
export function recoverCounters({ registry, services }: Path, records: ServerRecords): void {
  for (const server of registry)
    if (records.has(server.id)) restore(server, services.get(server.service)?.traffic, records);
  for (const server of registry) if (!records.has(server.id)) records.entered(server);
  registry.log = records;
}

function restore(server: RealServer, serviceTraffic: Traffic | undefined, records: ServerRecords): void {
  const counters = records.readCounters(server.id);
  server.traffic.restore(counters.server);
  if (serviceTraffic === undefined) return;
  server.serviceTraffic = serviceTraffic;
  if (server.isListed) serviceTraffic.restore(counters.service);
}
