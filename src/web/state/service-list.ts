/** The services as the table shows them: filtered, sorted, one page of them. */
import type { ServerOverview, ServiceOverview } from '../../control/protocol.ts';
import { endpointText } from '../endpoint.ts';
import { serversUp, serviceCondition, severityOf } from './condition.ts';

export type ServiceColumn =
  | 'state'
  | 'service'
  | 'scheduler'
  | 'servers'
  | 'active'
  | 'inactive'
  | 'connections'
  | 'packets'
  | 'bytes';

export interface Sorting {
  readonly column: ServiceColumn;
  readonly descending: boolean;
}

export const FIRST_SORTING: Sorting = { column: 'service', descending: false };
export const PAGE_ROWS = 50;

const VALUE_OF: Readonly<Record<ServiceColumn, (service: ServiceOverview) => number | string>> = {
  state: (service) => severityOf(serviceCondition(service)),
  service: ({ key }) => key,
  scheduler: ({ scheduler }) => scheduler,
  servers: serversUp,
  active: ({ activeConnections }) => activeConnections,
  inactive: ({ inactiveConnections }) => inactiveConnections,
  connections: ({ rates }) => rates.connections,
  packets: ({ rates }) => rates.inPackets,
  bytes: ({ rates }) => rates.inBytes,
};

const TEXT_COLUMNS: ReadonlySet<ServiceColumn> = new Set(['state', 'service', 'scheduler']);

/** The same column again turns it round. Of numbers the largest are wanted first. */
export function sortedBy(current: Sorting, column: ServiceColumn): Sorting {
  if (current.column === column) return { column, descending: !current.descending };
  return { column, descending: !TEXT_COLUMNS.has(column) };
}

/** Every word must be in the service's name, its scheduler or its state. */
export function filterServices(services: readonly ServiceOverview[], filter: string): ServiceOverview[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return services.filter((service) => {
    const text = `${service.key} ${service.scheduler} ${serviceCondition(service).word}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const inOrder = new Intl.Collator('en', { numeric: true });

/** Equal ones by name, so that rows do not jump. */
export function sortServices(
  services: readonly ServiceOverview[],
  { column, descending }: Sorting,
): ServiceOverview[] {
  const valueIn = VALUE_OF[column];
  const turn = descending ? -1 : 1;
  return services.toSorted((a, b) => {
    const [left, right] = [valueIn(a), valueIn(b)];
    const difference = typeof left === 'number' ? left - Number(right) : inOrder.compare(left, String(right));
    return difference === 0 ? inOrder.compare(a.key, b.key) : turn * difference;
  });
}

/** By name: the daemon has the one that was added last first. */
export const sortServers = (servers: readonly ServerOverview[]): ServerOverview[] =>
  servers.toSorted((a, b) => inOrder.compare(endpointText(a.server), endpointText(b.server)));

export interface Page<T> {
  readonly rows: readonly T[];
  /** Counts from 1. */
  readonly page: number;
  readonly pages: number;
  /** Place of the first row, from 0. */
  readonly first: number;
  readonly total: number;
}

/** A page that is no longer there is the last one. */
export function pageOf<T>(rows: readonly T[], wanted: number): Page<T> {
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  const page = Math.min(Math.max(1, wanted), pages);
  const first = (page - 1) * PAGE_ROWS;
  return { rows: rows.slice(first, first + PAGE_ROWS), page, pages, first, total: rows.length };
}
