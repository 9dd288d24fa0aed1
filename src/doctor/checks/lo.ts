/** A real server has the virtual addresses on lo, alone in their networks, and nowhere else. */
import { type Draft, defineCheck } from '../check.ts';
import { addOnLo, hideOnLo } from '../commands.ts';
import { here } from '../finding.ts';
import { type HostView, holdersOf, hostBits } from '../host-view.ts';

interface Facts {
  readonly host: HostView;
  readonly virtual: readonly string[];
}

export const lo = defineCheck<Facts>({
  name: 'lo',
  fine: 'the virtual addresses are on lo, each a /32 (IPv6: /128), and nowhere else',
  on: ['real-server'],
  finds: {
    'vip-missing-on-lo': {
      severity: 'problem',
      meaning: 'the virtual address is not on lo: the kernel drops what is for it',
    },
    'vip-outside-lo': {
      severity: 'problem',
      meaning: 'the virtual address is on an interface of the network, where no setting hides it from ARP',
    },
    'vip-netmask': {
      severity: 'problem',
      meaning:
        'the virtual address on lo is not a /32 or /128, so that the host takes its whole network for itself',
    },
  },
  collect: ({ parts: { host, virtual } }) => ({ host, virtual }),
  judge: ({ host, virtual }) => virtual.flatMap((address) => judgeAddress(host, address)),
});

function judgeAddress(host: HostView, address: string): Draft[] {
  const holders = holdersOf(host, address);
  const outside = holders.filter(({ link }) => link.name !== 'lo');
  if (outside.length > 0)
    return outside.map(({ link, prefixLength }) => ({
      id: 'vip-outside-lo',
      what: `the virtual address ${address} is on ${link.name}, where this host answers for it; on a real server it belongs on lo`,
      shown: `ip addr: ${address}/${prefixLength} on ${link.name}`,
      fix: here(hideOnLo(address)),
    }));
  const held = holders[0];
  if (held === undefined)
    return [
      {
        id: 'vip-missing-on-lo',
        what: `this host does not have the virtual address ${address}; it drops what the director sends`,
        shown: `ip addr: ${address} is on no interface`,
        fix: here(addOnLo(address)),
      },
    ];
  if (held.prefixLength === hostBits(address)) return [];
  const given = `${address}/${held.prefixLength}`;
  return [
    {
      id: 'vip-netmask',
      what: `this host takes all of ${given} for its own addresses, and answers no client there`,
      shown: `ip addr: ${given} on lo`,
      fix: here(`ip addr del ${given} dev lo && ${addOnLo(address)}`),
    },
  ];
}
