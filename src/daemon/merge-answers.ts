/** What several workers answered to one question, as one datapath would answer it. */
import { MAX_CONNECTIONS } from '../connection/connection-table.ts';
import type { Answers, PackedReport } from '../worker/messages.ts';

/** Every report has the same shape, and every number in it is of that worker's clients alone. */
export function mergeCounters(reports: readonly PackedReport[]): PackedReport {
  const [first, ...others] = reports as [PackedReport, ...PackedReport[]];
  return others.reduce(addCounters, first);
}

const addCounters = (a: PackedReport, b: PackedReport): PackedReport => ({
  services: sumOf(a.services, b.services),
  verdicts: sumOf(a.verdicts, b.verdicts),
  connections: sumOf(a.connections, b.connections),
  madeRoom: sumOf(a.madeRoom, b.madeRoom),
  capturing: a.capturing && b.capturing,
});

type Node = number | readonly number[] | Tree;
type Tree = { readonly [name: string]: Node };

/** Of two objects of numbers, rows of numbers and such objects. What one of them lacks is as the other has it. */
function sumOf<T extends object>(a: T, b: T): T {
  const sum: Record<string, Node> = { ...(a as Tree) };
  for (const [name, value] of Object.entries(b as Tree)) {
    const own = sum[name];
    if (own === undefined) sum[name] = value;
    else if (typeof own === 'number') sum[name] = own + (value as number);
    else if (isRow(own)) sum[name] = own.map((each, index) => each + (value as readonly number[])[index]!);
    else sum[name] = sumOf(own, value as Tree);
  }
  return sum as T;
}

const isRow = (node: Node): node is readonly number[] => Array.isArray(node);

export const mergeEnded = (answers: readonly Answers['end-connections'][]): Answers['end-connections'] => ({
  ended: answers.reduce((sum, { ended }) => sum + ended, 0),
});

/** One that refuses has what the others do refused, too. */
export const mergeRefusals = (answers: readonly Answers['capture'][]): Answers['capture'] =>
  answers.find(({ refusal }) => refusal !== null) ?? { refusal: null };

/** A place in the tables of all workers, one behind the other. */
const PLACES = MAX_CONNECTIONS + 1;

export const placeOf = (cursor: number): { readonly worker: number; readonly cursor: number } => ({
  worker: Math.floor(cursor / PLACES),
  cursor: cursor % PLACES,
});

/** `nextCursor`: of this worker's table; null: it ends, and the next one's follows. */
export function cursorAfter(worker: number, nextCursor: number | null, workers: number): number | null {
  if (nextCursor !== null) return worker * PLACES + nextCursor;
  return worker + 1 < workers ? (worker + 1) * PLACES : null;
}
