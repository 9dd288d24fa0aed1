/** Where pins go: found where a bpf file system is, else mounted, else a reason. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findBpfFolder, prepareBpfFolder } from '../../src/host/bpf-folder.ts';

const work = mkdtempSync(join(tmpdir(), 'director-bpf-'));
afterAll(() => rmSync(work, { recursive: true }));

/** `mounted`: where bpf file systems are; `refused`: where none can be mounted. */
function fileSystems(mounted: string[], refused: readonly string[] = []) {
  return {
    mounted,
    isBpfFileSystem: (path: string) => mounted.includes(path),
    mountBpf: (path: string) => {
      if (refused.includes(path)) throw new Error('mount: EROFS');
      mounted.push(path);
    },
  };
}

describe('by default', () => {
  test('it is below the one that systemd mounts', () => {
    // Neither of the folders need be there.
    const systems = fileSystems(['/sys/fs/bpf', '/sys/fs/bpf/director']);
    expect(prepareBpfFolder({}, systems)).toEqual({ path: '/sys/fs/bpf/director', note: undefined });
  });

  test('there is none before anything is mounted', () => {
    expect(findBpfFolder({}, fileSystems([]))).toBeUndefined();
  });
});

describe('a folder that DIRECTOR_BPFFS names', () => {
  const env = { DIRECTOR_BPFFS: join(work, 'pins') };

  test('is taken below a bpf file system, and not made yet', () => {
    const systems = fileSystems([work]);
    expect(prepareBpfFolder(env, systems)).toEqual({ path: env.DIRECTOR_BPFFS, note: undefined });
    expect(existsSync(env.DIRECTOR_BPFFS)).toBe(false);
  });

  test('gets a bpf file system of its own where there is none, said aloud', () => {
    const systems = fileSystems([]);
    const note = `mounted a bpf file system on ${env.DIRECTOR_BPFFS}`;
    expect(prepareBpfFolder(env, systems)).toEqual({ path: env.DIRECTOR_BPFFS, note });
    expect(systems.mounted).toEqual([env.DIRECTOR_BPFFS]);
    expect(findBpfFolder(env, systems)).toBe(env.DIRECTOR_BPFFS);
  });

  test('where nothing can be mounted ends with the command that mends it', () => {
    const systems = fileSystems([], [env.DIRECTOR_BPFFS]);
    const refusal = expect.objectContaining({
      code: 'XDP_UNAVAILABLE',
      message: expect.stringMatching(/EROFS.*run: mount -t bpf bpf \/sys\/fs\/bpf$/),
    });
    expect(() => prepareBpfFolder(env, systems)).toThrow(refusal);
  });
});
