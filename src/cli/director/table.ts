/** Tables of the subcommands. */
import Table from 'cli-table3';

/** Columns two blanks apart, no lines. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const none = Object.fromEntries(
    'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid'
      .split(' ')
      .map((part) => [part, '']),
  );
  const table = new Table({
    chars: { ...none, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString().replace(/ +$/gm, '');
}
