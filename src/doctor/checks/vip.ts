/** The director has the virtual addresses: it must answer ARP and ping for them. */
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';
import { type HostView, holdersOf, versionOf } from '../host-view.ts';

interface Facts {
  readonly host: HostView;
  readonly interfaceName: string;
  readonly virtual: readonly string[];
}

export const vip = defineCheck<Facts>({
  name: 'vip',
  fine: 'the director has the virtual addresses',
  on: ['director'],
  finds: {
    'vip-missing': {
      severity: 'problem',
      meaning: 'the director does not have the virtual address, so nobody answers for it',
    },
  },

  collect: ({ parts: { host, link, virtual } }) => ({ host, interfaceName: link.name, virtual }),

  judge: ({ host, interfaceName, virtual }) =>
    virtual.flatMap((address) => {
      const holders = holdersOf(host, address);
      // A host answers ARP for the addresses of all its interfaces, neighbour discovery for those of the one asked.
      const answers = holders.some(({ link }) => link.name === interfaceName || versionOf(address) === 4);
      if (answers) return [];
      const command =
        versionOf(address) === 4
          ? `ip addr add ${address}/32 dev ${interfaceName}`
          : `ip -6 addr add ${address}/128 dev ${interfaceName} nodad preferred_lft 0`;
      return [
        {
          id: 'vip-missing',
          what: `${interfaceName} does not have the virtual address ${address}`,
          shown:
            holders.length === 0 ? 'no interface of this host has it' : `it is on ${holders[0]!.link.name}`,
          fix: here(command),
        },
      ];
    }),
});
