/** Who answers ARP, or neighbour discovery, for a virtual address: the director, and nobody else. */
import { type Draft, defineCheck, type Role } from '../check.ts';
import { giveUpAddress, hideOnLo, setting } from '../commands.ts';
import { here, on } from '../finding.ts';
import { versionOf } from '../host-view.ts';
import { MAX_ASKED } from '../server-reach.ts';

interface Facts {
  readonly role: Role;
  readonly owners: readonly { readonly virtual: string; readonly macs: readonly string[] }[];
  /** Own addresses of hosts, by MAC: real servers first. */
  readonly known: readonly { readonly mac: string; readonly address: string; readonly isServer: boolean }[];
  /** This host's interfaces but the one that asked. */
  readonly otherLinks: readonly { readonly name: string; readonly mac: string | null }[];
}

export const arpOwner = defineCheck<Facts>({
  name: 'arp',
  fine: 'nobody but the director answers ARP or neighbour discovery for a virtual address',
  on: ['director', 'real-server'],
  finds: {
    'real-server-answers-arp': {
      severity: 'problem',
      meaning: 'a real server answers ARP for the virtual address and takes its traffic away',
    },
    'duplicate-vip': { severity: 'problem', meaning: 'another host has the virtual address, too' },
    'own-interface-answers': {
      severity: 'problem',
      meaning:
        'another interface of the director answers for the virtual address; frames come in there, unseen',
    },
    'vip-unanswered': {
      severity: 'warning',
      meaning: 'nobody answers for the virtual address: no director is there',
    },
  },

  async collect(situation) {
    const { role, virtual, servers, host, link } = situation.parts;
    const owners = await Promise.all(
      virtual
        .slice(0, MAX_ASKED)
        .map(async (address) => ({ virtual: address, macs: await situation.owners(address) })),
    );
    const serverMacs = servers.flatMap(({ address, mac }) =>
      mac === null ? [] : [{ mac, address, isServer: true }],
    );
    const others = host.neighbors.flatMap(({ address, mac }) =>
      mac === null || virtual.includes(address) ? [] : [{ mac, address, isServer: false }],
    );
    const otherLinks = host.links.filter(({ name }) => name !== link.name);
    return { role, owners, known: [...serverMacs, ...others], otherLinks };
  },

  judge: ({ role, owners, known, otherLinks }) =>
    owners.flatMap(({ virtual, macs }) => {
      const question = `${versionOf(virtual) === 4 ? 'ARP' : 'neighbour discovery'}: who has ${virtual}?`;
      if (role === 'real-server') return fromRealServer(virtual, macs, question, known);
      return macs.map((mac) => fromDirector(virtual, mac, question, known, otherLinks));
    }),
});

function fromDirector(
  virtual: string,
  mac: string,
  question: string,
  known: Facts['known'],
  otherLinks: Facts['otherLinks'],
): Draft {
  const shown = `${question} ${mac} answered`;
  const mine = otherLinks.find((link) => link.mac === mac);
  if (mine !== undefined)
    return {
      id: 'own-interface-answers',
      what: `${mine.name} of this host answers for ${virtual}`,
      shown,
      fix: here(setting(mine.name, 'arp_ignore', 1)),
    };
  const holder = known.find((each) => each.mac === mac);
  if (holder?.isServer === true)
    return {
      id: 'real-server-answers-arp',
      what: `the real server ${holder.address} answers for the virtual address ${virtual} and takes its traffic away`,
      shown,
      fix: on(holder.address, hideOnLo(virtual)),
    };
  const name = nameOf(mac, holder?.address);
  return {
    id: 'duplicate-vip',
    what: `${name} has the virtual address ${virtual}, too`,
    shown,
    fix: on(name, giveUpAddress(virtual)),
  };
}

const nameOf = (mac: string, address: string | undefined): string =>
  address === undefined ? `the host with the MAC ${mac}` : `${address} (${mac})`;

function fromRealServer(
  virtual: string,
  macs: readonly string[],
  question: string,
  known: Facts['known'],
): Draft[] {
  if (macs.length === 1) return [];
  if (macs.length === 0)
    return [
      {
        id: 'vip-unanswered',
        what: `nobody answers for the virtual address ${virtual}: no director is there, or not on this segment`,
        shown: `${question} no answer`,
        fix: null,
      },
    ];
  const names = macs.map((mac) => nameOf(mac, known.find((each) => each.mac === mac)?.address));
  return [
    {
      id: 'duplicate-vip',
      what: `several hosts answer for the virtual address ${virtual}; only the director may`,
      shown: `${question} answered by ${names.join(' and ')}`,
      fix: on(`those of them that are not the director`, hideOnLo(virtual)),
    },
  ];
}
