/** GET /v1/stream over real connections: what comes, how a slow reader is treated, what is left when readers go. */
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DirectorApi } from '../../src/control/api.ts';
import { createControlApp } from '../../src/control/app.ts';
import { Feed, MAX_WATCHERS } from '../../src/observe/feed.ts';
import { History } from '../../src/observe/history.ts';

const SOON = { timeout: 10_000, interval: 5 };

let history: History;
let feed: Feed;
let server: Server;
let port: number;
let overview: object;
const opened: IncomingMessage[] = [];

beforeEach(async () => {
  overview = { n: 1 };
  history = new History();
  feed = new Feed({ history, overview: async () => overview as never });
  const api = {
    history: (after, limit) => ({ entries: history.list(after, limit) }),
    watch: (service, wake) => feed.watch(service, wake),
  } as Partial<DirectorApi> as DirectorApi;
  server = createServer(getRequestListener(createControlApp(api).fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  feed.close();
  for (const response of opened.splice(0)) response.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function open(query = '', headers = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: `/v1/stream${query}`, headers, agent: false }, (response) => {
      opened.push(response);
      response.on('error', () => {});
      resolve(response);
    }).on('error', reject);
  });
}

/** Collects `event data` of each event. */
function collect(response: IncomingMessage): string[] {
  const events: string[] = [];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const parts = text.split('\n\n');
    text = parts.pop()!;
    for (const part of parts) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
      const { message } = JSON.parse(field('data')!) as { message?: string };
      events.push(field('event') === 'history' ? `${field('id')} ${message}` : field('data')!);
    }
  });
  response.resume();
  return events;
}

describe('a stream', () => {
  test('of many that had happened has the newest, behind the first overview', async () => {
    for (let n = 1; n <= 500; n++) history.note('datapath', `no ${n}`);
    const newest = Array.from({ length: 250 }, (_, n) => `${251 + n} no ${251 + n}`);
    for (const after of [0, 9000]) {
      const events = collect(await open(`?after=${after}&backlog=250`));
      await vi.waitFor(() => expect(events).toEqual(['{"n":1}', ...newest]), SOON);
    }
    const few = collect(await open('?after=498&backlog=250'));
    await vi.waitFor(() => expect(few).toEqual(['{"n":1}', '499 no 499', '500 no 500']), SOON);
  });

  test('begins with an overview, and goes on with what happens', async () => {
    history.note('datapath', 'before');
    const response = await open();
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream']);
    const events = collect(response);
    await vi.waitFor(() => expect(events).toEqual(['{"n":1}']), SOON);
    history.note('warning', 'one');
    await vi.waitFor(() => expect(events).toEqual(['{"n":1}', '2 one']), SOON);
    overview = { n: 2 };
    await feed.tellAll();
    await vi.waitFor(() => expect(events).toEqual(['{"n":1}', '2 one', '{"n":2}']), SOON);
  });

  test.each([
    ['?after=1', {}],
    ['', { 'last-event-id': '1' }],
    ['?after=0', { 'last-event-id': '1' }],
  ])('%s %j goes on after the event that the reader has', async (query, headers) => {
    for (const message of ['a', 'b', 'c']) history.note('warning', message);
    const events = collect(await open(query, headers));
    await vi.waitFor(() => expect(events).toContain('{"n":1}'), SOON);
    expect(events.filter((event) => !event.startsWith('{'))).toEqual(['2 b', '3 c']);
  });

  test('brings a long history whole and in order', async () => {
    for (let number = 1; number <= 1234; number++) history.note('warning', `m${number}`);
    const events = collect(await open('?after=0'));
    const expected = Array.from({ length: 1234 }, (_, index) => `${index + 1} m${index + 1}`);
    await vi.waitFor(() => expect(events.filter((event) => !event.startsWith('{'))).toEqual(expected), SOON);
  });

  test.each(['?after=-1', '?after=x', '?service=a&service2=b'])('%s is refused', async (query) => {
    expect((await open(query)).statusCode).toBe(400);
    expect(feed.watcherCount).toBe(0);
  });

  test('to look at nothing but the head of it opens none', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/stream`, { method: 'HEAD' });
    expect([response.status, feed.watcherCount]).toEqual([200, 0]);
  });

  test('is forgotten when its reader goes', async () => {
    const responses = await Promise.all(Array.from({ length: 10 }, () => open()));
    expect(feed.watcherCount).toBe(10);
    for (const response of responses) response.destroy();
    await vi.waitFor(() => expect(feed.watcherCount).toBe(0), SOON);
  });

  test('is one of so many; the next is told to wait', async () => {
    for (let count = 0; count < MAX_WATCHERS; count++) await open();
    const response = await open();
    let text = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await vi.waitFor(() => expect(text).toContain('TOO_MANY_STREAMS'), SOON);
    expect(response.statusCode).toBe(503);
  });

  test('ends when the daemon does', async () => {
    const response = await open();
    response.resume();
    const ended = new Promise((resolve) => response.on('end', resolve));
    await vi.waitFor(() => expect(feed.watcherCount).toBe(1), SOON);
    feed.close();
    await ended;
  });
});

describe('a reader that takes nothing', () => {
  test('gets the newest when it goes on, and what it missed of the history', async () => {
    overview = { n: 0, filling: 'x'.repeat(4_000_000) };
    const response = await open();
    response.pause();
    await vi.waitFor(() => expect(feed.watcherCount).toBe(1), SOON);
    for (let n = 1; n <= 50; n++) {
      overview = { n };
      history.note('warning', `m${n}`);
      await feed.tellAll();
    }
    const events = collect(response);
    await vi.waitFor(() => expect(events.at(-1)).toBe('{"n":50}'), SOON);
    const overviews = events.filter((event) => event.startsWith('{'));
    expect(overviews.length).toBeLessThan(5);
    expect(events.filter((event) => !event.startsWith('{'))).toHaveLength(50);
  });

  test('is cut off in the end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      overview = { filling: 'x'.repeat(4_000_000) };
      const response = await open();
      response.pause();
      for (let count = 0; count < 10; count++) {
        await feed.tellAll();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(feed.watcherCount).toBe(1);
      vi.advanceTimersByTime(10_000);
      const isGone = () => feed.watcherCount === 0;
      for (let turn = 0; turn < 1000 && !isGone(); turn++)
        await new Promise((resolve) => setImmediate(resolve));
      expect(isGone()).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
