/**
 * Several workers on one interface: which of them a client belongs to, and what part of a number each has. A client is
 * an address, so that all of its connections, its template, its fragments and the ICMP errors about them are in one
 * place. engine/slice-filter.ts makes the kernel reckon the same.
 */

/** Part `index`, from 0 on, of `count`. */
export interface Slice {
  readonly index: number;
  readonly count: number;
}

export const WHOLE: Slice = { index: 0, count: 1 };
/** Workers at most. */
export const MAX_WORKERS = 64;

/** Odd; also the first multiplier of MurmurHash3's finalizer fmix32 (public domain), of which `mixed()` is a copy. */
export const FOLD_FACTOR = 0x85ebca6b;
export const SECOND_FACTOR = 0xc2b2ae35;

/** Neighbouring addresses are spread evenly. Four words, in host order; IPv4 has the first one only. */
export function workerOf(version: number, words: ArrayLike<number>, count: number): number {
  let folded = words[0]!;
  if (version === 6)
    for (let index = 1; index < 4; index++) folded = Math.imul(folded, FOLD_FACTOR) + words[index]!;
  return (mixed(folded) >>> 0) % count;
}

function mixed(word: number): number {
  let hash = word | 0;
  hash = Math.imul(hash ^ (hash >>> 16), FOLD_FACTOR);
  hash = Math.imul(hash ^ (hash >>> 13), SECOND_FACTOR);
  return hash ^ (hash >>> 16);
}

/** Of so many of something: the parts of all workers together are the whole, and no two differ by more than 1. */
export const partOf = (total: number, { index, count }: Slice): number =>
  Math.floor(total / count) + (index < total % count ? 1 : 0);
