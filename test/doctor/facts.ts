/** Facts for the judgements: a healthy director and real server, from which each test differs. */

import type { HostView } from '../../src/doctor/host-view.ts';
import type { EffectiveSetting } from '../../src/doctor/settings.ts';
import type { ServerService } from '../../src/doctor/situation.ts';

export const VIP = '10.0.0.100';
export const VIP6 = 'fd00::100';
export const OWN = '10.0.0.1';
export const SERVER = '10.0.0.11';
export const SERVER_MAC = '02:00:00:00:00:11';

export const ids = (drafts: readonly { readonly id: string }[]): string[] => drafts.map(({ id }) => id);

export const service = (difference: Partial<ServerService> = {}): ServerService => ({
  protocol: 'tcp',
  address: VIP,
  port: 80,
  option: `-t ${VIP}:80`,
  serverText: `${SERVER}:80`,
  kept: '-w 1',
  forwarding: 'direct-route',
  ...difference,
});

export const setting = (name: string, own: number, all: number): EffectiveSetting => ({
  name,
  interfaceName: 'eth0',
  own,
  all,
  inForce: Math.max(own, all),
});

/** Addresses as `10.0.0.1/24`, by interface. */
export function host(addresses: Readonly<Record<string, readonly string[]>>): HostView {
  return {
    links: Object.entries(addresses).map(([name, its], index) => ({
      name,
      index: index + 1,
      mac: name === 'lo' ? null : `02:00:00:00:00:0${index + 1}`,
      mtu: 1500,
      up: true,
      addresses: its.map((text) => {
        const [address = '', prefix] = text.split('/');
        return { address, prefixLength: Number(prefix), scope: 'global' };
      }),
    })),
    defaultRoutes: [],
    neighbors: [],
  };
}
