/** What `director status` shows of many: as much as one can read, and what is in trouble first. Pure. */
import type { NeighborListing, SummaryReply } from '../control/protocol.ts';
import type { ConfiguredServer, ConfiguredService } from '../service/configuration.ts';
import { isQuiesced } from './overview.ts';

/** Lines of services and servers. */
const MAX_ROWS = 60;
/** Of neighbours, and of warnings. */
const MAX_LINES = 20;

export interface PickedService {
  readonly of: ConfiguredService;
  /** Those of its servers that are shown. */
  readonly servers: readonly ConfiguredServer[];
}

interface All<Neighbor> {
  readonly services: readonly ConfiguredService[];
  readonly neighbors: readonly Neighbor[];
  readonly warnings: readonly string[];
}

interface Picked<Neighbor> extends Omit<All<Neighbor>, 'services'> {
  readonly services: readonly PickedService[];
  /** How many were not picked. */
  readonly more: SummaryReply['more'];
}

type Reach = Pick<NeighborListing, 'kind' | 'mac'>;

export function pick<Neighbor extends Reach>(all: All<Neighbor>): Picked<Neighbor> {
  const services = pickServices(all.services);
  const neighbors = firstOf(all.neighbors, isUnreached);
  const warnings = all.warnings.slice(0, MAX_LINES);
  const more = {
    services: all.services.length - services.length,
    servers: serversOf(all.services) - serversOf(services),
    neighbors: all.neighbors.length - neighbors.length,
    warnings: all.warnings.length - warnings.length,
  };
  return { services, neighbors, warnings, more };
}

/** All of them, or the services with trouble first, and of their servers those that have it. */
function pickServices(all: readonly ConfiguredService[]): readonly PickedService[] {
  const rows = all.length + serversOf(all);
  if (rows <= MAX_ROWS) return all.map((of) => ({ of, servers: of.servers }));
  const inOrder = troubledFirst(
    all.map((of) => ({ of, servers: of.servers.filter(isTroubled) })),
    ({ servers }) => servers.length > 0,
  );
  const picked: PickedService[] = [];
  let room = MAX_ROWS;
  for (const { of, servers } of inOrder) {
    if (room === 0) break;
    const shown = servers.slice(0, room - 1);
    picked.push({ of, servers: shown });
    room -= 1 + shown.length;
  }
  return picked;
}

/** It takes no new connections. */
const isTroubled = ({ options }: ConfiguredServer): boolean => options.failed === true || isQuiesced(options);

const serversOf = (services: readonly Pick<PickedService, 'servers'>[]): number =>
  services.reduce((sum, { servers }) => sum + servers.length, 0);

/** In their order if all are shown. */
const firstOf = <T>(all: readonly T[], isTrouble: (each: T) => boolean): readonly T[] =>
  all.length <= MAX_LINES ? all : troubledFirst(all, isTrouble).slice(0, MAX_LINES);

/** No frame can be sent there. */
const isUnreached = ({ kind, mac }: Reach): boolean =>
  kind === 'unreachable' || (kind === 'neighbor' && mac === null);

const troubledFirst = <T>(all: readonly T[], isTrouble: (each: T) => boolean): T[] => [
  ...all.filter(isTrouble),
  ...all.filter((each) => !isTrouble(each)),
];
