import { closeSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { loadHostAddon } from '../../src/host/native.ts';

/** asm-generic/fcntl.h */
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

describe('a socket of the addon', () => {
  test.each([
    [4, 'stream'],
    [6, 'stream'],
    [4, 'datagram'],
    [6, 'datagram'],
  ] as const)('of IPv%i, type %s, does not block and is for no other program', (family, type) => {
    const fd = loadHostAddon().openSocket(family, type, 0);
    const flags = Number.parseInt(
      /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!,
      8,
    );
    closeSync(fd);
    expect(flags & (O_NONBLOCK | O_CLOEXEC)).toBe(O_NONBLOCK | O_CLOEXEC);
  });

  test('is one that Node.js takes', async () => {
    const socket = new Socket({ fd: loadHostAddon().openSocket(4, 'stream', 0) });
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
      socket.on('error', resolve).connect(1, '127.0.0.1');
    });
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('is not had for arguments of other kinds', () => {
    const open = loadHostAddon().openSocket as (...args: unknown[]) => number;
    expect(() => open()).toThrow(TypeError);
    expect(() => open(4, 'stream')).toThrow(TypeError);
  });
});
