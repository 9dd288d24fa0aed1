import { describe, expect, test } from 'vitest';
import { runCheck } from '../../src/health/run-check.ts';
import { bad, check, closedPort, GOOD, LONG_MS, listenTcp, openSockets, targetOn } from './loopback.ts';

describe('a TCP check', { timeout: 30_000 }, () => {
  test('is good when the connection is made, over IPv4 and IPv6', async () => {
    expect(await check({ kind: 'tcp' }, targetOn(await listenTcp(() => {})))).toEqual(GOOD);
    const port = await listenTcp(() => {}, '::1');
    expect(await check({ kind: 'tcp' }, targetOn(port, { address: '::1' }))).toEqual(GOOD);
  });

  test('of a port that nobody listens on is not', async () => {
    expect(await check({ kind: 'tcp' }, targetOn(await closedPort()))).toEqual(bad('connection refused'));
  });

  test('ends with a reset, so that no port waits for a minute', async () => {
    let ended = (_how: string) => {};
    const end = new Promise<string>((resolve) => {
      ended = resolve;
    });
    const port = await listenTcp((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => ended(error.code ?? ''));
      socket.on('end', () => ended('FIN'));
      socket.resume();
    });
    await check({ kind: 'tcp' }, targetOn(port));
    expect(await end).toBe('ECONNRESET');
  });

  test('that is cancelled before it begins, or under way, is not good', async () => {
    const port = await listenTcp(() => {});
    expect(await runCheck({ kind: 'tcp' }, targetOn(port), LONG_MS, AbortSignal.abort())).toEqual(
      bad('cancelled'),
    );
    const controller = new AbortController();
    const result = check({ kind: 'http' }, targetOn(port), LONG_MS, controller);
    controller.abort();
    expect(await result).toEqual(bad('cancelled'));
  });

  test('does not reject what cannot be: it fails', async () => {
    expect(await check({ kind: 'tcp' }, targetOn(70_000))).toEqual(
      bad('there is no port 70000 to connect to'),
    );
  });

  test('is one of three hundred that wait for one signal', async () => {
    const port = await listenTcp((socket) => void socket.resume());
    const controller = new AbortController();
    const before = openSockets().length;
    const start = (kind: 'tcp' | 'http') => runCheck({ kind }, targetOn(port), LONG_MS, controller.signal);
    const silent = Array.from({ length: 150 }, () => start('http'));
    const quick = Array.from({ length: 150 }, () => start('tcp'));
    expect((await Promise.all(quick)).filter(({ ok }) => !ok)).toEqual([]);
    controller.abort();
    expect(new Set((await Promise.all(silent)).map(({ cause }) => cause))).toEqual(new Set(['cancelled']));
    await expect.poll(() => openSockets().length, { timeout: LONG_MS }).toBeLessThanOrEqual(before);
  });
});
