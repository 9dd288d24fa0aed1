/**
 * GET /v1/stream: Server-Sent Events for one who looks on. The reader sets the pace: each event is written when the one
 * before it has gone out, so that nothing piles up; a reader that takes nothing for long is cut off.
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { type SSEMessage, type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { DirectorApi } from './api.ts';

const MAX_STALLED_MS = 10_000;
/** Entries of the history between two looks whether the reader is still there. */
const ENTRIES_AT_ONCE = 100;

export interface StreamQuery {
  /** serviceKey() */
  readonly service?: string;
  /** The last event of the history that the reader has; without it, the history begins now. */
  readonly after?: number;
}

export function streamEvents(c: Context, api: DirectorApi, { service, after }: StreamQuery): Response {
  if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' });
  let isDue = true;
  let resume = () => {};
  const watch = api.watch(service, () => {
    isDue = true;
    resume();
  });
  let sent = after ?? api.history(undefined, 1).entries[0]?.sequence ?? 0;
  return streamSSE(c, async (stream) => {
    stream.onAbort(() => watch.end());
    const send = async (message: SSEMessage) => {
      const stalled = setTimeout(() => cutOff(c, stream), MAX_STALLED_MS);
      await stream.writeSSE(message);
      clearTimeout(stalled);
    };
    try {
      while (!watch.isOver) {
        if (!isDue)
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
        isDue = false;
        const { entries } = api.history(sent, ENTRIES_AT_ONCE);
        for (const entry of entries) {
          await send({ event: 'history', id: String(entry.sequence), data: JSON.stringify(entry) });
          sent = entry.sequence;
        }
        if (entries.length === ENTRIES_AT_ONCE) isDue = true;
        const overview = watch.takeOverview();
        if (overview !== undefined && !watch.isOver) await send({ event: 'overview', data: overview });
      }
    } finally {
      watch.end();
    }
  });
}

/** The stream, and the connection that nobody reads. */
function cutOff(c: Context, stream: SSEStreamingApi): void {
  stream.abort();
  (c.env as HttpBindings | undefined)?.outgoing.destroy();
}
