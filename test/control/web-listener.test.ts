/** The TCP address of --web and its token, as the host has them: taken, not to be had, given back. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readToken } from '../../src/control/token.ts';
import { openWebListener } from '../../src/control/web-listener.ts';

describe('the listener', () => {
  test.each([
    ['127.0.0.1', 'http://127.0.0.1:'],
    ['::1', 'http://[::1]:'],
  ])('on %s answers when it is told with what, and gives the port back', async (address, url) => {
    const listener = await openWebListener({ address, port: 0 });
    expect([listener.url.startsWith(url), listener.isLoopback]).toEqual([true, true]);
    const early = await fetch(listener.url);
    expect([early.status, await early.text()]).toEqual([503, 'the director is starting\n']);
    listener.serve((_request, response) => response.end('here'));
    expect(await (await fetch(listener.url)).text()).toBe('here');
    await listener.close();
    await listener.close();
    await expect(fetch(listener.url)).rejects.toThrow();
  });

  test('on all addresses is none of loopback', async () => {
    const listener = await openWebListener({ address: '0.0.0.0', port: 0 });
    expect(listener.isLoopback).toBe(false);
    await listener.close();
  });

  test('cannot have a port that somebody has, nor an address that the host has not', async () => {
    const listener = await openWebListener({ address: '127.0.0.1', port: 0 });
    const port = Number(new URL(listener.url).port);
    await expect(openWebListener({ address: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'WEB_ADDRESS',
      message: `cannot listen on --web 127.0.0.1:${port}: another program listens there; ss -ltnp shows which, or take another port`,
    });
    await listener.close();
    await expect(openWebListener({ address: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'WEB_ADDRESS',
      message: expect.stringContaining('this host does not have the address'),
    });
  });
});

describe('the token', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'director-token-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function fileOf(text: string, mode = 0o600): string {
    const path = join(folder, `${Math.random()}`);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  test.each(['0123456789abcdef', '0123456789abcdef\n', '  0123456789abcdef \n'])('%j', (text) => {
    const token = readToken(fileOf(text));
    expect(token('0123456789abcdef')).toBe(true);
    for (const other of [
      '',
      '0',
      '0123456789abcdeF',
      '0123456789abcdef ',
      '0123456789abcdef0123456789abcdef',
    ])
      expect(token(other)).toBe(false);
  });

  test.each([
    '',
    '\n',
    '0123456789abcde',
    '0123456789 abcdef',
    '0123456789abcdef\n0123456789abcdef',
    '0123456789äbcdef',
  ])('%j is none', (text) =>
    expect(() => readToken(fileOf(text))).toThrow(/expected one word of at least 16 characters; openssl/),
  );

  test.each([0o644, 0o604, 0o602])('a file of mode %o is open to all', (mode) => {
    const path = fileOf('0123456789abcdef', mode);
    expect(() => readToken(path)).toThrow(`(mode ${mode.toString(8)}); run: chmod 600 ${path}`);
  });

  test.each([0o600, 0o400, 0o640])('a file of mode %o is not', (mode) => {
    expect(() => readToken(fileOf('0123456789abcdef', mode))).not.toThrow();
  });

  test('needs a file', () => {
    expect(() => readToken(join(folder, 'none'))).toThrow(/there is no such file; openssl rand -hex 32/);
    expect(() => readToken(folder)).toThrow(/cannot read the token file/);
  });
});
