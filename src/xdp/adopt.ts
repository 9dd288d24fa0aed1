/** What an earlier daemon left in the maps, as configuration: the maps are the truth, as the kernel's tables are for IPVS. */
import {
  type Configuration,
  type ConfiguredService,
  EMPTY_CONFIGURATION,
  serviceKey,
} from '../service/configuration.ts';
import { readMarkRules } from './mark-record.ts';
import { readNotes } from './notes.ts';
import type { Program } from './program.ts';
import { isRecordInUse, type RecordedServer, readRecord } from './server-record.ts';
import { type RecordedService, readCell, readService } from './service-record.ts';
import { endpointOf, ServiceSlots } from './service-slots.ts';

export interface Adopted {
  readonly configuration: Configuration;
  /** As they were added. */
  readonly services: readonly RecordedService[];
  /** Those that were deleted and may still have connections, too. */
  readonly servers: readonly RecordedServer[];
}

export function readAdopted(program: Program): Adopted {
  const servers = readServers(program);
  const byId = new Map(servers.map((server) => [server.id, server]));
  const services = readServices(program);
  const failed = servers.filter(({ isListed, options }) => isListed && options.failed === true);
  const configured = services.map((service): [string, ConfiguredService] => [
    serviceKey(service.address),
    {
      service: service.address,
      options: service.options,
      servers: serversOf(program, service, byId, failed),
    },
  ]);
  const marks = readMarkRules(program.config, program.markRules);
  const configuration = {
    ...EMPTY_CONFIGURATION,
    ...readNotes(program.notes),
    services: new Map(configured),
    marks,
  };
  return { configuration, services, servers };
}

function readServers({ servers }: Program): RecordedServer[] {
  const found: RecordedServer[] = [];
  for (let id = 0; id < servers.count; id++)
    if (isRecordInUse(servers, id)) found.push(readRecord(servers, id));
  return found;
}

/** Versions that the index leads to; another one was being written, or had been replaced, when the daemon died. */
function readServices({ services, serviceIndex }: Program): RecordedService[] {
  const slots = new ServiceSlots(serviceIndex);
  const found: RecordedService[] = [];
  for (let element = 1; element < services.count; element++) {
    const service = readService(services, element);
    if (service !== undefined && slots.get(endpointOf(service.address)) === element) found.push(service);
  }
  return found.sort((a, b) => a.added - b.added);
}

function serversOf(
  { cells }: Program,
  { address, list }: RecordedService,
  byId: ReadonlyMap<number, RecordedServer>,
  failed: readonly RecordedServer[],
): ConfiguredService['servers'] {
  const key = serviceKey(address);
  const scheduled = Array.from(
    { length: list.count },
    (_, index) => byId.get(readCell(cells, list.first + index))!,
  );
  // Those that no scheduler sees stand in no list.
  const others = failed.filter(({ service }) => serviceKey(service) === key);
  return [...scheduled, ...others].map(({ address: server, options }) => ({ server, options }));
}
