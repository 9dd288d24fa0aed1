/**
 * Checks of a virtual address through one real server. A socket of such a check carries a mark and is connected to the
 * server's own address, so that the kernel sends its packets to that server's MAC; rules of our own, at the interface's
 * egress, put the virtual address in place of the server's, and at its ingress undo that for the answers: nft(8), netdev
 * family, egress hook (Linux 5.16).
 */
import { emptyTable, listChain, nftTableName, removeTable, runNft } from './nft-table.ts';

/** Upper half of the marks: "DI". The lower half tells the checks apart. */
export const CHECK_MARKS = 0x44490000;
export const MAX_CHECK_MARKS = 0xffff;

export interface CheckRoute {
  /** SO_MARK of the check's sockets. */
  readonly mark: number;
  readonly virtual: string;
  readonly server: string;
  /** Of the server. */
  readonly mac: string;
}

const checkTableName = (interfaceName: string): string => nftTableName('director_check', interfaceName);

/** The nft script that makes the table, in place of the one that may be there. Pure. */
export function checkScript(interfaceName: string, routes: readonly CheckRoute[]): string {
  const table = checkTableName(interfaceName);
  const of = (version: 4 | 6) => routes.filter(({ virtual }) => virtual.includes(':') === (version === 6));
  return [
    ...emptyTable(table),
    `table netdev ${table} {`,
    ...families.flatMap(({ version, type }) => [
      ...map(
        `virtual${version}`,
        `mark : ${type}`,
        of(version).map(({ mark, virtual }) => `${mark} : ${virtual}`),
      ),
      ...map(
        `server${version}`,
        `ether_addr . ${type} : ${type}`,
        uniqueAnswers(of(version)).map(({ mac, virtual, server }) => `${mac} . ${virtual} : ${server}`),
      ),
    ]),
    '  chain out {',
    `    type filter hook egress device "${interfaceName}" priority 0; policy accept;`,
    '    ip daddr set meta mark map @virtual4',
    '    ip6 daddr set meta mark map @virtual6',
    '  }',
    '  chain in {',
    `    type filter hook ingress device "${interfaceName}" priority -490; policy accept;`,
    '    ip saddr set ether saddr . ip saddr map @server4',
    '    ip6 saddr set ether saddr . ip6 saddr map @server6',
    '  }',
    '}',
    '',
  ].join('\n');
}

const families = [
  { version: 4, type: 'ipv4_addr' },
  { version: 6, type: 'ipv6_addr' },
] as const;

/** One card may have several addresses; its answers can be told to one of them only. */
function uniqueAnswers(routes: readonly CheckRoute[]): CheckRoute[] {
  return [...new Map(routes.map((route) => [`${route.mac} ${route.virtual}`, route])).values()];
}

const map = (name: string, type: string, elements: readonly string[]): string[] => [
  `  map ${name} {`,
  `    type ${type}`,
  ...(elements.length === 0 ? [] : [`    elements = { ${elements.join(', ')} }`]),
  '  }',
];

export class CheckRules {
  private readonly interfaceName: string;
  private applied: string | undefined;
  private applying: Promise<void> = Promise.resolve();

  constructor(interfaceName: string) {
    this.interfaceName = interfaceName;
  }

  /** Rejects with the reason when the kernel or nft does not take the rules. */
  apply(routes: readonly CheckRoute[]): Promise<void> {
    const result = this.applying.then(() => this.replace(routes));
    this.applying = result.catch(() => {});
    return result;
  }

  remove(): Promise<void> {
    return this.apply([]);
  }

  /** What a crash left, unless it is needed again. Resolves to whether there was anything. */
  async removeLeft(): Promise<boolean> {
    if (this.applied !== undefined || !(await this.isThere())) return false;
    await removeTable(checkTableName(this.interfaceName));
    return true;
  }

  /** Somebody may flush the whole rule set, or the interface be made anew. Resolves to whether they had to be put back. */
  async repair(routes: readonly CheckRoute[]): Promise<boolean> {
    if (this.applied === undefined || (await this.isThere())) return false;
    this.applied = undefined;
    await this.apply(routes);
    return true;
  }

  private async replace(routes: readonly CheckRoute[]): Promise<void> {
    if (routes.length === 0) {
      if (this.applied !== undefined) await removeTable(checkTableName(this.interfaceName));
      this.applied = undefined;
      return;
    }
    const script = checkScript(this.interfaceName, routes);
    if (script === this.applied) return;
    await runNft(script);
    this.applied = script;
  }

  private async isThere(): Promise<boolean> {
    const chain = await listChain(checkTableName(this.interfaceName), 'out');
    return chain?.includes('hook egress') === true;
  }
}
