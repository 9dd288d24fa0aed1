/** What has happened, as far back as the daemon remembers: the newest events, each with a number. */
import type { HistoryEntry, HistoryKind } from '../control/protocol.ts';
import type { ServerAddress } from '../service/model.ts';

/** Ten thousand servers that go down at once push out what was before; a page of them is some 300 KB. */
export const MAX_HISTORY = 10_000;

export interface Subject {
  /** serviceKey() */
  readonly service?: string;
  readonly server?: ServerAddress;
}

export class History {
  private readonly entries: HistoryEntry[] = [];
  private readonly capacity: number;
  private readonly now: () => number;
  private readonly listeners = new Set<() => void>();
  private sequence = 0;

  constructor(capacity = MAX_HISTORY, now: () => number = Date.now) {
    this.capacity = capacity;
    this.now = now;
  }

  /** Of the newest entry; 0: nothing has happened yet. */
  get lastSequence(): number {
    return this.sequence;
  }

  note(kind: HistoryKind, message: string, { service, server }: Subject = {}): void {
    const subject = { service: service ?? null, server: server ?? null };
    this.entries.push({ sequence: ++this.sequence, timeMs: this.now(), kind, ...subject, message });
    if (this.entries.length > this.capacity) this.entries.shift();
    for (const listener of this.listeners) listener();
  }

  /**
   * Oldest first: those after the number `after`, at most the first `limit` of them; without it the newest `limit`.
   * A number that has not been reached is one of an earlier daemon, and all is new to who has it.
   */
  list(after: number | undefined, limit: number): HistoryEntry[] {
    if (after === undefined) return this.entries.slice(-limit);
    const first = this.sequence - this.entries.length + 1;
    const from = after > this.sequence ? 0 : Math.max(0, after + 1 - first);
    return this.entries.slice(from, from + limit);
  }

  /** Returns what ends the calls. */
  onEntry(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
