/** What an XDP datapath leaves in the kernel when nobody takes it away: pinned, and forwarding. */
import { rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { findPins } from '../host/bpf-folder.ts';
import { removePinned } from '../xdp/datapath.ts';

/** Of a director that was killed. Whether there was anything. Where the addon is not built, none of ours ran. */
export function removeLeftFromXdp(interfaceName: string): boolean {
  const pins = findPins(interfaceName);
  if (pins === undefined || !removePinned(pins)) return false;
  removeIfEmpty(dirname(pins));
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
