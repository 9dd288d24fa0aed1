/** What can stand in the tables, and how much of it has room. */
import { renderEndpoint } from '../../../control/endpoint.ts';
import type { ServerOverview, ServiceOverview, VerdictOverview } from '../../../control/protocol.ts';
import { short, since } from './numbers.ts';
import type { View } from './state.ts';

export type Mood = 'good' | 'warning' | 'bad' | 'plain';

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** Characters; of a wide column at least so many, and up to `most` if there is room. */
  readonly width: number;
  readonly most?: number;
  readonly isLeft?: boolean;
  readonly cell: (row: Row) => string;
  /** By which it is sorted, largest first; a text, alphabetically. */
  readonly value: (row: Row) => number | string;
  readonly mood?: (row: Row) => Mood;
}

interface Traffic {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly rates: ServiceOverview['rates'];
  readonly counters: ServiceOverview['counters'];
}

const number = <Row>(id: string, title: string, value: (row: Row) => number): Column<Row> => ({
  id,
  title,
  width: Math.max(6, title.length),
  cell: (row) => short(value(row)),
  value,
});

const TRAFFIC: readonly Column<Traffic>[] = [
  number('connections/s', 'CONN/S', ({ rates }) => rates.connections),
  number('active', 'ACTIVE', ({ activeConnections }) => activeConnections),
  number('packets/s', 'PKT/S', ({ rates }) => rates.inPackets),
  number('bytes/s', 'BYTE/S', ({ rates }) => rates.inBytes),
  number('inactive', 'INACT', ({ inactiveConnections }) => inactiveConnections),
];

const TOTALS: readonly Column<Traffic>[] = [
  number('connections', 'CONNS', ({ counters }) => counters.connections),
  number('packets', 'PACKETS', ({ counters }) => counters.inPackets),
  number('bytes', 'BYTES', ({ counters }) => counters.inBytes),
];

/** In each table the first columns are the last to go when it gets narrow. */
export const SERVICE_COLUMNS: readonly Column<ServiceOverview>[] = [
  {
    id: 'name',
    title: 'SERVICE',
    width: 20,
    most: 52,
    isLeft: true,
    cell: ({ key }) => key,
    value: ({ key }) => key,
  },
  {
    id: 'health',
    title: 'HEALTH',
    width: 11,
    isLeft: true,
    cell: healthOf,
    value: ({ servers, down, drained }) => (servers === 0 ? 2 : down / servers) * 1e6 + drained,
    mood: ({ servers, down, drained }) =>
      servers === 0 || down === servers ? 'bad' : down > 0 || drained > 0 ? 'warning' : 'good',
  },
  ...TRAFFIC,
  number('servers', 'SERVERS', ({ servers }) => servers),
  {
    id: 'scheduler',
    title: 'SCHED',
    width: 5,
    isLeft: true,
    cell: ({ scheduler }) => scheduler,
    value: ({ scheduler }) => scheduler,
  },
  ...TOTALS,
];

function healthOf({ servers, down, drained }: ServiceOverview): string {
  if (servers === 0) return 'no servers';
  if (down === servers) return 'all down';
  if (down > 0) return `${down} down`;
  return drained > 0 ? `${drained} drained` : 'ok';
}

export const SERVER_COLUMNS: readonly Column<ServerOverview>[] = [
  {
    id: 'name',
    title: 'SERVER',
    width: 16,
    most: 48,
    isLeft: true,
    cell: ({ server }) => renderEndpoint(server),
    value: ({ server }) => renderEndpoint(server),
  },
  {
    id: 'state',
    title: 'STATE',
    width: 9,
    isLeft: true,
    cell: stateOf,
    value: ({ state, drained }) => (state === 'down' ? 2 : drained ? 1 : 0),
    mood: ({ state, drained, weight }) =>
      state === 'down' ? 'bad' : drained || weight === 0 ? 'warning' : state === 'up' ? 'good' : 'plain',
  },
  ...TRAFFIC,
  {
    id: 'weight',
    title: 'WEIGHT',
    width: 6,
    cell: ({ weight, weightInForce }) =>
      weight === weightInForce ? `${weight}` : `${weightInForce}/${weight}`,
    value: ({ weight }) => weight,
  },
  {
    id: 'check',
    title: 'LAST CHECK',
    width: 18,
    most: 60,
    isLeft: true,
    cell: lastCheckOf,
    value: ({ last }) => last?.durationMs ?? 0,
  },
  number('persistent', 'PERSIST', ({ persistentConnections }) => persistentConnections),
  ...TOTALS,
];

function stateOf({ state, drained, weight }: ServerOverview): string {
  if (state === 'down') return 'down';
  if (drained) return 'drained';
  if (weight === 0) return 'quiesced';
  return state;
}

function lastCheckOf({ state, cause, sinceSec, last }: ServerOverview): string {
  if (state === 'down') return `${cause}${sinceSec === null ? '' : `, for ${since(sinceSec)}`}`;
  if (last === null) return '-';
  return last.ok ? `${last.durationMs} ms, ${since(last.agoSec)} ago` : last.cause;
}

const isDrop = ({ verdict }: VerdictOverview): boolean => verdict.startsWith('Drop');

export const FRAME_COLUMNS: readonly Column<VerdictOverview>[] = [
  {
    id: 'name',
    title: 'VERDICT',
    width: 24,
    most: 28,
    isLeft: true,
    cell: ({ verdict }) => verdict,
    value: ({ verdict }) => verdict,
    mood: (row) => (isDrop(row) && row.perSec > 0 ? 'bad' : 'plain'),
  },
  number('frames/s', 'FRAMES/S', ({ perSec }) => perSec),
  number('minute', 'LAST MINUTE', ({ lastMinute }) => lastMinute),
  number('frames', 'SINCE START', ({ frames }) => frames),
];

export const COLUMN_IDS: Readonly<Record<View, readonly string[]>> = {
  services: SERVICE_COLUMNS.map(({ id }) => id),
  servers: SERVER_COLUMNS.map(({ id }) => id),
  frames: FRAME_COLUMNS.map(({ id }) => id),
};

export const GAP = 2;

export interface Placed<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

/** The first columns that fit, and what is left over for the wide ones. */
export function arrange<Row>(columns: readonly Column<Row>[], room: number): readonly Placed<Row>[] {
  let left = room;
  const placed: { column: Column<Row>; width: number }[] = [];
  for (const column of columns) {
    const width = placed.length === 0 ? Math.min(column.width, room) : column.width + GAP;
    if (width > left) break;
    left -= width;
    placed.push({ column, width: column.width });
  }
  for (const each of placed) {
    const more = Math.min(left, (each.column.most ?? each.width) - each.width);
    each.width += more;
    left -= more;
  }
  return placed;
}
