/** What the host's own networks say of a real server's address. */
import { DirectorError } from '../errors.ts';
import type { RouteSocket } from '../host/netlink.ts';
import { parseIp, renderIpv4 } from '../wire/address.ts';

/** ip_vs_new_dest() refuses the broadcast addresses of the host's own networks too. */
export function refuseBroadcast(address: string, routes: Pick<RouteSocket, 'links' | 'addresses'>): void {
  const own = routes.links().flatMap(({ index }) => routes.addresses(index));
  if (!own.some((each) => broadcastOf(each.address, each.prefixLength) === address)) return;
  throw new DirectorError(
    'SERVER_ADDRESS_INVALID',
    `${address} is a broadcast address of this host's network`,
  );
}

/** The last address of an IPv4 network; undefined where there is none (IPv6, RFC 3021). */
function broadcastOf(address: string, prefixLength: number): string | undefined {
  const ip = parseIp(address);
  if (ip?.version !== 4 || prefixLength >= 31) return undefined;
  return renderIpv4(ip.words[0] | (0xffffffff >>> prefixLength));
}
