/** What an XDP datapath leaves in the kernel when nobody takes it away: pinned, and forwarding. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findBpfFolder } from '../host/bpf-folder.ts';
import { removePinned } from '../xdp/datapath.ts';

/** Of a director that was killed. Whether there was anything. Where the addon is not built, none of ours ran. */
export function removeLeftFromXdp(interfaceName: string): boolean {
  const folder = bpfFolder();
  if (folder === undefined) return false;
  const pins = join(folder, interfaceName);
  return existsSync(pins) && removePinned(pins);
}

function bpfFolder(): string | undefined {
  try {
    return findBpfFolder(process.env);
  } catch {
    return undefined;
  }
}
