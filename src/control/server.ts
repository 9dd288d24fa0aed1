/** The control socket: a unix socket that root and the group `director` may use. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { DirectorError } from '../errors.ts';
import { createClient } from './client.ts';
import { closeServer } from './close-server.ts';

const GROUP = 'director';
const SOCKET_MODE = 0o660;
const OWNER_ANSWERS_WITHIN_MS = 1000;

/** Listens on `path`; a socket file that nobody answers on is replaced. The result closes it and removes the file. */
export async function serveControl(app: Hono, path: string): Promise<() => Promise<void>> {
  await removeStaleSocket(path);
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer(getRequestListener(app.fetch));
  const umask = process.umask(0o177);
  try {
    await listening(server, path);
  } finally {
    process.umask(umask);
  }
  giveToGroup(path);
  return async () => {
    await closeServer(server);
    rmSync(path, { force: true });
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new DirectorError('SOCKET_IN_USE', `cannot listen on ${path}: ${cause.message}`, { path }, cause),
      );
    });
    server.listen(path, resolve);
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  if (!(await answers(path))) {
    rmSync(path, { force: true });
    return;
  }
  const client = createClient({ socketPath: path, timeoutMs: OWNER_ANSWERS_WITHIN_MS });
  const status = await client.readStatus().catch(() => undefined);
  client.close();
  const owner =
    status === undefined
      ? 'another process'
      : `the director with pid ${status.pid} on ${status.interface.name}`;
  throw new DirectorError('SOCKET_IN_USE', `${owner} answers on ${path}; stop it or give another --socket`, {
    path,
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Root's alone where there is no such group. */
function giveToGroup(path: string): void {
  chmodSync(path, SOCKET_MODE);
  try {
    const entry = execFileSync('getent', ['group', GROUP], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    chownSync(path, 0, Number(entry.split(':')[2]));
  } catch {
    chownSync(path, 0, 0);
  }
}
