/**
 * What a card does to frames before we see them, or after: read and switched through ethtool(8). Receivers that
 * merge frames (GRO, LRO) hand over frames longer than the MTU, which cannot be sent on; TSO and GSO make
 * libpcap reserve 64 KiB for each frame of its ring.
 */
import { runCommand } from './command.ts';

/** ethtool's names, as -k prints and -K takes them. */
export const RECEIVE_MERGING = ['generic-receive-offload', 'large-receive-offload', 'rx-gro-hw'] as const;
/** Of these, what loses how the frames were before: no card can cut them again. */
export const IRREVERSIBLE_MERGING = ['large-receive-offload'] as const;
export const SEGMENTATION = ['tcp-segmentation-offload', 'generic-segmentation-offload'] as const;

/** Taking the VLAN tag out of a frame before an XDP program sees it. */
export const VLAN_REMOVAL = 'rx-vlan-offload';

/** What ethtool calls the features it prints with their long name. */
const SWITCH_NAMES: Readonly<Record<string, string>> = {
  'generic-receive-offload': 'gro',
  'large-receive-offload': 'lro',
  'tcp-segmentation-offload': 'tso',
  'generic-segmentation-offload': 'gso',
  'rx-vlan-offload': 'rxvlan',
};

/** What `ethtool -K` calls a feature. */
export const offloadSwitch = (name: string): string => SWITCH_NAMES[name] ?? name;

export interface Offload {
  readonly name: string;
  readonly on: boolean;
  /** The driver does not let it be switched. */
  readonly fixed: boolean;
}

/** Features of `interfaceName` by ethtool's long name. */
export async function readOffloads(interfaceName: string): Promise<Map<string, Offload>> {
  return parseOffloads(await runCommand('ethtool', ['-k', interfaceName]));
}

/** Lines like `large-receive-offload: off [fixed]`. */
export function parseOffloads(text: string): Map<string, Offload> {
  const offloads = new Map<string, Offload>();
  for (const line of text.split('\n')) {
    const match = /^\s*([a-z0-9-]+): (on|off)( \[fixed\])?/.exec(line);
    if (match === null) continue;
    const [, name = '', state, fixed] = match;
    offloads.set(name, { name, on: state === 'on', fixed: fixed !== undefined });
  }
  return offloads;
}

export interface OffloadsOff {
  /** Which were on, and are off now. */
  readonly switchedOff: readonly string[];
  /** Which stay on because the driver has it so. */
  readonly stillOn: readonly string[];
  /** Switches on again what was on before. An interface that has gone is no error. */
  restore(): Promise<void>;
}

/** Switches off those of `features` that are on. `inherited`: what somebody before us switched off and left so. */
export async function turnOffOffloads(
  interfaceName: string,
  features: readonly string[] = RECEIVE_MERGING,
  inherited: readonly string[] = [],
): Promise<OffloadsOff> {
  const offloads = await readOffloads(interfaceName);
  const on = features.filter((name) => offloads.get(name)?.on === true);
  const switchable = on.filter((name) => offloads.get(name)?.fixed === false);
  const switchedOff = [...new Set([...inherited, ...switchable])];
  const stillOn = on.filter((name) => offloads.get(name)?.fixed === true);
  await switchOffloads(interfaceName, switchable, 'off');
  const restore = async () => {
    const present = await readOffloads(interfaceName).catch(() => undefined);
    if (present !== undefined) await switchOffloads(interfaceName, switchedOff, 'on');
  };
  return { switchedOff, stillOn, restore };
}

async function switchOffloads(
  interfaceName: string,
  features: readonly string[],
  state: 'on' | 'off',
): Promise<void> {
  if (features.length === 0) return;
  const settings = features.flatMap((name) => [offloadSwitch(name), state]);
  await runCommand('ethtool', ['-K', interfaceName, ...settings]);
}

/** Which driver an interface has: `veth`, `ixgbe`; undefined where it does not say. */
export async function readDriver(interfaceName: string): Promise<string | undefined> {
  const text = await runCommand('ethtool', ['-i', interfaceName]).catch(() => '');
  return /^driver: (\S+)$/m.exec(text)?.[1];
}
