/** The rows of each view: those that the filter lets through, in the order that was asked for. */
import { renderEndpoint } from '../../../control/endpoint.ts';
import type { ServerOverview } from '../../../control/protocol.ts';
import { type Column, FRAME_COLUMNS, SERVER_COLUMNS, SERVICE_COLUMNS } from './columns.ts';
import type { Sort, State, View } from './state.ts';

export interface Table<Row = unknown> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Names a row, from one answer to the next. */
  readonly keyOf: (row: Row) => string;
  /** Without the filter. */
  readonly total: number;
}

export function tableOf(state: State): Table {
  const { overview } = state;
  switch (state.view) {
    case 'services':
      return table(state, SERVICE_COLUMNS, overview.services, ({ key }) => key);
    case 'servers':
      return table(state, SERVER_COLUMNS, overview.servers, ({ server }) => renderEndpoint(server));
    case 'frames':
      return table(state, FRAME_COLUMNS, overview.verdicts, ({ verdict }) => verdict);
  }
}

function table<Row>(
  { filter, sorts, view }: State,
  columns: readonly Column<Row>[],
  all: readonly Row[],
  keyOf: (row: Row) => string,
): Table {
  const wanted = filter.toLowerCase();
  const matches = (row: Row): boolean =>
    columns.some(({ isLeft, cell }) => isLeft === true && cell(row).toLowerCase().includes(wanted));
  const rows = (wanted === '' ? [...all] : all.filter(matches)).sort(order(columns, keyOf, sorts[view]));
  return { columns, rows, keyOf, total: all.length } as Table;
}

const natural = new Intl.Collator('en', { numeric: true }).compare;

/** The largest first, or a text alphabetically; what is equal by its name, so that nothing jumps. */
function order<Row>(columns: readonly Column<Row>[], keyOf: (row: Row) => string, { by, isReversed }: Sort) {
  const { value } = columns.find(({ id }) => id === by)!;
  const sign = isReversed ? -1 : 1;
  return (left: Row, right: Row): number => {
    const [a, b] = [value(left), value(right)];
    const compared = typeof a === 'string' ? natural(a, String(b)) : Number(b) - a;
    return compared === 0 ? natural(keyOf(left), keyOf(right)) : sign * compared;
  };
}

/** The row with the cursor. */
export function selectedIn(state: State, { rows, keyOf }: Table): unknown {
  const { key, index } = state.places[state.view];
  return rows.find((row) => keyOf(row) === key) ?? rows[Math.min(index, rows.length - 1)];
}

export function selectedServer(state: State): ServerOverview | undefined {
  return state.view === 'servers'
    ? (selectedIn(state, tableOf(state)) as ServerOverview | undefined)
    : undefined;
}

export const titleOf = ({ view, service }: Pick<State, 'view' | 'service'>): string =>
  ({ services: 'services', servers: `servers of ${service ?? ''}`, frames: 'frames by verdict' })[
    view satisfies View
  ];
