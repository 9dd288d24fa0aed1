import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type DirectorClient } from '../../src/control/client.ts';

let folder: string;
let socketPath: string;
let server: Server | undefined;
let client: DirectorClient;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-test-'));
  socketPath = join(folder, 'socket');
  client = createClient({ socketPath, timeoutMs: 200 });
});

afterEach(async () => {
  client.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
  rmSync(folder, { recursive: true });
});

const listen = (listener: RequestListener) =>
  new Promise<void>((resolve) => {
    server = createServer(listener).listen(socketPath, resolve);
  });

const answer =
  (statusCode: number, body: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(statusCode).end(typeof body === 'string' ? body : JSON.stringify(body));

describe('a client of the control socket', () => {
  it('says that no director answers where there is no socket, or a stale one', async () => {
    await expect(client.listServices()).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: `no director answers on ${socketPath} (there is no such socket)`,
    });
    writeFileSync(socketPath, '');
    await expect(client.listServices()).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' });
  });

  it('gives up when no answer comes', async () => {
    await listen(() => {});
    await expect(client.listServices()).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: expect.stringContaining('no answer within 0.2 s'),
    });
  });

  it('hands on the daemon’s own errors', async () => {
    await listen(answer(400, { error: { code: 'BAD_REQUEST', message: 'the body is not JSON' } }));
    await expect(client.applyEdits([])).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: 'the body is not JSON',
    });
  });

  it.each([
    [200, 'hello'],
    [200, 'null'],
    [200, { results: [null] }],
    [500, {}],
    [500, { error: { code: 'TOSTRING', message: 'x' } }],
    [500, { error: null }],
  ])('does not take %i %j for an answer', async (statusCode, body) => {
    await listen(answer(statusCode, body));
    await expect(client.applyEdits([])).rejects.toMatchObject({ code: 'DAEMON_REPLY' });
  });

  it('does not ask anew when it is closed while it waits, which would keep the process alive', async () => {
    let asked = 0;
    await listen((_, response) => {
      asked++;
      if (asked === 1) response.end('{"services":[]}');
    });
    await client.listServices();
    const waiting = client.listServices();
    await expect.poll(() => asked).toBe(2);
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' });
    expect(asked).toBe(2);
  });

  it('keeps one connection for many calls, and comes back after the daemon has closed it', async () => {
    let connectionCount = 0;
    await listen(answer(200, { results: [] }));
    server!.on('connection', () => connectionCount++);
    for (let call = 0; call < 5; call++) await client.applyEdits([]);
    expect(connectionCount).toBe(1);
    server!.closeIdleConnections();
    await client.applyEdits([]);
    expect(connectionCount).toBe(2);
  });

  it('reads connections page by page', async () => {
    const asked: string[] = [];
    await listen((request, response) => {
      asked.push(request.url ?? '');
      response.end(
        JSON.stringify({ connections: [], nextCursor: asked.length < 3 ? asked.length * 7 : null }),
      );
    });
    let pageCount = 0;
    for await (const _ of client.listConnections()) pageCount++;
    expect(pageCount).toBe(3);
    expect(asked.map((url) => new URL(url, 'http://x').searchParams.get('cursor'))).toEqual(['0', '7', '14']);
  });
});
