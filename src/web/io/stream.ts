/**
 * The daemon's events, for as long as the page is open: when they end or fall silent, the stream is opened anew. Not left
 * to EventSource, which gives up at the first answer that is an error, and does not notice silence.
 */
import type { HistoryEntry, OverviewReply } from '../../control/protocol.ts';
import { HISTORY_KEPT } from '../state/history.ts';

export interface StreamListener {
  overview(reply: OverviewReply, chosen: string | null): void;
  /** `life`: of the daemon's start, ms since 1970. */
  history(entry: HistoryEntry, life: number): void;
  /** Nothing comes any more; it is tried again. */
  away(): void;
}

export interface Stream {
  /** From now on with the servers of this service; null: of none. */
  choose(service: string | null): void;
}

/** Overviews come once a second. */
const SILENCE_MS = 5000;
const RETRY_MS = 1000;
/** Uptime is in whole seconds, so two estimates of one start differ by that much, and by what clocks are adjusted. */
const SAME_LIFE_MS = 5000;

export function openStream(listener: StreamListener, first: string | null): Stream {
  let chosen = first;
  let source: EventSource;
  let silence: ReturnType<typeof setTimeout>;
  let life = Number.NaN;
  let lastUptimeSec = 0;
  let lastSequence = 0;
  /** History that came before the overview that tells whose it is. */
  let waiting: HistoryEntry[] = [];

  /** `service`: the chosen one, or null where the daemon does not know it. */
  const open = (service = chosen): void => {
    clearTimeout(silence);
    source?.close();
    waiting = [];
    let isHeard = false;
    const query = new URLSearchParams({ after: String(lastSequence), backlog: String(HISTORY_KEPT) });
    if (service !== null) query.set('service', service);
    source = new EventSource(`/v1/stream?${query}`);
    source.addEventListener('overview', ({ data }) => {
      expectMore();
      const reply = JSON.parse(data) as OverviewReply;
      if (isOfAnotherLife(reply)) {
        lastSequence = 0; // its history begins at 1
        open();
        return;
      }
      isHeard = true;
      listener.overview(reply, service);
      for (const entry of waiting.splice(0)) take(entry);
      if (service !== chosen && reply.services.some(({ key }) => key === chosen)) open();
    });
    source.addEventListener('history', ({ data }) => {
      expectMore();
      const entry = JSON.parse(data) as HistoryEntry;
      if (isHeard) take(entry);
      else waiting.push(entry);
    });
    source.addEventListener('error', () => {
      if (isHeard || service === null) retry();
      else open(null);
    });
    expectMore();
  };

  const take = (entry: HistoryEntry): void => {
    lastSequence = Math.max(lastSequence, entry.sequence);
    listener.history(entry, life);
  };

  const isOfAnotherLife = ({ timeMs, uptimeSec }: OverviewReply): boolean => {
    const startMs = timeMs - uptimeSec * 1000;
    const isSame = uptimeSec >= lastUptimeSec && Math.abs(startMs - life) <= SAME_LIFE_MS;
    const isFirst = Number.isNaN(life);
    lastUptimeSec = uptimeSec;
    if (!isSame) life = startMs;
    return !isSame && !isFirst;
  };

  const expectMore = (): void => {
    clearTimeout(silence);
    silence = setTimeout(retry, SILENCE_MS);
  };

  const retry = (): void => {
    clearTimeout(silence);
    source.close();
    listener.away();
    silence = setTimeout(() => open(), RETRY_MS);
  };

  open();
  return {
    choose(service) {
      if (service === chosen) return;
      chosen = service;
      open();
    },
  };
}
