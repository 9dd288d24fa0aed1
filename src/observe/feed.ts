/**
 * Those who look on: each is woken when something has happened and once a second, and takes what it wants when it is
 * ready. Nothing is queued for one that is slow: it gets the newest overview, and of the history what it has not had.
 */
import type { Watch } from '../control/api.ts';
import type { OverviewReply } from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import type { History } from './history.ts';

export const MAX_WATCHERS = 32;

class Watcher implements Watch {
  readonly service: string | undefined;
  private readonly wake: () => void;
  private readonly onEnd: (watcher: Watcher) => void;
  private overview: string | undefined;
  isOver = false;

  constructor(service: string | undefined, wake: () => void, onEnd: (watcher: Watcher) => void) {
    this.service = service;
    this.wake = wake;
    this.onEnd = onEnd;
  }

  takeOverview(): string | undefined {
    const { overview } = this;
    this.overview = undefined;
    return overview;
  }

  offer(overview: string): void {
    this.overview = overview;
    this.wake();
  }

  notify(): void {
    this.wake();
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onEnd(this);
    this.wake();
  }
}

export interface FeedOptions {
  readonly history: History;
  /** `service`: the one whose servers are told of, by its key. */
  readonly overview: (service: string | undefined) => Promise<OverviewReply>;
}

export class Feed {
  private readonly options: FeedOptions;
  private readonly watchers = new Set<Watcher>();
  private readonly stopListening: () => void;
  private isClosed = false;

  constructor(options: FeedOptions) {
    this.options = options;
    this.stopListening = options.history.onEntry(() => {
      for (const watcher of this.watchers) watcher.notify();
    });
  }

  get watcherCount(): number {
    return this.watchers.size;
  }

  /** The first overview comes at once. */
  watch(service: string | undefined, wake: () => void): Watch {
    if (this.watchers.size >= MAX_WATCHERS) {
      throw new DirectorError(
        'TOO_MANY_STREAMS',
        `${MAX_WATCHERS} streams are open already; close one of them, or ask for /v1/overview`,
      );
    }
    const watcher = new Watcher(service, wake, (ended) => this.watchers.delete(ended));
    if (this.isClosed) watcher.end();
    else this.watchers.add(watcher);
    void this.tellEach([watcher]);
    return watcher;
  }

  /** Once a second. */
  tellAll(): Promise<void> {
    return this.tellEach([...this.watchers]);
  }

  close(): void {
    this.isClosed = true;
    this.stopListening();
    for (const watcher of [...this.watchers]) watcher.end();
  }

  /** Text is made once for all who look at the same service. */
  private async tellEach(watchers: readonly Watcher[]): Promise<void> {
    for (const service of new Set(watchers.map((watcher) => watcher.service))) {
      const text = JSON.stringify(await this.options.overview(service));
      for (const watcher of watchers) if (watcher.service === service && !watcher.isOver) watcher.offer(text);
    }
  }
}
