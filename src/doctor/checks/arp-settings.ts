/** Whether a real server would answer ARP for the virtual address, or name it as the sender: what the kernel goes by. */
import { defineCheck } from '../check.ts';
import { setting } from '../commands.ts';
import { here } from '../finding.ts';
import { versionOf } from '../host-view.ts';
import { type EffectiveSetting, readSetting } from '../settings.ts';

interface Facts {
  readonly virtual: readonly string[];
  readonly ignore: EffectiveSetting;
  readonly announce: EffectiveSetting;
}

/** Values from 3 on hide an address by its scope, which a virtual address on lo does not have, or answer nobody. */
const HIDING = [1, 2];
const NEVER_ANNOUNCED = 2;

export const arpSettings = defineCheck<Facts>({
  name: 'arp-settings',
  fine: 'the virtual address is hidden from ARP: arp_ignore, arp_announce',
  on: ['real-server'],
  finds: {
    'arp-ignore': {
      severity: 'problem',
      meaning: 'the kernel would answer ARP for the virtual address: arp_ignore in force is not 1 or 2',
    },
    'arp-announce': {
      severity: 'problem',
      meaning:
        'the kernel may name the virtual address as the sender of ARP requests: arp_announce in force is not 2',
    },
  },

  collect: ({ parts: { link, virtual } }) => ({
    virtual,
    ignore: readSetting(link.name, 'arp_ignore'),
    announce: readSetting(link.name, 'arp_announce'),
  }),

  judge({ virtual, ignore, announce }) {
    const hidden = virtual.filter((address) => versionOf(address) === 4).join(', ');
    if (hidden === '') return [];
    return [
      ...(HIDING.includes(ignore.inForce)
        ? []
        : [
            {
              id: 'arp-ignore',
              what: `this host would answer ARP for ${hidden} on ${ignore.interfaceName}`,
              shown: shown(ignore),
              fix: here(setting(ignore.all > 2 ? 'all' : ignore.interfaceName, 'arp_ignore', 1)),
            },
          ]),
      ...(announce.inForce >= NEVER_ANNOUNCED
        ? []
        : [
            {
              id: 'arp-announce',
              what: `this host may name ${hidden} as the sender of its ARP requests on ${announce.interfaceName}`,
              shown: shown(announce),
              fix: here(setting(announce.interfaceName, 'arp_announce', 2)),
            },
          ]),
    ];
  },
});

const shown = ({ name, interfaceName, own, all, inForce }: EffectiveSetting): string =>
  `${name} is ${own} on ${interfaceName} and ${all} on all; the larger is in force: ${inForce}`;
