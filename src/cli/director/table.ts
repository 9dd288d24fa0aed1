/** Tables of the subcommands. */
import { stripVTControlCharacters } from 'node:util';

/** Columns two blanks apart, no lines. Colours take no room. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  return rows.map((row) => lineOf(row, widths)).join('\n');
}

const lineOf = (row: readonly string[], widths: readonly number[]): string =>
  row
    .map((cell, column) => cell + ' '.repeat(widths[column]! - widthOf(cell)))
    .join('  ')
    .replace(/ +$/, '');

const widthOf = (cell: string): number => stripVTControlCharacters(cell).length;
