/** No second director, and nothing that one left behind, handles the same addresses. */
import { readFileSync } from 'node:fs';
import { findPins } from '../../host/bpf-folder.ts';
import { guardTableName } from '../../host/guard.ts';
import { whoHolds } from '../../host/instance-lock.ts';
import { listChain } from '../../host/nft-table.ts';
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';
import { type HostView, inNetwork } from '../host-view.ts';

interface Facts {
  readonly host: HostView;
  readonly interfaceName: string;
  readonly virtual: readonly string[];
  readonly answers: boolean;
  /** Who holds which interface. */
  readonly holders: readonly { readonly interfaceName: string; readonly process: string }[];
  readonly hasPins: boolean;
  readonly hasGuard: boolean;
}

export const otherDirector = defineCheck<Facts>({
  name: 'other-director',
  fine: 'no other director is at work for the same addresses',
  on: ['director'],
  finds: {
    'other-director': {
      severity: 'problem',
      meaning:
        'another director runs on an interface of this host that has a virtual address or is on its network',
    },
    'left-behind': {
      severity: 'warning',
      meaning:
        'no director runs, and one that was killed, or stopped with --keep-forwarding, left what forwards or guards',
    },
  },
  async collect({ parts: { host, link, virtual, status } }) {
    const names = lockedInterfaces(readFileSync('/proc/net/unix', 'utf8'));
    const holders = names.map(async (name) => ({ interfaceName: name, process: await whoHolds(name) }));
    return {
      host,
      interfaceName: link.name,
      virtual,
      answers: status !== undefined,
      holders: await Promise.all(holders),
      hasPins: findPins(link.name) !== undefined,
      hasGuard: (await listChain(guardTableName(link.name), 'ingress')) !== undefined,
    };
  },
  judge: (facts) => [...others(facts), ...leftBehind(facts)],
});

/** Abstract sockets `@director/eth0` of this network namespace; Node.js 20 fills their names up with zeros, shown as @. */
export const lockedInterfaces = (sockets: string): string[] => [
  ...new Set([...sockets.matchAll(/ @director\/([^\s@]+)@*$/gm)].map(([, name]) => name!)),
];

function others({ host, interfaceName, virtual, answers, holders }: Facts) {
  const own = host.links.find(({ name }) => name === interfaceName);
  return holders
    .filter((holder) => {
      if (holder.interfaceName === interfaceName) return !answers;
      const link = host.links.find(({ name }) => name === holder.interfaceName);
      return link?.addresses.some(
        ({ address, scope }) =>
          virtual.includes(address) ||
          (scope === 'global' && own?.addresses.some((mine) => inNetwork(address, mine))),
      );
    })
    .map((holder) => ({
      id: 'other-director',
      what:
        holder.interfaceName === interfaceName
          ? `a director runs on ${interfaceName} and does not answer on this control socket: name its own with --socket, or end it`
          : `another director runs on ${holder.interfaceName}, which is on the same segment or has the same virtual address`,
      shown: `the socket @director/${holder.interfaceName}: ${holder.process}`,
      fix: /^pid (\d+)/.test(holder.process) ? here(`kill ${/^pid (\d+)/.exec(holder.process)![1]}`) : null,
    }));
}

function leftBehind({ interfaceName, answers, holders, hasPins, hasGuard }: Facts) {
  if (answers || holders.some((holder) => holder.interfaceName === interfaceName) || !(hasPins || hasGuard))
    return [];
  return [
    {
      id: 'left-behind',
      what: `no director runs, and ${hasPins ? 'a program of one forwards on' : 'rules of one are on'} ${interfaceName}: a start takes it over (director-down --interface ${interfaceName} takes it away, and the virtual addresses)`,
      shown: hasPins
        ? 'pinned in the bpf file system'
        : `nft list table netdev ${guardTableName(interfaceName)}`,
      fix: here(`director run --interface ${interfaceName}`),
    },
  ];
}
