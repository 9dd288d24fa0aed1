/**
 * Places in a map that are given out, and taken back with delay: a frame that was under way when a place was given up
 * may still read it. No program runs for as long as the delay.
 */

/** A program runs for microseconds; a virtual machine may stand still for longer. */
const GRACE_MS = 1000;
/** When nothing is left: how long at least. */
const SHORT_GRACE_MS = 100;

interface Released {
  readonly start: number;
  readonly size: number;
  readonly atMs: number;
}

export class Blocks {
  private readonly end: number;
  private next: number;
  /** By size, a power of two. */
  private readonly free = new Map<number, number[]>();
  private released: Released[] = [];

  /** Places from `first` up to `end`. */
  constructor(first: number, end: number) {
    this.next = first;
    this.end = end;
  }

  /** The first of at least `count` places in a row; undefined: there are not so many. */
  take(count: number): number | undefined {
    const size = sizeFor(count);
    this.reclaim(GRACE_MS);
    return this.find(size) ?? this.wait(size);
  }

  /** What is in use already; before the first take(). */
  adopt(used: readonly { readonly start: number; readonly count: number }[]): void {
    for (const { start, count } of used.toSorted((a, b) => a.start - b.start)) {
      this.addGap(this.next, start);
      this.next = Math.max(this.next, start + sizeFor(count));
    }
  }

  /** `count`: what was asked for. */
  release(start: number, count: number): void {
    this.released.push({ start, size: sizeFor(count), atMs: performance.now() });
  }

  private find(size: number): number | undefined {
    const found = this.free.get(size)?.pop() ?? this.begin(size) ?? this.divide(size);
    if (found !== undefined || !this.join()) return found;
    return this.free.get(size)?.pop() ?? this.divide(size);
  }

  /** Places that nobody has had. */
  private begin(size: number): number | undefined {
    if (this.next + size > this.end) return undefined;
    this.next += size;
    return this.next - size;
  }

  /** The beginning of a longer row, whose rest stays free. */
  private divide(size: number): number | undefined {
    for (let longer = 2 * size; longer <= this.end; longer *= 2) {
      const start = this.free.get(longer)?.pop();
      if (start === undefined) continue;
      this.addGap(start + size, start + longer);
      return start;
    }
    return undefined;
  }

  /** Makes one of free rows that lie side by side. False: none do. */
  private join(): boolean {
    const rows = [...this.free].flatMap(([size, starts]) =>
      starts.map((start) => ({ start, end: start + size })),
    );
    if (this.next < this.end) rows.push({ start: this.next, end: this.end });
    const joined: { readonly start: number; end: number }[] = [];
    for (const row of rows.sort((a, b) => a.start - b.start)) {
      const last = joined.at(-1);
      if (last?.end === row.start) last.end = row.end;
      else joined.push(row);
    }
    if (joined.length === rows.length) return false;
    this.next = this.end;
    this.free.clear();
    for (const { start, end } of joined) this.addGap(start, end);
    return true;
  }

  /** So many edits came in one second that only what was just released is left. */
  private wait(size: number): number | undefined {
    if (this.released.length === 0) return undefined;
    letFramesPass();
    this.reclaim(SHORT_GRACE_MS);
    return this.find(size);
  }

  private reclaim(graceMs: number): void {
    const dueMs = performance.now() - graceMs;
    let due = 0;
    for (const { start, size, atMs } of this.released) {
      if (atMs > dueMs) break;
      this.addFree(start, size);
      due++;
    }
    if (due > 0) this.released = this.released.slice(due);
  }

  private addFree(start: number, size: number): void {
    const list = this.free.get(size);
    if (list === undefined) this.free.set(size, [start]);
    else list.push(start);
  }

  private addGap(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const size = 2 ** Math.floor(Math.log2(end - at));
      this.addFree(at, size);
      at += size;
    }
  }
}

/** Until no program reads any more what was given up just now. */
export function letFramesPass(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SHORT_GRACE_MS);
}

const sizeFor = (count: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, count)));
