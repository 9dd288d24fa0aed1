/** Servers on loopback for the tests of health checks, a check of one of them, and what a check left behind. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { getEventListeners, once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, vi } from 'vitest';
import type { CheckOptions, CheckResult, CheckTarget } from '../../src/health/check.ts';
import { runCheck } from '../../src/health/run-check.ts';

/** For checks that are to be answered; CI machines are slow. */
export const LONG_MS = 20_000;
/** For checks that are to time out. */
export const SHORT_MS = 300;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Runs after the test. */
export const afterwards = (close: () => void): void => void closers.push(close);

/** Makes `server` listen; its port. Its connections end with the test. */
export async function listen(server: Server, address = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, address);
  await once(server, 'listening');
  afterwards(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A TCP server that does as told with each connection. */
export const listenTcp = (serve: (socket: Socket) => void, address?: string): Promise<number> =>
  listen(createServer(serve), address);

/** Sends `head` upon the first data, then `part` again and again until the connection ends. */
export function endless(head: string, part: string | Buffer, everyMs = 0): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', () => {
      socket.write(head);
      const more = () => {
        if (socket.destroyed) return;
        const next = () => setTimeout(more, everyMs);
        if (socket.write(part)) next();
        else socket.once('drain', next);
      };
      more();
    });
  };
}

/** A UDP server: its port. */
export async function listenUdp(
  serve: (message: Buffer, answer: (bytes: string | Buffer) => void, from: RemoteInfo) => void,
  address = '127.0.0.1',
): Promise<number> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, from) =>
    serve(message, (bytes) => socket.send(bytes, from.port, from.address), from),
  );
  socket.bind(0, address);
  await once(socket, 'listening');
  afterwards(() => socket.close());
  return socket.address().port;
}

/** A port that nothing listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export const targetOn = (port: number, more: Partial<CheckTarget> = {}): CheckTarget => ({
  address: '127.0.0.1',
  port,
  mark: 0,
  virtual: null,
  service: 'web',
  ...more,
});

/** Runs a check; expects a well-formed result, and that the check leaves no listener and no socket. */
export async function check(
  options: CheckOptions,
  target: CheckTarget,
  timeoutMs = LONG_MS,
  { signal } = new AbortController(),
): Promise<CheckResult> {
  const before = openSockets().length;
  const result = await runCheck(options, target, timeoutMs, signal);
  expect(result.durationMs).toBeGreaterThanOrEqual(0);
  expect(result.ok).toBe(result.cause === '');
  expect(result.cause).not.toMatch(/\p{Cc}/u);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  // The server's ends go a little later.
  await vi.waitFor(() => expect(openSockets().length).toBeLessThanOrEqual(before), { timeout: 10_000 });
  return result;
}

/** Sockets of this process, by inode. */
export function openSockets(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`);
      return link.startsWith('socket:') ? [link] : [];
    } catch {
      return [];
    }
  });
}

/** What runCheck() says when all is well, and when not. */
export const GOOD = expect.objectContaining({ ok: true, cause: '' });
export const bad = (cause: string | RegExp) =>
  expect.objectContaining({
    ok: false,
    cause: typeof cause === 'string' ? cause : expect.stringMatching(cause),
  });
