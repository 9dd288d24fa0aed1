/**
 * What is pinned in the bpf file system for an interface: a folder whose name says which layout and sizes its maps
 * have, so that who comes later knows before touching anything whether it can take them over.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LAYOUT_VERSION } from './layout.ts';
import type { XdpSizes } from './sizes.ts';

const NAME = /^layout(\d+)-(\d+)-(\d+)-(\d+)$/;

export interface PinnedState {
  readonly path: string;
  readonly layoutVersion: number;
  readonly sizes: XdpSizes;
}

/** The state that is pinned below `folder`; undefined: none. */
export function findPinned(folder: string): PinnedState | undefined {
  for (const name of namesIn(folder)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const [layoutVersion, connections, services, servers] = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    return { path: join(folder, name), layoutVersion, sizes: { connections, services, servers } };
  }
  return undefined;
}

/** Makes the folder for a state of these sizes. */
export function createPinned(folder: string, sizes: XdpSizes): PinnedState {
  const { connections, services, servers } = sizes;
  const path = join(folder, `layout${LAYOUT_VERSION}-${connections}-${services}-${servers}`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return { path, layoutVersion: LAYOUT_VERSION, sizes };
}

/** With the last pin of a link its program leaves the interface. */
export const linkPath = ({ path }: PinnedState): string => join(path, 'link');

const PROGRAM_PREFIX = 'program-';

/**
 * Where the programs of an object file are pinned, made if need be: its name tells one build from another. Sizes, and
 * with them the constants that programs are loaded with, are those of the state.
 */
export function programFolder({ path }: PinnedState, objectPath: string): string {
  const digest = createHash('sha256').update(readFileSync(objectPath)).digest('hex').slice(0, 32);
  const folder = join(path, `${PROGRAM_PREFIX}${digest}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Programs of other builds: one of them may have been on the interface until now. */
export function removeOtherPrograms({ path }: PinnedState, folder: string): void {
  for (const name of namesIn(path)) {
    const other = join(path, name);
    if (name.startsWith(PROGRAM_PREFIX) && other !== folder) rmSync(other, { recursive: true });
  }
}

export function removeState({ path }: PinnedState): void {
  rmSync(path, { recursive: true, force: true });
}

/** The folder of the interface, and the one of all interfaces, where they are empty. */
export function removeEmptyFolders(folder: string): void {
  for (const path of [folder, join(folder, '..')]) {
    try {
      rmdirSync(path);
    } catch {
      return;
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
