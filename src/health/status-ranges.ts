/** Which HTTP statuses are expected: '200', '200-399', '200-299,304'. */
export interface StatusRange {
  readonly first: number;
  readonly last: number;
}

/** Undefined: not of that form, or not within 100 … 599. */
export function parseStatusRanges(text: string): readonly StatusRange[] | undefined {
  const ranges = text.split(',').map(parseRange);
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

function parseRange(text: string): StatusRange | undefined {
  const match = /^\s*([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?\s*$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last ? { first, last } : undefined;
}

export const isExpected = (status: number, ranges: readonly StatusRange[]): boolean =>
  ranges.some(({ first, last }) => first <= status && status <= last);
