/** A bpf file system of a test's own, so that several processes can have the same maps. Needs root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadBpfAddon } from '../../src/host/bpf.ts';

export interface PinFolder {
  readonly path: string;
  /** With all that is pinned. */
  remove(): void;
}

export function createPinFolder(): PinFolder {
  const mount = mkdtempSync('/run/director-test-');
  loadBpfAddon().mountBpf(mount);
  const path = join(mount, 'maps');
  mkdirSync(path);
  return {
    path,
    remove() {
      execFileSync('umount', [mount]);
      rmdirSync(mount);
    },
  };
}
