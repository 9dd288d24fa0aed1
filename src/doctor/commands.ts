/** Lines for a shell that several findings print. They know no interface of another host. */
import { versionOf } from './host-view.ts';
import type { ServiceView } from './situation.ts';

/** From all interfaces; nothing where it is on none. */
export const giveUpAddress = (address: string): string => `ip addr flush to ${address}`;

/** sysctl(8) takes slashes; a VLAN's interface has a dot in its name. */
export const setting = (interfaceName: string, name: string, value: number): string =>
  `sysctl -w net/ipv4/conf/${interfaceName}/${name}=${value}`;

/** It is not hidden from ARP by that. */
export const addOnLo = (address: string): string =>
  versionOf(address) === 4
    ? `ip addr add ${address}/32 dev lo`
    : `ip -6 addr add ${address}/128 dev lo nodad preferred_lft 0`;

/** All that a real server needs for a virtual address, whatever is missing. */
export const hideOnLo = (address: string): string => {
  const quiet = 'sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2';
  const move = `${giveUpAddress(address)}; ${addOnLo(address)}`;
  return versionOf(address) === 4 ? `${quiet}; ${move}` : move;
};

const TABLE_FAMILIES = { 4: 'ip', 6: 'ip6' } as const;

/** Lets one port in, first in every nftables chain that sees what comes in. */
export function acceptPort({ protocol, address, port }: ServiceView): string {
  const family = TABLE_FAMILIES[versionOf(address)];
  const rule = `${family} daddr ${address} ${protocol} dport ${port} accept`;
  const chains = `/^table/ { f = $2; t = $3 } /^\\tchain/ { c = $2 } /hook (input|prerouting)/ && f ~ /^(inet|${family})$/ { print "insert rule", f, t, c, "${rule}" }`;
  return `nft list chains | awk '${chains}' | nft -f -`;
}

/** Leads a port of the virtual address to the server's own; connection tracking turns the answers back. */
export function translatePort({ protocol, address, port }: ServiceView, own: string): string {
  const family = TABLE_FAMILIES[versionOf(address)];
  const table = `${family} director_doctor`;
  return `nft 'add table ${table}; add chain ${table} in { type nat hook prerouting priority dstnat; }; add rule ${table} in ${family} daddr ${address} ${protocol} dport ${port} dnat to ${own}'`;
}
