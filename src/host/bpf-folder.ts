/**
 * Where what the kernel keeps for us is pinned: a folder in a bpf file system, which is mounted if need be. systemd
 * mounts one at /sys/fs/bpf; containers often have none, and `ip netns exec` hides it.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DirectorError } from '../errors.ts';
import { type BpfAddon, loadBpfAddon } from './bpf.ts';

export const BPF_FOLDER_VARIABLE = 'DIRECTOR_BPFFS';

interface Place {
  readonly folder: string;
  /** Where a bpf file system is mounted if the folder is in none. */
  readonly mountPoint: string;
}

/** Where every distribution mounts it. */
const USUAL_MOUNT_POINT = '/sys/fs/bpf';
const DEFAULT_FOLDERS = [`${USUAL_MOUNT_POINT}/director`, '/run/director/bpf'];

function placesFor(env: NodeJS.ProcessEnv): Place[] {
  const wanted = env[BPF_FOLDER_VARIABLE];
  return (wanted ? [wanted] : DEFAULT_FOLDERS).map((folder) => ({
    folder,
    mountPoint: folder.startsWith(`${USUAL_MOUNT_POINT}/`) ? USUAL_MOUNT_POINT : folder,
  }));
}

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

/** The folder of what is pinned for an interface: a director runs, or one was killed. Where the addon is not built, none of ours ran. */
export function findPins(interfaceName: string): string | undefined {
  try {
    const folder = findBpfFolder(process.env);
    const pins = folder === undefined ? undefined : join(folder, interfaceName);
    return pins !== undefined && existsSync(pins) ? pins : undefined;
  } catch {
    return undefined;
  }
}

/** A folder in a bpf file system, which may have to be made. Throws XDP_UNAVAILABLE when there is none and none can be mounted. */
export function prepareBpfFolder(
  env: NodeJS.ProcessEnv,
  fileSystems: FileSystems = loadBpfAddon(),
): BpfFolder {
  const found = findBpfFolder(env, fileSystems);
  if (found !== undefined) return { path: found, note: undefined };
  const failures: string[] = [];
  for (const { folder, mountPoint } of placesFor(env)) {
    try {
      mkdirSync(mountPoint, { recursive: true, mode: 0o700 });
      fileSystems.mountBpf(mountPoint);
      const refused = failures.length === 0 ? '' : ` (${failures.join('; ')})`;
      return { path: folder, note: `mounted a bpf file system on ${mountPoint}${refused}` };
    } catch (error) {
      failures.push(`${mountPoint}: ${(error as Error).message}`);
    }
  }
  throw new DirectorError(
    'XDP_UNAVAILABLE',
    `there is no bpf file system, and none can be mounted (${failures.join('; ')}); run: mount -t bpf bpf /sys/fs/bpf`,
  );
}

function nearestThere(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestThere(dirname(folder));
}
