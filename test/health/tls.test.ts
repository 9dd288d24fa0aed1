import { createServer as createHttpsServer } from 'node:https';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import type { HttpsCheck, TlsCheck } from '../../src/health/check.ts';
import { Authority, hasOpenssl, type KeyPair } from './authority.ts';
import { bad, check, closedPort, GOOD, listen, listenTcp, SHORT_MS, targetOn } from './loopback.ts';

describe.skipIf(!hasOpenssl)('with certificates', { timeout: 30_000 }, () => {
  const authority = hasOpenssl ? new Authority() : undefined!;
  const good = authority?.issue('DNS:a.example,IP:127.0.0.1');
  const expired = authority?.issue('DNS:a.example', -1);
  afterAll(() => authority?.remove());

  const trusting = { verify: true, authority: authority?.pem };
  const serveTls = (pair: KeyPair, options: TlsOptions = {}) =>
    listen(createServer({ ...pair, ...options }, (socket) => void socket.on('error', () => {}).resume()));
  const serveHttps = (pair: KeyPair, text: string) =>
    listen(createHttpsServer(pair, (_request, response) => void response.end(text)));

  describe('a TLS check', () => {
    const tls = (more: Partial<TlsCheck> = {}): TlsCheck => ({ kind: 'tls', verify: false, ...more });

    test.each([
      ['not verified', {}, GOOD],
      ['without a name', trusting, GOOD],
      ['of the name', { ...trusting, serverName: 'a.example' }, GOOD],
      ['of the address', { ...trusting, serverName: '127.0.0.1' }, GOOD],
      ['of another name', { ...trusting, serverName: 'b.example' }, bad('certificate is not for b.example')],
      ['of a stranger', { verify: true }, bad('certificate is from an authority that is not trusted')],
    ])('of a certificate %s', async (_name, more, result) => {
      expect(await check(tls(more), targetOn(await serveTls(good)))).toEqual(result);
    });

    test('of a certificate that has expired', async () => {
      const port = await serveTls(expired);
      expect(await check(tls(trusting), targetOn(port))).toEqual(bad('certificate has expired'));
      expect(await check(tls(), targetOn(port))).toEqual(GOOD);
    });

    test('tells the server the name, and no address', async () => {
      const names: unknown[] = [];
      const SNICallback: TlsOptions['SNICallback'] = (name, done) => {
        names.push(name);
        done(null);
      };
      const port = await serveTls(good, { SNICallback });
      await check(tls({ serverName: 'a.example' }), targetOn(port));
      await check(tls({ serverName: '127.0.0.1' }), targetOn(port));
      expect(names).toEqual(['a.example']);
    });

    test('of a server with which there is no common ground says what the server said', async () => {
      const port = await serveTls(good, {
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.2',
        ciphers: 'AES128-SHA256',
      });
      expect(await check(tls(), targetOn(port))).toEqual(
        bad(/^TLS alert from the server: handshake failure$/),
      );
    });
  });

  describe('an HTTPS check', () => {
    const https = (more: Partial<HttpsCheck> = {}): HttpsCheck => ({ kind: 'https', verify: false, ...more });

    test('asks as HTTP does', async () => {
      const port = await serveHttps(good, 'pong');
      expect(await check(https(), targetOn(port))).toEqual(GOOD);
      expect(await check(https({ expectBody: 'pong' }), targetOn(port))).toEqual(GOOD);
      expect(await check(https({ expectBody: 'pang' }), targetOn(port))).toEqual(bad('answer has no "pang"'));
      expect(await check(https({ expectStatus: '404' }), targetOn(port))).toEqual(
        bad('status 200, expected 404'),
      );
      expect(await check(https({ path: '/a b' }), targetOn(port))).toEqual(bad(/unescaped/));
    });

    test('expects the certificate of the host that it asks for', async () => {
      const port = await serveHttps(good, '');
      expect(await check(https({ ...trusting, host: 'a.example' }), targetOn(port))).toEqual(GOOD);
      expect(await check(https({ ...trusting, host: `a.example:${port}` }), targetOn(port))).toEqual(GOOD);
      const other = https({ ...trusting, host: 'b.example' });
      expect(await check(other, targetOn(port))).toEqual(bad('certificate is not for b.example'));
      const named = https({ ...trusting, host: 'b.example', serverName: 'a.example' });
      expect(await check(named, targetOn(port))).toEqual(GOOD);
    });
  });
});

describe.each(['tls', 'https'] as const)('a check of kind %s', { timeout: 30_000 }, (kind) => {
  const options = { kind, verify: true } as const;
  const silence = kind === 'tls' ? 'no TLS handshake within 0.3 s' : 'no answer within 0.3 s';

  test.each([
    ['refuses', closedPort, 'connection refused'],
    ['says nothing', () => listenTcp(() => {}), silence],
    [
      'closes',
      () => listenTcp((socket) => socket.resume().end()),
      'connection closed during the TLS handshake',
    ],
    [
      'answers in clear text',
      () => listenTcp((socket) => void socket.once('data', () => socket.write('HTTP/1.1 400 Bad\r\n\r\n'))),
      'answer is not TLS',
    ],
    [
      'sends garbage',
      () => listenTcp((socket) => void socket.once('data', () => socket.write(Buffer.alloc(9000, 0xa5)))),
      /./,
    ],
  ] as const)('of a server that %s', async (_name, start, cause) => {
    expect(
      await check(options, targetOn(await start()), SHORT_MS * 10 ** (cause === silence ? 0 : 1)),
    ).toEqual(bad(cause));
  });

  test('with an authority that is none fails', async () => {
    const port = await listenTcp(() => {});
    expect(await check({ ...options, authority: 'no PEM' }, targetOn(port), SHORT_MS)).toHaveProperty(
      'ok',
      false,
    );
  });
});
