/**
 * Whether the XDP datapath can be had on this host: all that can be known before anything is loaded, each with what
 * mends it; and in which mode.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectorError } from '../errors.ts';
import { bpfObjectPath, loadBpfAddon } from '../host/bpf.ts';
import { prepareBpfFolder } from '../host/bpf-folder.ts';
import { readDriver } from '../host/offloads.ts';
import type { XdpStart } from '../worker/messages.ts';
import { xdpMemoryBytes } from '../xdp/datapath.ts';
import { findPinned } from '../xdp/pins.ts';
import type { XdpSizes } from '../xdp/sizes.ts';
import { requireBpfPrivileges } from './privileges.ts';

export type XdpModeWish = 'auto' | 'native' | 'generic';

export interface XdpWish {
  readonly interface: string;
  readonly mode: XdpModeWish;
  readonly sizes: XdpSizes;
}

export interface XdpPlan {
  readonly start: XdpStart;
  /** As asked for, or as what is pinned already has them: it cannot grow. */
  readonly sizes: XdpSizes;
  readonly notes: readonly string[];
}

/** Throws XDP_UNAVAILABLE: what is missing, and the command that mends it. */
export async function prepareXdp({ interface: name, mode, sizes }: XdpWish): Promise<XdpPlan> {
  requireBuilt();
  requireBpfPrivileges();
  const { path, note } = prepareBpfFolder(process.env);
  const folder = join(path, name);
  const pinned = findPinned(folder);
  if (pinned === undefined) requireMemory(sizes, availableBytes());
  const { modes, notes } = modesFor(mode, name, await readDriver(name));
  const { services: maxServices, servers: maxServers } = sizes;
  return {
    start: { kind: 'xdp', folder, modes, maxServices, maxServers },
    sizes: pinned?.sizes ?? sizes,
    notes: [...(note === undefined ? [] : [note]), ...notes],
  };
}

function requireBuilt(): void {
  try {
    loadBpfAddon();
    bpfObjectPath('director');
  } catch (cause) {
    throw new DirectorError('XDP_UNAVAILABLE', (cause as Error).message, {}, cause);
  }
}

/** More than half of what is available is too much: everything else on the host lives on the rest. */
export function requireMemory(sizes: XdpSizes, available: number, bytesOf = xdpMemoryBytes): void {
  const needed = bytesOf(sizes);
  if (needed <= available / 2) return;
  const what = `the xdp datapath would take ${mebibytes(needed)} of the ${mebibytes(available)} of memory that are available, more than half`;
  const fitting = largestTable(sizes, available / 2, bytesOf);
  const fix =
    fitting === 0 ? 'lower --max-services and --max-servers' : `run with --conn-table-size ${fitting}`;
  throw new DirectorError('XDP_UNAVAILABLE', `${what}; ${fix}`, { needed, available });
}

/** A power of two, since that is what the kernel's tables are rounded up to; 0: none fits. */
function largestTable(sizes: XdpSizes, bytes: number, bytesOf: typeof xdpMemoryBytes): number {
  let connections = 2 ** Math.floor(Math.log2(sizes.connections));
  while (connections >= 1 && bytesOf({ ...sizes, connections }) > bytes) connections /= 2;
  return connections >= 1 ? connections : 0;
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

function availableBytes(): number {
  const kibibytes = /^MemAvailable:\s*(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/**
 * veth runs native programs, but a frame that is sent back arrives only where the peer has an XDP program or NAPI
 * on, and checksums that a sender on this host left to its card get lost.
 */
export function modesFor(
  wish: XdpModeWish,
  interfaceName: string,
  driver: string | undefined,
): { modes: XdpStart['modes']; notes: readonly string[] } {
  if (wish !== 'auto') return { modes: [wish], notes: [] };
  if (driver !== 'veth') return { modes: ['native', 'generic'], notes: [] };
  const note = `generic mode: ${interfaceName} is a veth, where native XDP loses frames unless its peer is made for it; --xdp-mode native forces it`;
  return { modes: ['generic'], notes: [note] };
}
