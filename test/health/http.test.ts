import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { HttpCheck } from '../../src/health/check.ts';
import { bad, check, closedPort, endless, GOOD, listen, listenTcp, SHORT_MS, targetOn } from './loopback.ts';

const http = (more: Partial<HttpCheck> = {}): HttpCheck => ({ kind: 'http', ...more });

const serve = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  listen(createServer(answer));
const serveText = (text: string, status = 200) =>
  serve((_request, response) => void response.writeHead(status).end(text));
/** Answers with these bytes, and leaves the connection open. */
const serveBytes = (bytes: string) =>
  listenTcp((socket) => void socket.once('data', () => socket.write(bytes)));

describe('an HTTP check', { timeout: 30_000 }, () => {
  test.each([
    ['200', 200, GOOD],
    ['200-399', 302, GOOD],
    ['200,204', 204, GOOD],
    ['404', 404, GOOD],
    [undefined, 399, GOOD],
    [undefined, 503, bad('status 503, expected 200-399')],
    ['200,204', 301, bad('status 301, expected 200,204')],
  ])('that expects %s and gets %i', async (expectStatus, status, result) => {
    const options = expectStatus === undefined ? http() : http({ expectStatus });
    expect(await check(options, targetOn(await serveText('', status)))).toEqual(result);
  });

  test('asks for method, path and host', async () => {
    const seen: unknown[] = [];
    const port = await serve(({ method, url, headers }, response) => {
      seen.push([method, url, headers.host, headers.connection, headers['user-agent']]);
      response.end();
    });
    await check(http({ method: 'HEAD', path: '/health?deep=1', host: 'www.example' }), targetOn(port));
    await check(http(), targetOn(port));
    await check(http(), targetOn(port, { virtual: { protocol: 'tcp', address: '2001:db8::1', port: 80 } }));
    await check(http(), targetOn(port, { virtual: { protocol: 'tcp', address: '192.0.2.1', port: 8080 } }));
    expect(seen).toEqual([
      ['HEAD', '/health?deep=1', 'www.example', 'close', 'director'],
      ['GET', '/', `127.0.0.1:${port}`, 'close', 'director'],
      ['GET', '/', '[2001:db8::1]', 'close', 'director'],
      ['GET', '/', '192.0.2.1:8080', 'close', 'director'],
    ]);
  });

  test('looks for a text in the body', async () => {
    const port = await serveText('ping pong');
    expect(await check(http({ expectBody: 'pong' }), targetOn(port))).toEqual(GOOD);
    expect(await check(http({ expectBody: 'pang' }), targetOn(port))).toEqual(bad('answer has no "pang"'));
    const head = http({ expectBody: 'pong', method: 'HEAD' });
    expect(await check(head, targetOn(port))).toEqual(bad('answer has no "pong"'));
  });

  test('takes 101 as the status that it is', async () => {
    const port = await serveBytes('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    expect(await check(http(), targetOn(port))).toEqual(bad('status 101, expected 200-399'));
  });

  test.each([
    ['refused', closedPort, 'connection refused'],
    ['closed without a word', () => listenTcp((socket) => socket.end()), 'connection closed by the server'],
    [
      'reset after the question',
      () => listenTcp((socket) => void socket.once('data', () => socket.resetAndDestroy())),
      'connection closed by the server',
    ],
  ] as const)('of a connection that is %s', async (_name, start, cause) => {
    expect(await check(http(), targetOn(await start()))).toEqual(bad(cause));
  });

  test('of a body that is cut short', async () => {
    const port = await listenTcp(
      (socket) =>
        void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npo')),
    );
    const result = await check(http({ expectBody: 'pong' }), targetOn(port));
    expect(result).toEqual(bad('connection closed before the end of the answer'));
  });

  test('that cannot be asked fails', async () => {
    const port = await serveText('');
    expect(await check(http({ path: '/a b' }), targetOn(port))).toEqual(bad(/unescaped characters/));
    expect(await check(http({ host: 'a\nb' }), targetOn(port))).toEqual(bad(/[Ii]nvalid character/));
    expect(await check(http({ expectStatus: 'fine' }), targetOn(port))).toEqual(bad(/"fine"/));
  });
});

describe('an HTTP check of a hostile server', { timeout: 30_000 }, () => {
  const OK = 'HTTP/1.1 200 OK\r\n';

  test.each([
    ['says nothing', '', {}, `no answer within 0.3 s`],
    ['speaks something else', 'SSH-2.0-OpenSSH_9.2\r\n', {}, 'answer is not HTTP'],
    ['sends garbage', '\x00\xff\x01\x16\x03', {}, 'answer is not HTTP'],
    ['never ends its header', `${OK}X-Half: `, {}, 'no answer within 0.3 s'],
    [
      'never ends its body',
      `${OK}Content-Length: 9\r\n\r\npo`,
      { expectBody: 'x' },
      'no end of the answer within 0.3 s',
    ],
    ['never gets beyond 100', 'HTTP/1.1 100 Continue\r\n\r\n', {}, 'no answer within 0.3 s'],
    [
      'sends a bad chunk',
      `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      { expectBody: 'x' },
      'answer is not HTTP',
    ],
  ])('that %s', async (_name, bytes, more, cause) => {
    expect(await check(http(more), targetOn(await serveBytes(bytes)), SHORT_MS)).toEqual(bad(cause));
  });

  const BIG = Buffer.alloc(64 * 1024, 'a: b\r\n');
  test.each([
    ['header', `${OK}A: b\r\n`, BIG, {}, 'header is longer than 16 KiB'],
    ['header line', `${OK}A: `, 'x'.repeat(65_536), {}, 'header is longer than 16 KiB'],
    ['status line', 'HTTP/1.1 200 ', 'x'.repeat(65_536), {}, /./],
    ['body', `${OK}\r\n`, BIG, { expectBody: 'zzz' }, 'no "zzz" in the first 64 KiB of the answer'],
    ['row of 100s', '', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000), {}, 'no answer within 0.3 s'],
    [
      'trickle',
      `${OK}Content-Length: 99999\r\n\r\n`,
      'x',
      { expectBody: 'zzz' },
      'no end of the answer within 0.3 s',
    ],
  ])('with an endless %s', async (_name, head, part, more, cause) => {
    const port = await listenTcp(endless(head, part, 5));
    const heldBytes = process.memoryUsage().rss;
    expect(await check(http(more), targetOn(port), SHORT_MS)).toEqual(bad(cause));
    expect(process.memoryUsage().rss - heldBytes).toBeLessThan(200e6);
  });

  test('whose endless body is not looked at is good', async () => {
    const port = await listenTcp(endless(`${OK}\r\n`, BIG));
    expect(await check(http(), targetOn(port))).toEqual(GOOD);
  });
});
