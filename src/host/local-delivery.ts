/**
 * The way back into this host's own stack, past the guard: a veth pair. The datapath writes a frame into one end,
 * the stack receives it at the other and answers by its ordinary routes. Named after the interface, so that the
 * next start finds and replaces what a crash left.
 */
import { writeFile } from 'node:fs/promises';
import { DirectorError } from '../errors.ts';
import { runCommand } from './command.ts';

const MAX_INTERFACE_NAME = 15;
/** The largest that veth takes: a frame that a card merged is delivered whole. */
const MTU_BYTES = 65535;
/** A loopback address: this host's own on any interface, never a source towards others, and used by nobody. */
const NEUTRAL_ADDRESS = '127.93.0.1/32';

export interface LocalDelivery {
  /** Where the datapath writes. */
  readonly interface: string;
  /** MAC of the end at which the stack listens. */
  readonly mac: string;
  remove(): Promise<void>;
}

/** Both ends' names; ones too long for the kernel end with the interface's index instead of its name. */
export function deliveryNames(interfaceName: string, index: number): { inside: string; outside: string } {
  const fits = `dirp-${interfaceName}`.length <= MAX_INTERFACE_NAME;
  const suffix = fits ? interfaceName : `if${index}`;
  return { inside: `dir-${suffix}`, outside: `dirp-${suffix}` };
}

export async function createLocalDelivery(interfaceName: string, index: number): Promise<LocalDelivery> {
  const { inside, outside } = deliveryNames(interfaceName, index);
  await remove(inside);
  const mtu = String(MTU_BYTES);
  await runCommand('ip', [
    'link',
    'add',
    inside,
    'mtu',
    mtu,
    'type',
    'veth',
    'peer',
    'name',
    outside,
    'mtu',
    mtu,
  ]);
  try {
    await configure(inside);
    await configure(outside);
    await acceptAnySource(inside);
    return await describe(inside, outside);
  } catch (error) {
    await remove(inside);
    throw error;
  }
}

/** The one that is there, and in use. */
export function findLocalDelivery(interfaceName: string, index: number): Promise<LocalDelivery | undefined> {
  const { inside, outside } = deliveryNames(interfaceName, index);
  return describe(inside, outside).catch(() => undefined);
}

async function describe(inside: string, outside: string): Promise<LocalDelivery> {
  const links = JSON.parse(await runCommand('ip', ['-json', 'link', 'show', 'dev', inside]));
  return { interface: outside, mac: String(links[0].address), remove: () => remove(inside) };
}

/** What a crash left. Resolves to whether there was anything. */
export async function removeLeftDelivery(interfaceName: string, index: number): Promise<boolean> {
  const { inside } = deliveryNames(interfaceName, index);
  const isThere = await runCommand('ip', ['link', 'show', 'dev', inside]).then(
    () => true,
    () => false,
  );
  if (isThere) await remove(inside);
  return isThere;
}

/** Up, and silent: no ARP, no link-local address, no router solicitations. */
async function configure(name: string): Promise<void> {
  await setSysctl(`net/ipv6/conf/${name}/addr_gen_mode`, '1');
  await setSysctl(`net/ipv6/conf/${name}/accept_ra`, '0');
  await runCommand('ip', ['link', 'set', 'dev', name, 'arp', 'off', 'up']);
}

/**
 * Clients are routed by another interface than the one that their packets now come in by, so the reverse path check
 * has to be loose (RFC 3704 §2.4); the kernel takes the stricter of this interface's and the host's setting. And it
 * is only loose with an IPv4 address on the interface: net/ipv4/fib_frontend.c, __fib_validate_source(), `no_addr`.
 */
async function acceptAnySource(name: string): Promise<void> {
  await setSysctl(`net/ipv4/conf/${name}/rp_filter`, '2');
  await runCommand('ip', ['address', 'add', NEUTRAL_ADDRESS, 'scope', 'host', 'dev', name]);
}

/** Where IPv6 is switched off its settings are missing. */
async function setSysctl(path: string, value: string): Promise<void> {
  try {
    await writeFile(`/proc/sys/${path}`, value);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new DirectorError(
        'TOOL_FAILED',
        `cannot write ${value} to /proc/sys/${path}: ${error}`,
        {},
        error,
      );
    }
  }
}

/** Both ends go together. */
async function remove(inside: string): Promise<void> {
  await runCommand('ip', ['link', 'delete', 'dev', inside]).catch((error: unknown) => {
    if (!(error instanceof DirectorError) || error.code !== 'TOOL_FAILED') throw error;
  });
}
