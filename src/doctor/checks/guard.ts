/** With pcap the host's own stack is kept from answering for service ports, by an nftables table. */

import { runCommand } from '../../host/command.ts';
import { guardTableName } from '../../host/guard.ts';
import { defineCheck, NotChecked } from '../check.ts';
import { here } from '../finding.ts';
import type { ServiceView } from '../situation.ts';

interface Facts {
  /** With pcap. */
  readonly isNeeded: boolean;
  readonly table: string;
  /** As nft lists it; null: it is not there. */
  readonly rules: string | null;
  readonly services: readonly ServiceView[];
}

export const guard = defineCheck<Facts>({
  name: 'guard',
  fine: 'the host itself does not answer for service ports',
  on: ['director'],
  finds: {
    'guard-missing': {
      severity: 'problem',
      meaning:
        "pcap: the guard's rules are not all there, so the host's own stack answers for service ports, too, with resets",
    },
  },
  async collect({ parts: { status, link, services } }) {
    if (status === undefined) throw new NotChecked('no director runs');
    const table = guardTableName(link.name);
    const rules = await runCommand('nft', ['list', 'table', 'netdev', table]).catch(() => null);
    return { isNeeded: status.datapath.name !== 'xdp', table, rules, services };
  },
  judge({ isNeeded, table, rules, services }) {
    if (!isNeeded) return [];
    const unguarded = services.filter((service) => !isGuarded(rules ?? '', service));
    if (rules !== null && hasRules(rules) && unguarded.length === 0) return [];
    const names = unguarded.map(({ protocol, address, port }) => `${protocol} ${address} port ${port}`);
    return [
      {
        id: 'guard-missing',
        what: "this host's own stack answers for service ports, too, and resets connections; the daemon puts back, within 3 s, a table that is gone altogether",
        shown:
          rules === null || names.length === 0
            ? `nft list table netdev ${table}: ${rules === null ? 'no such table' : 'it has lost its rules'}`
            : `nft list table netdev ${table} does not name ${names.join(', ')}`,
        fix: here(`nft 'add table netdev ${table}; delete table netdev ${table}'`),
      },
    ];
  },
});

const hasRules = (rules: string): boolean =>
  rules.includes('hook ingress') &&
  rules.includes('goto services') &&
  /@services4 .*drop/.test(rules) &&
  /@services6 .*drop/.test(rules);

/** Elements are `ADDRESS . PROTOCOL . PORT`, or `FIRST-LAST` for the port. Only a persistent service has port 0: all. */
function isGuarded(rules: string, { protocol, address, port }: ServiceView): boolean {
  if (port === 0) return true;
  const elements = [...rules.matchAll(/([0-9a-f:.]+) \. (\w+) \. (\d+)(?:-(\d+))?/g)];
  return elements.some(
    ([, host, name, first, last]) =>
      host === address && name === protocol && port >= Number(first) && port <= Number(last ?? first),
  );
}
