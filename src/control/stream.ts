/**
 * GET /v1/stream: Server-Sent Events for one who looks on. The reader sets the pace: an overview, or some entries of the
 * history, are written when what was before has gone out, so that nothing piles up; a reader that takes nothing for long
 * is cut off.
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { DirectorApi } from './api.ts';
import type { HistoryEntry } from './protocol.ts';

const MAX_STALLED_MS = 10_000;
/** Entries of the history in one piece, and between two looks whether the reader is still there. */
const ENTRIES_AT_ONCE = 100;

export interface StreamQuery {
  /** serviceKey() */
  readonly service?: string;
  /** The last event of the history that the reader has; without it, the history begins now. */
  readonly after?: number;
  /** Of those that had happened before, at most so many of the newest. */
  readonly backlog: number;
}

export function streamEvents(
  c: Context,
  api: DirectorApi,
  { service, after, backlog }: StreamQuery,
): Response {
  if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' });
  let isDue = false;
  let hasBegun = false;
  let resume = () => {};
  const watch = api.watch(service, () => {
    isDue = true;
    resume();
  });
  const newest = api.history(undefined, 1).entries[0]?.sequence ?? 0;
  const given = after ?? newest;
  // One that has not been reached is of an earlier daemon.
  let sent = Math.max(given > newest ? 0 : given, newest - backlog);
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => watch.end());
    const send = async (events: string) => {
      const stalled = setTimeout(() => cutOff(c, stream), MAX_STALLED_MS);
      await stream.write(events);
      clearTimeout(stalled);
    };
    try {
      while (!watch.isOver) {
        if (!isDue)
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
        isDue = false;
        const overview = watch.takeOverview();
        if (overview !== undefined && !watch.isOver) {
          await send(`event: overview\ndata: ${overview}\n\n`);
          hasBegun = true;
        }
        // A page can show nothing else before.
        if (!hasBegun) continue;
        const { entries } = api.history(sent, ENTRIES_AT_ONCE);
        if (entries.length > 0) await send(entries.map(historyEvent).join(''));
        sent = entries.at(-1)?.sequence ?? sent;
        if (entries.length === ENTRIES_AT_ONCE) isDue = true;
      }
    } finally {
      watch.end();
    }
  });
}

/** JSON has no line feeds, so that one line of data holds it. */
const historyEvent = (entry: HistoryEntry): string =>
  `event: history\ndata: ${JSON.stringify(entry)}\nid: ${entry.sequence}\n\n`;

/** The stream, and the connection that nobody reads. */
function cutOff(c: Context, stream: SSEStreamingApi): void {
  stream.abort();
  (c.env as HttpBindings | undefined)?.outgoing.destroy();
}
