/** What the host's own networks say of a real server's address. */
import type { RouteSocket } from '../host/netlink.ts';
import { parseIp, renderIpv4 } from '../wire/address.ts';

/** Of all the host's networks. ip_vs_new_dest() refuses these addresses, too. */
export function ownBroadcasts(routes: Pick<RouteSocket, 'links' | 'addresses'>): ReadonlySet<string> {
  const own = routes.links().flatMap(({ index }) => routes.addresses(index));
  return new Set(own.flatMap(({ address, prefixLength }) => broadcastOf(address, prefixLength) ?? []));
}

/** The last address of an IPv4 network; undefined where there is none (IPv6, RFC 3021). */
function broadcastOf(address: string, prefixLength: number): string | undefined {
  const ip = parseIp(address);
  if (ip?.version !== 4 || prefixLength >= 31) return undefined;
  return renderIpv4(ip.words[0] | (0xffffffff >>> prefixLength));
}
