/** Reads a state table as it is written down for people: `| state | event | event |`, a dot where nothing changes. */

export interface StateRow {
  readonly state: string;
  readonly event: string;
  readonly next: string;
}

export function readStateTable(markdown: string): StateRow[] {
  const lines = markdown
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [header, , ...rows] = lines;
  return rows.flatMap(([state, ...cells]) =>
    cells.map((cell, index) => ({
      state: state!,
      event: header![index + 1]!,
      next: cell === '·' ? state! : cell,
    })),
  );
}
