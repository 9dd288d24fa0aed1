/** How large the maps are made for what is asked, and what that takes of memory. */
import {
  ADDRESS_KEY,
  BUCKETS_PER_GROUP,
  CELL_LINE,
  CELLS,
  CONFIG,
  CONNECTION4,
  CONNECTION6,
  GROUP_LINE,
  GROUPS,
  MARK_RULE,
  SERVER,
  SERVICE,
  SERVICE_SLOT,
  TRAFFIC,
  VERDICT_COUNTS,
  WAYS,
  ZEROED,
} from './layout.ts';

export interface XdpSizes {
  /** Connections of each IP version. */
  readonly connections: number;
  readonly services: number;
  /** Of all services, with those that were deleted and still have connections. */
  readonly servers: number;
}

/** Combinations of destination and source network in firewall mark rules; two lists of them, the old and the new. */
export const MAX_MARK_RULES = 8192;
const MIN_BUCKETS = 64;
/** Old versions of services are kept for a moment, with their cells: for so many edits in that time. */
const SPARE_SERVICES = 64;
/** An index that is at most an eighth full: look-ups that miss end at once. */
const SLOTS_PER_SERVICE = 8;
/** The longest scheduler's table (mh), and the list of each server twice, in the old version and the new. */
const CELLS_PER_SERVICE = 4096;
const CELLS_PER_SERVER = 4;
/** Of the hash maps for fragments, destinations and addresses, with the kernel's overhead; and of the rest. */
const FIXED_BYTES = 12 * 2 ** 20;

const powerOfTwo = (atLeast: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, atLeast)));

/** Half of the places stay empty, so that the two buckets of a connection are not both full. */
const bucketsFor = (connections: number): number =>
  Math.max(MIN_BUCKETS, powerOfTwo((2 * connections) / WAYS));

/** Cache lines of words, each for several buckets. */
const groupLines = (buckets: number): number => Math.ceil(buckets / BUCKETS_PER_GROUP / GROUPS);

/** Entries of each map whose size is not fixed. */
export function mapEntries({ connections, services, servers }: XdpSizes, cpus: number) {
  const serviceElements = 1 + 2 * services + SPARE_SERVICES;
  const cells = (services + SPARE_SERVICES) * CELLS_PER_SERVICE + servers * CELLS_PER_SERVER;
  return {
    connections4: bucketsFor(connections),
    connections6: bucketsFor(connections),
    groups4: groupLines(bucketsFor(connections)),
    groups6: groupLines(bucketsFor(connections)),
    services: serviceElements,
    service_index: powerOfTwo(SLOTS_PER_SERVICE * services),
    servers,
    cells: Math.ceil(cells / CELLS),
    mark_rules: 2 * MAX_MARK_RULES,
    server_traffic: servers * cpus,
    servers_zeroed: servers,
    services_zeroed: serviceElements,
    verdicts: cpus,
    virtual_addresses: services + MAX_MARK_RULES,
  };
}

/** What the maps take from when they are made, full or not. */
export function xdpMemoryBytes(sizes: XdpSizes, cpus: number): number {
  const entries = mapEntries(sizes, cpus);
  return (
    entries.connections4 * WAYS * CONNECTION4.bytes +
    entries.connections6 * WAYS * CONNECTION6.bytes +
    (entries.groups4 + entries.groups6) * GROUP_LINE.bytes +
    entries.services * SERVICE.bytes +
    entries.service_index * SERVICE_SLOT.bytes +
    entries.servers * SERVER.bytes +
    entries.cells * CELL_LINE.bytes +
    entries.mark_rules * MARK_RULE.bytes +
    entries.server_traffic * TRAFFIC.bytes +
    (entries.servers_zeroed + entries.services_zeroed) * ZEROED.bytes +
    entries.verdicts * VERDICT_COUNTS.bytes +
    entries.virtual_addresses * 4 * ADDRESS_KEY.bytes +
    CONFIG.bytes +
    FIXED_BYTES
  );
}
