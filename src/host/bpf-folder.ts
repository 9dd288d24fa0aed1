/**
 * Where what the kernel keeps for us is pinned: a folder in a bpf file system, which is mounted if need be. systemd
 * mounts one at /sys/fs/bpf; containers often have none, and `ip netns exec` hides it.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DirectorError } from '../errors.ts';
import { type BpfAddon, loadBpfAddon } from './bpf.ts';

export const BPF_FOLDER_VARIABLE = 'DIRECTOR_BPFFS';

interface Place {
  readonly folder: string;
  /** Where a bpf file system is mounted if the folder is in none. */
  readonly mountPoint: string;
}

const DEFAULT_PLACES: readonly Place[] = [
  { folder: '/sys/fs/bpf/director', mountPoint: '/sys/fs/bpf' },
  { folder: '/run/director/bpf', mountPoint: '/run/director/bpf' },
];

const placesFor = (env: NodeJS.ProcessEnv): readonly Place[] => {
  const folder = env[BPF_FOLDER_VARIABLE];
  return folder ? [{ folder, mountPoint: folder }] : DEFAULT_PLACES;
};

export interface BpfFolder {
  readonly path: string;
  /** What had to be done for it, in a sentence; undefined: nothing. */
  readonly note: string | undefined;
}

type FileSystems = Pick<BpfAddon, 'isBpfFileSystem' | 'mountBpf'>;

/** Undefined when no bpf file system is mounted where we look. */
export function findBpfFolder(
  env: NodeJS.ProcessEnv,
  fileSystems: FileSystems = loadBpfAddon(),
): string | undefined {
  return placesFor(env).find(({ folder }) => fileSystems.isBpfFileSystem(nearestThere(folder)))?.folder;
}

/** The folder, made and in a bpf file system. Throws XDP_UNAVAILABLE when there is none and none can be mounted. */
export function prepareBpfFolder(
  env: NodeJS.ProcessEnv,
  fileSystems: FileSystems = loadBpfAddon(),
): BpfFolder {
  const found = findBpfFolder(env, fileSystems);
  if (found !== undefined) return { path: made(found), note: undefined };
  const failures: string[] = [];
  for (const { folder, mountPoint } of placesFor(env)) {
    try {
      fileSystems.mountBpf(made(mountPoint));
      const refused = failures.length === 0 ? '' : ` (${failures.join('; ')})`;
      return { path: made(folder), note: `mounted a bpf file system on ${mountPoint}${refused}` };
    } catch (error) {
      failures.push(`${mountPoint}: ${(error as Error).message}`);
    }
  }
  throw new DirectorError(
    'XDP_UNAVAILABLE',
    `there is no bpf file system, and none can be mounted (${failures.join('; ')}); run: mount -t bpf bpf /sys/fs/bpf`,
  );
}

function made(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function nearestThere(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestThere(dirname(folder));
}
