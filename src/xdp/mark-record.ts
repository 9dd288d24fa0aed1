/** Firewall mark rules in the map: two halves, of which one word in the configuration says which is in force. */
import { checkedMarkRule, parseNetwork, renderNetwork } from '../service/mark-rule.ts';
import type { MarkRule } from '../service/model.ts';
import { PROTOCOL_NUMBERS } from '../service/protocol-numbers.ts';
import type { IpAddress } from '../wire/address.ts';
import { CONFIG, MARK_RULE } from './layout.ts';
import type { Memory } from './memory.ts';
import { protocolName } from './server-record.ts';
import { MAX_MARK_RULES } from './sizes.ts';

const { at } = MARK_RULE;
const LAST_PORT = 0xffff;
const EVERYBODY = { words: [0, 0, 0, 0], prefixLength: 0 } as const;

/** Combinations of destination and source network. */
export const countCombinations = (rules: readonly MarkRule[]): number =>
  rules.reduce((count, { sources }) => count + (sources?.length ?? 1), 0);

/** No more than MAX_MARK_RULES combinations. */
export function writeMarkRules(config: Memory, memory: Memory, rules: readonly MarkRule[]): void {
  const current = config.get32(0, CONFIG.at.markRules) >>> 16;
  const first = current === 0 ? MAX_MARK_RULES : 0;
  let element = first;
  for (const [number, rule] of rules.entries()) {
    const sources = rule.sources?.map((text) => networkOf(text)) ?? [EVERYBODY];
    for (const source of sources) writeRule(memory, element++, number, rule, source);
  }
  config.set32(0, CONFIG.at.markRules, (first << 16) | (element - first));
}

interface Bits {
  readonly words: readonly number[];
  readonly prefixLength: number;
}

function networkOf(text: string): Bits & { readonly version: 4 | 6 } {
  const { ip, prefixLength } = parseNetwork(text)!;
  return { words: ip.words, prefixLength, version: ip.version };
}

function writeRule(memory: Memory, element: number, number: number, rule: MarkRule, source: Bits): void {
  const destination = networkOf(rule.destination);
  memory.clear(element);
  memory.setWords(element, at.destination, destination.words);
  memory.setWords(element, at.source, source.words);
  memory.set16(element, at.firstPort, rule.ports?.[0] ?? 0);
  memory.set16(element, at.lastPort, rule.ports?.[1] ?? LAST_PORT);
  memory.set8(element, at.version, destination.version);
  memory.set8(element, at.protocol, rule.protocol === undefined ? 0 : PROTOCOL_NUMBERS[rule.protocol]);
  memory.set8(element, at.destinationBits, destination.prefixLength);
  memory.set8(element, at.sourceBits, source.prefixLength);
  memory.set32(element, at.mark, rule.mark);
  memory.set32(element, at.rule, number);
  memory.set32(element, at.hasSources, rule.sources === undefined ? 0 : 1);
  memory.set32(element, at.hasPorts, rule.ports === undefined ? 0 : 1);
}

export function readMarkRules(config: Memory, memory: Memory): MarkRule[] {
  const inForce = config.get32(0, CONFIG.at.markRules);
  const first = inForce >>> 16;
  const rules: { number: number; rule: MarkRule }[] = [];
  for (let element = first; element < first + (inForce & 0xffff); element++) {
    const number = memory.get32(element, at.rule);
    const last = rules.at(-1);
    const sources =
      memory.get32(element, at.hasSources) === 0 ? [] : [networkText(memory, element, 'source')];
    if (last?.number === number)
      last.rule = { ...last.rule, sources: [...(last.rule.sources ?? []), ...sources] };
    else rules.push({ number, rule: readRule(memory, element, sources) });
  }
  return rules.map(({ rule }) => checkedMarkRule(rule));
}

function readRule(memory: Memory, element: number, sources: readonly string[]): MarkRule {
  const protocol = memory.get8(element, at.protocol);
  const ports = [memory.get16(element, at.firstPort), memory.get16(element, at.lastPort)] as const;
  return {
    mark: memory.get32(element, at.mark),
    ...(protocol === 0 ? {} : { protocol: protocolName(protocol) }),
    destination: networkText(memory, element, 'destination'),
    ...(memory.get32(element, at.hasPorts) === 0 ? {} : { ports }),
    ...(sources.length === 0 ? {} : { sources }),
  };
}

function networkText(memory: Memory, element: number, side: 'source' | 'destination'): string {
  const ip: IpAddress = {
    version: memory.get8(element, at.version) === 6 ? 6 : 4,
    words: memory.words(element, at[side]),
  };
  return renderNetwork({ ip, prefixLength: memory.get8(element, at[`${side}Bits`]) });
}
