/** This host's links, addresses and routes, as `ip -j` tells them: ip(8). */
import { runCommand } from '../host/command.ts';
import { canonicalIp, parseIp, renderIp } from '../wire/address.ts';

export interface HostAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: string;
}

export interface HostLink {
  readonly name: string;
  readonly index: number;
  /** Null: no Ethernet. */
  readonly mac: string | null;
  readonly mtu: number;
  /** Set up, and with carrier. */
  readonly up: boolean;
  readonly addresses: readonly HostAddress[];
}

/** Default routes of the main table. */
export interface DefaultRoute {
  readonly version: 4 | 6;
  readonly gateway: string | null;
  readonly interfaceName: string;
}

export interface HostNeighbor {
  readonly address: string;
  readonly interfaceName: string;
  readonly mac: string | null;
  readonly state: string;
}

export interface HostView {
  readonly links: readonly HostLink[];
  readonly defaultRoutes: readonly DefaultRoute[];
  readonly neighbors: readonly HostNeighbor[];
}

export async function readHost(): Promise<HostView> {
  const [addresses, routes4, routes6, neighbors] = await Promise.all([
    ip('addr'),
    ip('-4', 'route', 'show', 'default'),
    ip('-6', 'route', 'show', 'default'),
    ip('neigh'),
  ]);
  return {
    links: parseLinks(addresses),
    defaultRoutes: [...parseDefaultRoutes(routes4, 4), ...parseDefaultRoutes(routes6, 6)],
    neighbors: parseNeighbors(neighbors),
  };
}

/** `ip` prints nothing at all, instead of [], where there is nothing. */
const ip = async (...args: string[]): Promise<Json[]> =>
  JSON.parse((await runCommand('ip', ['-j', ...args])) || '[]') as Json[];

// biome-ignore lint/suspicious/noExplicitAny: what ip prints; each field is looked at below
type Json = Record<string, any>;

export function parseLinks(links: readonly Json[]): HostLink[] {
  return links
    .filter((link) => typeof link.ifname === 'string')
    .map((link) => ({
      name: link.ifname,
      index: link.ifindex,
      mac: link.link_type === 'ether' ? link.address : null,
      mtu: link.mtu,
      up: link.flags.includes('UP') && link.flags.includes('LOWER_UP'),
      addresses: ((link.addr_info ?? []) as Json[])
        .filter(({ local }) => typeof local === 'string')
        .map(({ local, prefixlen, scope }) => ({
          address: canonicalIp(local) ?? local,
          prefixLength: prefixlen,
          scope,
        })),
    }));
}

export const parseDefaultRoutes = (routes: readonly Json[], version: 4 | 6): DefaultRoute[] =>
  routes
    .filter(({ dev }) => typeof dev === 'string')
    .map(({ gateway = null, dev }) => ({ version, gateway, interfaceName: dev }));

export const parseNeighbors = (neighbors: readonly Json[]): HostNeighbor[] =>
  neighbors
    .filter(({ dst, dev }) => typeof dst === 'string' && typeof dev === 'string')
    .map(({ dst, dev, lladdr = null, state = [] }) => ({
      address: canonicalIp(dst) ?? dst,
      interfaceName: dev,
      mac: lladdr,
      state: state[0] ?? 'NONE',
    }));

/** The address with which this host speaks to `peer` by this link: one of its network, else any but a virtual one. */
export function ownAddress(link: HostLink, peer: string, virtual: readonly string[]): string | undefined {
  const version = versionOf(peer);
  const candidates = link.addresses.filter(
    ({ address, scope }) => versionOf(address) === version && scope !== 'link' && !virtual.includes(address),
  );
  return (candidates.find((own) => inNetwork(peer, own)) ?? candidates[0])?.address;
}

export const versionOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
export const hostBits = (address: string): 32 | 128 => (versionOf(address) === 6 ? 128 : 32);

export function inNetwork(address: string, network: { address: string; prefixLength: number }): boolean {
  if (versionOf(address) !== versionOf(network.address)) return false;
  return networkOf(address, network.prefixLength) === networkOf(network.address, network.prefixLength);
}

function networkOf(address: string, prefixLength: number): string {
  const ip = parseIp(address);
  if (ip === undefined) return address;
  const words = ip.words.map((word, index) => {
    const bits = Math.min(32, Math.max(0, prefixLength - 32 * index));
    return bits === 0 ? 0 : word & (0xffffffff << (32 - bits));
  });
  return renderIp({ version: ip.version, words: words as [number, number, number, number] });
}

export const holdersOf = (host: HostView, address: string) =>
  host.links.flatMap((link) =>
    link.addresses.filter((own) => own.address === address).map((own) => ({ link, ...own })),
  );
