/** What an XDP datapath leaves in the kernel when nobody takes it away: pinned, and forwarding. */
import { existsSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findBpfFolder } from '../host/bpf-folder.ts';
import { removePinned } from '../xdp/datapath.ts';

/** Whether a director was killed that had one on this interface, which forwards. */
export function hasLeftFromXdp(interfaceName: string): boolean {
  const folder = bpfFolder();
  return folder !== undefined && existsSync(join(folder, interfaceName));
}

/** Of a director that was killed. Whether there was anything. Where the addon is not built, none of ours ran. */
export function removeLeftFromXdp(interfaceName: string): boolean {
  const folder = bpfFolder();
  if (folder === undefined) return false;
  const pins = join(folder, interfaceName);
  if (!existsSync(pins) || !removePinned(pins)) return false;
  removeIfEmpty(folder);
  return true;
}

/** It stays where it has pins of other interfaces, or is the root of a file system. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // it is still of use
  }
}

function bpfFolder(): string | undefined {
  try {
    return findBpfFolder(process.env);
  } catch {
    return undefined;
  }
}
