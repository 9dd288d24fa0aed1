/** The screen as lines of pieces with a style: what is seen of a state. Nothing is told by a colour alone. */
import { renderEndpoint } from '../../../control/endpoint.ts';
import { arrange, GAP, type Placed } from './columns.ts';
import { detailLine } from './detail.ts';
import { frameHeight, rowsInSight } from './frame-size.ts';
import { headLines } from './head.ts';
import { helpLines } from './help.ts';
import { clip, type Line, type Piece, piece } from './line.ts';
import { selectedIn, type Table, tableOf, titleOf } from './rows.ts';
import type { Question, State } from './state.ts';

/** Exactly as many lines as there is room for, none longer than the terminal is wide. */
export function frameOf(state: State): readonly Line[] {
  const height = frameHeight(state.size);
  const body = state.isHelp ? helpLines() : [...headLines(state), ...tableLines(state)];
  const [notice, keys] = footLines(state);
  const lines = body.slice(0, Math.max(0, height - 2));
  while (lines.length < height - 2) lines.push([]);
  return [...lines, notice, keys].slice(-height).map((line) => cut(line, state.size.columns));
}

export const frameText = (lines: readonly Line[]): string =>
  lines
    .map((line) =>
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
    .join('\n');

// Table ---------------------------------------------------------------------------------------------------------

const CURSOR = '> ';
const NO_CURSOR = '  ';

function tableLines(state: State): Line[] {
  const table = tableOf(state);
  const { rows, columns } = table;
  const { offset } = state.places[state.view];
  const shown = rows.slice(offset, offset + rowsInSight(state));
  const placed = arrange(columns, state.size.columns - CURSOR.length);
  const selected = selectedIn(state, table);
  return [
    titleLine(state, table, offset, shown.length),
    [piece(NO_CURSOR), ...placed.map((each, index) => titleCell(state, each, index))],
    ...(rows.length === 0 ? [[piece(`  ${whyEmpty(state, table)}`, 'dim')]] : []),
    ...shown.map((row) => rowLine(placed, row, row === selected)),
  ];
}

function titleLine(state: State, { rows, total }: Table, offset: number, shown: number): Line {
  const range = rows.length > shown ? `${offset + 1}-${offset + shown} of ${rows.length}` : `${rows.length}`;
  const { by, isReversed } = state.sorts[state.view];
  const parts = [
    rows.length === total ? range : `${range} (of ${total})`,
    `by ${by}${isReversed ? ', reversed' : ''}`,
    ...(state.filter === '' || state.isTypingFilter ? [] : [`with "${state.filter}"`]),
  ];
  return [piece(capital(titleOf(state)), 'bold'), piece(`  ${parts.join('  ')}`, 'dim')];
}

function whyEmpty(state: State, { total }: Table): string {
  if (total > 0) return `none of ${total} matches "${state.filter}"`;
  if (state.view === 'services') return 'there are no services: diradm -A makes one';
  return state.view === 'servers' ? 'no servers' : 'no frames yet';
}

function titleCell(state: State, { column, width }: Placed<unknown>, index: number): Piece {
  const isSorted = state.sorts[state.view].by === column.id;
  return piece(cell(column.title, width, column.isLeft === true, index), isSorted ? 'bold' : 'dim');
}

function rowLine(placed: readonly Placed<unknown>[], row: unknown, isSelected: boolean): Line {
  const cells = placed.map(({ column, width }, index) => {
    const text = cell(column.cell(row), width, column.isLeft === true, index);
    return piece(text, isSelected ? 'cursor' : (column.mood?.(row) ?? 'plain'));
  });
  return [piece(isSelected ? CURSOR : NO_CURSOR, isSelected ? 'cursor' : 'plain'), ...cells];
}

/** As wide as its column, the first one without a gap before it. */
function cell(text: string, width: number, isLeft: boolean, index: number): string {
  const whole = clip(text, width);
  const filled = isLeft ? whole.padEnd(width) : whole.padStart(width);
  return index === 0 ? filled : `${' '.repeat(GAP)}${filled}`;
}

// Foot ----------------------------------------------------------------------------------------------------------

const KEYS: Readonly<Record<State['view'], string>> = {
  services: 'q quit  ? help  Enter servers  / filter  s sort  r reverse  v frames',
  servers: 'q quit  ? help  d drain  u undrain  Esc back  / filter  s sort  v frames',
  frames: 'q quit  ? help  v or Esc back  / filter  s sort  r reverse',
};

function footLines(state: State): [Line, Line] {
  if (state.question !== null)
    return [[piece(questionText(state.question, state), 'warning')], keysLine('y yes  n no')];
  if (state.isTypingFilter)
    return [[piece('filter: ', 'bold'), piece(`${state.filter}_`)], keysLine('Enter keep  Esc clear')];
  const keys = keysLine(state.isHelp ? 'any key goes back' : KEYS[state.view]);
  if (state.notice === null) return [state.isHelp ? [] : detailLine(state), keys];
  return [[piece(state.notice.text, state.notice.isError ? 'warning' : 'good')], keys];
}

const keysLine = (text: string): Line => [piece(text, 'dim')];

function questionText({ drained, server, service }: Question, state: State): string {
  const who =
    service === null ? `${server.address} in all services` : `${renderEndpoint(server)} of ${state.service}`;
  return drained ? `Drain ${who}: no new connections? [y/n]` : `Let ${who} take connections again? [y/n]`;
}

// Text ----------------------------------------------------------------------------------------------------------

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function cut(line: Line, columns: number): Line {
  let left = columns;
  return line.flatMap(({ text, style }) => {
    if (left <= 0 || text === '') return [];
    const shown = clip(text, left);
    left -= shown.length;
    return [piece(shown, style)];
  });
}
