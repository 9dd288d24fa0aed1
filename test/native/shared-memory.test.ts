import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadHostAddon } from '../../src/host/native.ts';
import { createMemoryFile, MappedMemory, Step, sizesOf } from '../../src/worker/path-memory.ts';

const BYTES = 1 << 20;
const { createMemory, mapMemory, reap } = loadHostAddon();

describe('memory of the addon', () => {
  test('is of zeros, and the same for all who map its file, also by its name in /proc and after it was closed', () => {
    const fd = createMemory('director-test', BYTES);
    const path = `/proc/self/fd/${fd}`;
    expect(readlinkSync(path)).toBe('/memfd:director-test (deleted)');
    const one = new Int32Array(mapMemory(fd, BYTES));
    const again = openSync(path, 'r+');
    closeSync(fd);
    const two = new Int32Array(mapMemory(again, BYTES));
    closeSync(again);
    expect(one.every((word) => word === 0)).toBe(true);
    one[BYTES / 4 - 1] = 42;
    expect(two.at(-1)).toBe(42);
  });

  test('errors say which call failed', () => {
    expect(() => mapMemory(-1, BYTES)).toThrow(expect.objectContaining({ syscall: 'mmap', code: 'EBADF' }));
    expect(() => (createMemory as () => number)()).toThrow(TypeError);
    expect(() => (mapMemory as () => ArrayBuffer)()).toThrow(TypeError);
  });
});

describe('the memory of a path', () => {
  test('is the same for the next process: tables, steps, note, clock', () => {
    const fd = createMemoryFile('eth0', 1000, [7, -8], 3);
    expect(sizesOf(fd)).toEqual({ capacity: 1000, workers: 3 });
    const path = `/proc/self/fd/${fd}`;
    const [before, after] = [new MappedMemory(path), new MappedMemory(path)];
    expect([after.capacity, after.seed]).toEqual([1000, [7, -8]]);
    before.connections.entries[16] = 5;
    before.datagrams.index[3] = 6;
    before.verdicts[2] = 9;
    before.request = Step.Stop;
    expect([after.connections.entries[16], after.datagrams.index[3], after.verdicts[2]]).toEqual([5, 6, 9]);
    expect([after.request, after.answer]).toEqual([Step.Stop, Step.None]);
    for (const note of [{ long: 'x'.repeat(100_000) }, { short: true }]) {
      before.writeNote(note);
      expect(after.readNote()).toEqual(note);
    }
    expect(Math.abs(after.elapsedMs - before.elapsedMs)).toBeLessThan(1000);
  });

  test('another file is none', () => {
    const fd = createMemory('director-test', BYTES);
    expect(sizesOf(fd)).toBeUndefined();
    expect(() => new MappedMemory(`/proc/self/fd/${fd}`)).toThrow('is not the memory of a datapath');
    closeSync(fd);
  });
});

test('reap() says whether a child lives; one that is none is no more', async () => {
  const child = spawn('sleep', ['60']);
  expect(reap(child.pid!)).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(reap(child.pid!)).toBe(true);
});
