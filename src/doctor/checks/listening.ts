/** On a real server a program listens on the virtual address, or on all. */
import { readFileSync } from 'node:fs';
import { runCommand } from '../../host/command.ts';
import { type Draft, defineCheck } from '../check.ts';
import { translatePort } from '../commands.ts';
import { here } from '../finding.ts';
import { ownAddress, versionOf } from '../host-view.ts';
import { type Listener, parseListeners } from '../listeners.ts';
import type { ServiceView } from '../situation.ts';

interface Facts {
  /** Those that were named; none: what listens on the own address alone is a guess. */
  readonly services: readonly ServiceView[];
  readonly virtual: readonly string[];
  readonly own: Readonly<Record<4 | 6, string | undefined>>;
  readonly listeners: readonly Listener[];
  /** nft list ruleset; a rule may lead the virtual address elsewhere. */
  readonly rules: string;
}

export const listening = defineCheck<Facts>({
  name: 'listening',
  fine: 'programs listen on the virtual address, or on all addresses',
  on: ['real-server'],
  finds: {
    'not-listening': {
      severity: 'problem',
      meaning: 'no program listens on the port of a service that was named (-t, -u)',
    },
    'listens-elsewhere': {
      severity: 'problem',
      meaning: "a program listens on the host's own address only, on the port of a service that was named",
    },
    'may-not-listen': {
      severity: 'warning',
      meaning:
        "a program listens on the host's own address only; if its port is one of a service, name that with -t or -u",
    },
  },
  async collect({ parts: { services, virtual, link } }) {
    const read = (name: string) => readFileSync(`/proc/net/${name}`, 'utf8');
    const files = (['tcp', 'tcp6', 'udp', 'udp6'] as const).filter(exists);
    const own = (version: 4 | 6) => ownAddress(link, version === 4 ? '0.0.0.0' : '::', virtual);
    return {
      services,
      virtual,
      own: { 4: own(4), 6: own(6) },
      listeners: files.flatMap((name) => parseListeners(name, read(name))),
      rules: await runCommand('nft', ['list', 'ruleset']).catch(() => ''),
    };
  },
  judge: (facts) =>
    facts.services.length > 0
      ? facts.services.flatMap((service) => judgeNamed(facts, service))
      : guesses(facts),
});

const exists = (name: string): boolean => {
  try {
    readFileSync(`/proc/net/${name}`);
    return true;
  } catch {
    return false;
  }
};

function judgeNamed(facts: Facts, service: ServiceView): Draft[] {
  const { protocol, address, port } = service;
  if (port === 0 || protocol === 'sctp' || isServed(facts, service)) return [];
  const name = `${protocol} port ${port}`;
  const own = facts.own[versionOf(address)];
  if (
    facts.listeners.some((each) => each.protocol === protocol && each.port === port && each.address === own)
  )
    return [
      {
        id: 'listens-elsewhere',
        what: `the program on ${name} listens on ${own} only: let it listen on ${address} or on all addresses. Until then the line below leads one to the other`,
        shown: `/proc/net/${protocol}: ${own} port ${port}, and neither ${address} nor all addresses`,
        fix: here(translatePort(service, own!)),
      },
    ];
  return [
    {
      id: 'not-listening',
      what: `no program listens on ${name}, neither on ${address} nor on all addresses: start it`,
      shown: `/proc/net/${protocol}`,
      fix: null,
    },
  ];
}

function guesses(facts: Facts): Draft[] {
  return facts.virtual.flatMap((address) =>
    facts.listeners
      .filter((each) => each.protocol === 'tcp' && each.address === facts.own[versionOf(address)])
      .filter(({ port }) => !isServed(facts, { protocol: 'tcp', address, port }))
      .map(({ port, address: own }) => ({
        id: 'may-not-listen',
        what: `a program listens on ${own} port ${port} only; if that is the port of a service, clients of ${address} are refused`,
        shown: '/proc/net/tcp',
        fix: null,
      })),
  );
}

function isServed({ listeners, rules }: Facts, { protocol, address, port }: ServiceView): boolean {
  const everywhere = versionOf(address) === 4 ? ['0.0.0.0', '::'] : ['::'];
  const places = [address, ...everywhere];
  if (
    listeners.some(
      (each) => each.protocol === protocol && each.port === port && places.includes(each.address),
    )
  )
    return true;
  return rules
    .split('\n')
    .some(
      (line) =>
        line.includes(`daddr ${address} ${protocol} dport ${port} `) && /\b(dnat|redirect)\b/.test(line),
    );
}
