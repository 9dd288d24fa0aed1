/**
 * Firewall marks without a firewall: rules that say which packets belong to which mark, so that a service `-f N`
 * groups addresses, ports and client networks. The first rule that matches counts.
 */
import { DirectorError } from '../errors.ts';
import { type IpAddress, parseIp, renderIp } from '../wire/address.ts';
import type { Packet } from '../wire/packet.ts';
import type { MarkRule } from './model.ts';
import { PROTOCOL_NUMBERS } from './protocol-numbers.ts';

export interface Network {
  readonly ip: IpAddress;
  readonly prefixLength: number;
}

/** `ADDRESS` or `ADDRESS/PREFIX`; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [addressText = '', prefixText, ...rest] = text.split('/');
  const ip = parseIp(addressText);
  if (ip === undefined || rest.length > 0) return undefined;
  const bits = ip.version === 4 ? 32 : 128;
  if (prefixText === undefined) return { ip, prefixLength: bits };
  const prefixLength = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  return prefixLength <= bits ? { ip, prefixLength } : undefined;
}

/** The rule with canonical addresses. Throws OUT_OF_RANGE naming what is wrong. */
export function checkedMarkRule(rule: MarkRule): MarkRule {
  const destination = checkedNetwork(rule.destination);
  const sources = rule.sources?.map(checkedNetwork);
  const mixed = sources?.find(({ ip }) => ip.version !== destination.ip.version);
  if (mixed !== undefined) {
    const message = `the source ${renderIp(mixed.ip)} is not of the IP version of ${rule.destination}`;
    throw new DirectorError('OUT_OF_RANGE', message, { rule });
  }
  if (rule.ports !== undefined && rule.ports[0] > rule.ports[1]) {
    throw new DirectorError('OUT_OF_RANGE', `the ports ${rule.ports.join('-')} are in the wrong order`, {
      rule,
    });
  }
  return {
    ...rule,
    destination: renderNetwork(destination),
    ...(sources === undefined ? {} : { sources: sources.map(renderNetwork) }),
  };
}

function checkedNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network !== undefined) return network;
  throw new DirectorError(
    'OUT_OF_RANGE',
    `${text} is neither an IP address nor a network such as 10.0.0.0/8`,
    { text },
  );
}

export function renderNetwork({ ip, prefixLength }: Network): string {
  const bits = ip.version === 4 ? 32 : 128;
  return prefixLength === bits ? renderIp(ip) : `${renderIp(ip)}/${prefixLength}`;
}

/** Text that is equal for equal rules. */
export function renderMarkRule({ mark, protocol, destination, ports, sources }: MarkRule): string {
  const parts = [
    protocol ?? 'any',
    destination,
    ports === undefined ? 'all ports' : `ports ${ports.join('-')}`,
  ];
  return `${parts.join(' ')}${sources === undefined ? '' : ` from ${sources.join(', ')}`} -> mark ${mark}`;
}

/** Rules made ready for packets. */
export class MarkRules {
  private readonly rules: readonly ReadyRule[];

  constructor(rules: readonly MarkRule[]) {
    this.rules = rules.map(ready);
  }

  /** The mark of a packet with ports; 0: none. */
  markOf(packet: Packet): number {
    for (const rule of this.rules) if (matches(rule, packet)) return rule.mark;
    return 0;
  }

  /** Whether some rule has the packet's virtual address, whatever its port and protocol. */
  hasAddress({ ipVersion, virtual0, virtual1, virtual2, virtual3 }: Packet): boolean {
    for (const { destination } of this.rules) {
      if (contains(destination, ipVersion, virtual0, virtual1, virtual2, virtual3)) return true;
    }
    return false;
  }
}

interface ReadyRule {
  readonly mark: number;
  /** 0: all. */
  readonly protocol: number;
  readonly firstPort: number;
  readonly lastPort: number;
  readonly destination: Network;
  readonly sources: readonly Network[] | undefined;
}

function ready(rule: MarkRule): ReadyRule {
  return {
    mark: rule.mark,
    protocol: rule.protocol === undefined ? 0 : PROTOCOL_NUMBERS[rule.protocol],
    firstPort: rule.ports?.[0] ?? 0,
    lastPort: rule.ports?.[1] ?? 0xffff,
    destination: checkedNetwork(rule.destination),
    sources: rule.sources?.map(checkedNetwork),
  };
}

function matches(rule: ReadyRule, packet: Packet): boolean {
  if (rule.protocol !== 0 && rule.protocol !== packet.protocol) return false;
  if (packet.virtualPort < rule.firstPort || packet.virtualPort > rule.lastPort) return false;
  const { virtual0, virtual1, virtual2, virtual3, client0, client1, client2, client3, ipVersion } = packet;
  if (!contains(rule.destination, ipVersion, virtual0, virtual1, virtual2, virtual3)) return false;
  if (rule.sources === undefined) return true;
  for (const source of rule.sources) {
    if (contains(source, ipVersion, client0, client1, client2, client3)) return true;
  }
  return false;
}

function contains(
  { ip, prefixLength }: Network,
  ipVersion: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): boolean {
  const { words } = ip;
  return (
    ip.version === ipVersion &&
    sameBits(words[0], word0, prefixLength) &&
    sameBits(words[1], word1, prefixLength - 32) &&
    sameBits(words[2], word2, prefixLength - 64) &&
    sameBits(words[3], word3, prefixLength - 96)
  );
}

/** Whether the first `bits` bits of two words agree; from 32 on all of them. */
function sameBits(a: number, b: number, bits: number): boolean {
  if (bits <= 0) return true;
  return bits >= 32 ? a === b : (a ^ b) >>> (32 - bits) === 0;
}
