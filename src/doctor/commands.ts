/** Lines for a shell that several findings print. They know no interface of another host, so they look it up there. */
import { hostBits, versionOf } from './host-view.ts';
import type { ServiceView } from './situation.ts';

/** Takes an address away, wherever that host has it; `condition` in awk's words: $2 is the interface. */
const dropAddress = (address: string, condition = ''): string =>
  `ip -o addr show to ${address} | awk '${condition}{ print $4, $2 }' | while read -r a d; do ip addr del "$a" dev "$d"; done`;

export const giveUpAddress = (address: string): string => dropAddress(address);

/** sysctl(8) takes slashes; a VLAN's interface has a dot in its name. */
export const setting = (interfaceName: string, name: string, value: number): string =>
  `sysctl -w net/ipv4/conf/${interfaceName}/${name}=${value}`;

/** On `lo`, hidden from ARP. */
export const addOnLo = (address: string): string =>
  versionOf(address) === 4
    ? `ip addr add ${address}/32 dev lo`
    : `ip -6 addr add ${address}/128 dev lo nodad preferred_lft 0`;

/** All that a real server needs for a virtual address, whatever is missing. */
export const hideOnLo = (address: string): string => {
  const quiet =
    versionOf(address) === 4
      ? `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2; `
      : '';
  const isThere = `ip -o addr show dev lo to ${address}/${hostBits(address)} | grep -q .`;
  return `${quiet}${dropAddress(address, '$2 != "lo" ')}; ${isThere} || ${addOnLo(address)}`;
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
