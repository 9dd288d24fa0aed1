import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { loadHostAddon } from '../../src/host/native.ts';

// Node.js has no datagram sockets in the unix domain; Python has.
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name[0] == '@' else name)
sys.stderr.write('bound')
sys.stderr.flush()
print(s.recv(4096).decode())
`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!hasPython)('a line to systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'notify-'));
  let receiver: ChildProcess | undefined;
  afterEach(() => receiver?.kill());
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([join(folder, 'socket'), `@director-test-${process.pid}`])('reaches %s', async (path) => {
    receiver = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    await once(receiver.stderr!, 'data');
    loadHostAddon().notify(path, 'READY=1\nSTATUS=is up');
    const heard = await text(receiver.stdout!);
    expect(heard).toBe('READY=1\nSTATUS=is up\n');
  });

  test('that nobody hears is an error with code and system call', () => {
    const notify = () => loadHostAddon().notify('/nonexistent/socket', 'READY=1');
    expect(notify).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'sendto' }));
  });
});
