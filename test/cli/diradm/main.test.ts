/** The command as a process: exit code, name, pipes. Everything else is tested without one. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDaemon } from './fake-daemon.ts';

const MAIN = 'src/cli/diradm/main.ts';
const folder = mkdtempSync(join(tmpdir(), 'diradm-test-'));
const socketPath = join(folder, 'socket');
let server: Server;

beforeAll(() => {
  server = createServer(getRequestListener(new FakeDaemon().app.fetch)).listen(socketPath);
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const TSX = join(import.meta.dirname, '../../../node_modules/.bin/tsx');

function shell(
  script: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ exit: number; stdout: string; stderr: string }> {
  const options = { env: { ...process.env, DIRECTOR_SOCKET: socketPath, D: `${TSX} ${MAIN}`, ...env } };
  return new Promise((resolve) => {
    execFile('/bin/bash', ['-o', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
      resolve({ exit: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

describe('diradm', { timeout: 20_000 }, () => {
  it('changes and lists what the daemon holds', async () => {
    expect(await shell('echo "-A -t 10.0.0.1:80 -s rr" | $D -R && $D -Sn')).toEqual({
      exit: 0,
      stdout: '-A -t 10.0.0.1:80 -s rr\n',
      stderr: '',
    });
  });

  it('exits with 255 for what the daemon refuses', async () => {
    expect(await shell('$D -D -t 10.9.9.9:80')).toEqual({
      exit: 255,
      stdout: '',
      stderr: 'No such service\n',
    });
  });

  it('says what to do when no director runs, and exits with 2', async () => {
    const { exit, stderr } = await shell('$D -Ln', { DIRECTOR_SOCKET: join(folder, 'none') });
    expect(exit).toBe(2);
    expect(stderr).toMatch(
      /^Can't initialize ipvs: no director answers on .*none .*\n.*director run --interface.*\n$/,
    );
  });

  it('needs no daemon to refuse a command line', async () => {
    const { exit, stderr } = await shell('$D -A', { DIRECTOR_SOCKET: join(folder, 'none') });
    expect({ exit, stderr }).toEqual({
      exit: 2,
      stderr: "You need to supply the 'service-address' option for the 'add-service' command\n",
    });
  });

  it('calls itself ipvsadm where it is called so', async () => {
    const env = { DIRADM_NAME: 'ipvsadm' };
    expect((await shell('$D -x', env)).stderr).toBe(
      "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n",
    );
    expect((await shell('$D -v', env)).stdout).toMatch(/^ipvsadm v1\.31 /);
    expect((await shell('$D -v')).stdout).toMatch(/^diradm v\d+\.\d+\.\d+ /);
  });

  it('ends quietly when nobody reads on', async () => {
    expect(await shell('$D -h | true')).toMatchObject({ stderr: '' });
  });
});
