/** What the web listener answers, to whom, and with which headers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWebApp, type WebAppOptions } from '../../src/control/web-app.ts';

const TOKEN = 'a-word-that-nobody-guesses';
const WITH_TOKEN = { authorization: `Bearer ${TOKEN}` };

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'director-web-'));
  mkdirSync(join(folder, 'web/assets'), { recursive: true });
  writeFileSync(join(folder, 'secret'), 'secret');
  for (const [name, text] of Object.entries({
    'index.html': '<!doctype html>',
    'assets/main-abc123.js': 'export {};',
    'assets/main-abc123.css': 'body {}',
    'icon.svg': '<svg/>',
  }))
    writeFileSync(join(folder, 'web', name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The control application is one that says what it was asked. */
function web(options: Partial<WebAppOptions> = {}) {
  const control = new Hono();
  control.all('*', async (c) =>
    c.json({ asked: `${c.req.method} ${c.req.path} ${await c.req.text()}`.trim() }),
  );
  const app = createWebApp({
    control,
    token: (given) => given === TOKEN,
    isLoopback: true,
    folder: join(folder, 'web'),
    ...options,
  });
  return (path: string, init: RequestInit = {}) =>
    app.request(path, { ...init, headers: { host: '127.0.0.1:8080', ...init.headers } });
}

describe('what reads', () => {
  test.each(['/v1/status', '/v1/stream', '/v1/nothing', '/metrics'])(
    'GET %s is asked of the director',
    async (path) => {
      const response = await web()(path);
      expect([response.status, await response.json()]).toEqual([200, { asked: `GET ${path}` }]);
      expect(response.headers.get('cache-control')).toBe('no-store');
    },
  );

  test.each(['/v2/status', '/metrics/x', '/v'])('GET %s is not', async (path) => {
    expect((await web()(path)).status).toBe(404);
  });
});

describe('what changes', () => {
  const drain = { method: 'POST', body: '{"drained":true}' };

  test('is carried out with the token', async () => {
    const response = await web()('/v1/drains', { ...drain, headers: WITH_TOKEN });
    expect([response.status, await response.json()]).toEqual([
      200,
      { asked: 'POST /v1/drains {"drained":true}' },
    ]);
  });

  test.each([
    [undefined, 'changes need the token'],
    ['Bearer', 'changes need the token'],
    [`Basic ${TOKEN}`, 'changes need the token'],
    [TOKEN, 'changes need the token'],
    ['Bearer wrong', 'this is not the token'],
    [`Bearer ${TOKEN}x`, 'this is not the token'],
    [`Bearer ${TOKEN} x`, 'changes need the token'],
  ])('is refused with %s', async (authorization, message) => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await web()('/v1/drains', { ...drain, headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="director"');
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect([error.code, error.message]).toEqual(['TOKEN_NEEDED', expect.stringContaining(message)]);
  });

  test('is refused where there is no token, also with one', async () => {
    const response = await web({ token: undefined })('/v1/drains', { ...drain, headers: WITH_TOKEN });
    expect([response.status, await response.json()]).toEqual([
      403,
      {
        error: {
          code: 'READ_ONLY',
          message: 'nothing can be changed here: the director runs without --web-token-file',
        },
      },
    ]);
  });

  test.each(['stop', 'restart', 'checks', 'plans', 'apply'])(
    '%s is for the control socket alone',
    async (call) => {
      const response = await web()(`/v1/${call}`, { method: 'POST', headers: WITH_TOKEN });
      expect([response.status, ((await response.json()) as { error: object }).error]).toEqual([
        403,
        { code: 'NOT_OVER_WEB', message: `POST /v1/${call} is served on the control socket only` },
      ]);
    },
  );

  test.each(['DELETE', 'PUT', 'PATCH', 'OPTIONS'])('%s needs the token as well', async (method) => {
    expect((await web()('/v1/connections', { method })).status).toBe(401);
  });
});

describe('the name by which it is asked', () => {
  test.each(['localhost', 'LOCALHOST:80', '127.0.0.1', '127.9.9.9:8080', '[::1]', '[::1]:8080'])(
    '%s is one of loopback',
    async (host) => expect((await web()('/v1/status', { headers: { host } })).status).toBe(200),
  );

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '',
    '[::2]:80',
    '::1',
  ])('%s is not', async (host) => {
    const response = await web()('/v1/status', { headers: { host } });
    expect(response.status).toBe(403);
  });

  test('is whatever leads to another address', async () => {
    expect((await web({ isLoopback: false })('/v1/status', { headers: { host: 'lb.example' } })).status).toBe(
      200,
    );
  });
});

describe('the page', () => {
  test.each([
    ['/', 'text/html; charset=utf-8', 'no-store'],
    ['/index.html', 'text/html; charset=utf-8', 'no-store'],
    ['/icon.svg', 'image/svg+xml; charset=utf-8', 'no-store'],
    ['/assets/main-abc123.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/assets/main-abc123.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
  ])('%s', async (path, type, caching) => {
    const response = await web()(path);
    await response.text();
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('cache-control'),
    ]).toEqual([200, type, caching]);
  });

  test.each([
    '/../secret',
    '/..%2fsecret',
    '/%2e%2e/secret',
    '/assets/..%2f..%2fsecret',
    '/assets/%252e%252e/secret',
    '/assets//../../secret',
    '/..\\secret',
    '/assets/none.js',
    '/%00',
    '/%ff',
  ])('%s is not of it', async (path) => {
    const response = await web()(path);
    expect(response.status).toBe(404);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).not.toBe('secret');
  });

  test('that is not built is said to be so, until it is', async () => {
    const later = join(folder, 'later');
    const ask = web({ folder: later });
    const response = await ask('/');
    expect([response.status, await response.text()]).toEqual([
      404,
      `the page is not built: there is no ${later}; run: npm run build\n`,
    ]);
    mkdirSync(later);
    writeFileSync(join(later, 'index.html'), 'now');
    expect(await (await ask('/')).text()).toBe('now');
  });
});

test.each([
  ['/', {}],
  ['/v1/status', {}],
  ['/none', {}],
  ['/v1/drains', { method: 'POST' }],
  ['/v1/status', { headers: { host: 'evil.example' } }],
])('%s %j carries what keeps a browser safe', async (path, init) => {
  const { headers } = await web()(path, init);
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-security-policy':
      "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  });
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});
