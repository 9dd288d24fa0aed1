/**
 * Keeps this host from answering for service ports: an nftables table of our own at the interface's ingress drops
 * what the datapath forwards. AF_PACKET sees frames before it. Ping, ARP and other ports of a virtual address stay
 * with the host. The table is replaced whole, in one transaction: nft(8), "-f"; a crash leaves one that the next
 * start replaces.
 */
import type { TransportProtocol } from '../service/model.ts';
import { emptyTable, listChain, nftTableName, removeTable, runNft } from './nft-table.ts';

export const guardTableName = (interfaceName: string): string => nftTableName('director', interfaceName);

/** A virtual address and the ports of it that the datapath forwards. */
export interface GuardedPorts {
  readonly protocol: TransportProtocol;
  readonly address: string;
  readonly firstPort: number;
  readonly lastPort: number;
}

/** Frames that a firewall mark is for; the first that matches counts. */
export interface GuardedMark {
  readonly protocols: readonly TransportProtocol[];
  /** Address or network. */
  readonly destination: string;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: all. */
  readonly sources: readonly string[] | undefined;
  /** A service takes the mark; else its frames are judged by address and port alone. */
  readonly isTaken: boolean;
}

/** The nft script that makes the table, in place of the one that may be there. Pure. */
export function guardScript(
  interfaceName: string,
  guarded: readonly GuardedPorts[],
  marks: readonly GuardedMark[] = [],
): string {
  const table = guardTableName(interfaceName);
  const elements = (version: 4 | 6) =>
    guarded.filter(({ address }) => address.includes(':') === (version === 6)).map(elementOf);
  return [
    ...emptyTable(table),
    `table netdev ${table} {`,
    ...nftSet('services4', 'ipv4_addr . inet_proto . inet_service', elements(4)),
    ...nftSet('services6', 'ipv6_addr . inet_proto . inet_service', elements(6)),
    '  chain services {',
    '    ip daddr . meta l4proto . th dport @services4 counter drop',
    '    ip6 daddr . meta l4proto . th dport @services6 counter drop',
    '  }',
    '  chain ingress {',
    `    type filter hook ingress device "${interfaceName}" priority -500; policy accept;`,
    ...marks.map((mark) => `    ${markMatch(mark)} ${mark.isTaken ? 'counter drop' : 'goto services'}`),
    '    goto services',
    '  }',
    '}',
    '',
  ].join('\n');
}

function elementOf({ address, protocol, firstPort, lastPort }: GuardedPorts): string {
  const ports = firstPort === lastPort ? `${firstPort}` : `${firstPort}-${lastPort}`;
  return `${address} . ${protocol} . ${ports}`;
}

function markMatch({ protocols, destination, firstPort, lastPort, sources }: GuardedMark): string {
  const family = destination.includes(':') ? 'ip6' : 'ip';
  const from = sources === undefined ? '' : ` ${family} saddr { ${sources.join(', ')} }`;
  const ports = `th dport ${firstPort}-${lastPort}`;
  return `${family} daddr ${destination}${from} meta l4proto { ${protocols.join(', ')} } ${ports}`;
}

function nftSet(name: string, type: string, elements: readonly string[]): string[] {
  const list = elements.length === 0 ? [] : [`    elements = { ${elements.join(', ')} }`];
  return [`  set ${name} {`, `    type ${type}`, '    flags interval', ...list, '  }'];
}

export class Guard {
  private readonly interfaceName: string;
  private applied: string | undefined;

  constructor(interfaceName: string) {
    this.interfaceName = interfaceName;
  }

  /** Guards these ports and no others. The interface exists. */
  async apply(guarded: readonly GuardedPorts[], marks: readonly GuardedMark[] = []): Promise<void> {
    const script = guardScript(this.interfaceName, guarded, marks);
    if (script === this.applied) return;
    await runNft(script);
    this.applied = script;
  }

  /** Somebody may flush the whole rule set, as restarting nftables does. Resolves to whether it had to be put back. */
  async repair(): Promise<boolean> {
    const script = this.applied;
    if (script === undefined) return false;
    if ((await this.isThere()) || this.applied !== script) return false;
    await runNft(script);
    return true;
  }

  /** The kernel forgets the chain when its interface is deleted. */
  forgetInterface(): void {
    this.applied = undefined;
  }

  async remove(): Promise<void> {
    this.applied = undefined;
    await removeTable(guardTableName(this.interfaceName));
  }
  /** What a crash left. Resolves to whether there was anything. */
  async removeLeft(): Promise<boolean> {
    if (!(await this.isThere())) return false;
    await this.remove();
    return true;
  }

  private async isThere(): Promise<boolean> {
    return (await listChain(guardTableName(this.interfaceName), 'ingress')) !== undefined;
  }
}
