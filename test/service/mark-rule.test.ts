/** Firewall marks: networks as text, rules checked and shown, and the mark of a packet against a plain model. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkedMarkRule,
  MarkRules,
  parseNetwork,
  renderMarkRule,
  renderNetwork,
} from '../../src/service/mark-rule.ts';
import type { MarkRule } from '../../src/service/model.ts';
import { parseIp } from '../../src/wire/address.ts';
import { Packet } from '../../src/wire/packet.ts';
import { ipv4Bytes, ipv6Bytes } from '../helpers/frame-builder.ts';

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

interface Ends {
  readonly client: string;
  readonly virtual: string;
  readonly port: number;
  readonly protocol: keyof typeof PROTOCOLS;
}

function packetOf({ client, virtual, port, protocol }: Ends): Packet {
  const from = parseIp(client)!;
  const [client0, client1, client2, client3] = from.words;
  const [virtual0, virtual1, virtual2, virtual3] = parseIp(virtual)!.words;
  const words = { client0, client1, client2, client3, virtual0, virtual1, virtual2, virtual3 };
  const rest = { ipVersion: from.version, virtualPort: port, clientPort: 1001, hasPorts: true };
  return Object.assign(new Packet(), words, rest, { protocol: PROTOCOLS[protocol] });
}

const ENDS: Ends = { client: '192.0.2.9', virtual: '10.0.0.100', port: 80, protocol: 'tcp' };

const markOf = (rules: readonly MarkRule[], ends: Partial<Ends> = {}) =>
  new MarkRules(rules).markOf(packetOf({ ...ENDS, ...ends }));

describe('a network', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1/32', '10.0.0.1'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD00::1', 'fd00::1'],
    ['fd00:0:0:0::/64', 'fd00::/64'],
    ['fd00::1/128', 'fd00::1'],
    ['::/0', '::/0'],
  ])('%s is read and shown as %s', (text, shown) => {
    expect(renderNetwork(parseNetwork(text)!)).toBe(shown);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.1/33',
    '10.0.0.1/',
    '10.0.0.1/-1',
    '10.0.0.1/8/8',
    '10.0.0.1/ 8',
    '10.0.0.1/8x',
    '10.0.0.1/0x8',
    'fd00::1/129',
    'fd00::1/1000',
    '/8',
    'host',
    '10.0.0.1 /8',
  ])('%j is none', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });
});

describe('a rule', () => {
  test.each([
    [{ mark: 1, destination: 'here' }, 'here is neither an IP address nor a network such as 10.0.0.0/8'],
    [{ mark: 1, destination: '10.0.0.1', sources: ['10.0.0.0/40'] }, '10.0.0.0/40 is neither'],
    [
      { mark: 1, destination: '10.0.0.1', sources: ['192.0.2.0/24', 'fd00::/64'] },
      'the source fd00:: is not of the IP version of 10.0.0.1',
    ],
    [{ mark: 1, destination: '10.0.0.1', ports: [90, 80] }, 'the ports 90-80 are in the wrong order'],
  ] as const)('%j is refused', (rule, message) => {
    expect(() => checkedMarkRule(rule)).toThrow(
      expect.objectContaining({ code: 'OUT_OF_RANGE', message: expect.stringContaining(message) }),
    );
  });

  test('gets canonical addresses, and nothing that it had not', () => {
    const rule: MarkRule = { mark: 7, destination: 'FD00:0::0/64', sources: ['2001:DB8::/32'] };
    const checked = { mark: 7, destination: 'fd00::/64', sources: ['2001:db8::/32'] };
    expect(checkedMarkRule(rule)).toStrictEqual(checked);
    expect(checkedMarkRule({ mark: 7, destination: '10.0.0.1/32' })).toStrictEqual({
      mark: 7,
      destination: '10.0.0.1',
    });
  });

  test.each([
    [{ mark: 7, destination: '10.0.0.1' }, 'any 10.0.0.1 all ports -> mark 7'],
    [
      {
        mark: 8,
        protocol: 'udp',
        destination: '10.0.0.0/8',
        ports: [53, 54],
        sources: ['192.0.2.1', '::/0'],
      },
      'udp 10.0.0.0/8 ports 53-54 from 192.0.2.1, ::/0 -> mark 8',
    ],
  ] as const)('%j is shown as %s', (rule, text) => {
    expect(renderMarkRule(rule)).toBe(text);
  });
});

describe('the mark of a packet', () => {
  const rule: MarkRule = { mark: 7, destination: '10.0.0.100' };

  test('is 0 without rules, and where none matches', () => {
    expect(markOf([])).toBe(0);
    expect(markOf([rule], { virtual: '10.0.0.101' })).toBe(0);
    expect(markOf([{ mark: 7, destination: '::/0' }])).toBe(0);
    expect(markOf([{ mark: 7, destination: '0.0.0.0/0' }], { client: '::1', virtual: '::2' })).toBe(0);
  });

  test('is that of the first rule that matches, also where a later one is narrower', () => {
    const narrow: MarkRule = { mark: 9, destination: '10.0.0.100', ports: [80, 80] };
    expect(markOf([rule, narrow])).toBe(7);
    expect(markOf([narrow, rule])).toBe(9);
    expect(markOf([narrow, rule], { port: 81 })).toBe(7);
  });

  test.each([
    [79, 0],
    [80, 7],
    [90, 7],
    [91, 0],
  ])('ports 80-90: that of port %d is %d', (port, mark) => {
    expect(markOf([{ ...rule, ports: [80, 90] }], { port })).toBe(mark);
  });

  test('is also one beyond 31 bits', () => {
    expect(markOf([{ ...rule, mark: 0xffffffff }])).toBe(0xffffffff);
  });

  const bitsOf = (address: string): string =>
    [...(address.includes(':') ? ipv6Bytes(address) : ipv4Bytes(address))]
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('');

  /** As one would say it: the first so many binary digits are the same. */
  function isIn(network: string, address: string): boolean {
    const [base = '', prefix] = network.split('/');
    if (base.includes(':') !== address.includes(':')) return false;
    const digits = bitsOf(base).slice(0, prefix === undefined ? 128 : Number(prefix));
    return bitsOf(address).startsWith(digits);
  }

  const address4 = fc.constantFrom('10.0.0.100', '10.0.0.101', '10.0.1.100', '138.0.0.100', '192.0.2.9');
  const address6 = fc.constantFrom(
    'fd00::1',
    'fd00::2',
    'fd00:0:1::1',
    'fd00::1:0:0:1',
    '::1',
    '2001:db8::9',
  );
  const network = (address: fc.Arbitrary<string>, bits: number) =>
    fc.tuple(address, fc.nat(bits)).map(([base, prefix]) => `${base}/${prefix}`);
  const family = (address: fc.Arbitrary<string>, bits: number) => {
    const some = fc.oneof(address, network(address, bits));
    const rule = fc.record(
      {
        mark: fc.integer({ min: 1, max: 9 }),
        destination: some,
        protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
        ports: fc
          .tuple(fc.nat(5), fc.nat(5))
          .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
        sources: fc.array(some, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ['mark', 'destination'] },
    );
    const ends = fc.record({
      client: address,
      virtual: address,
      port: fc.nat(5),
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
    });
    return fc.tuple(fc.array(rule, { maxLength: 6 }), ends);
  };

  test('is what a plain reading of the rules gives', () => {
    fc.assert(
      fc.property(fc.oneof(family(address4, 32), family(address6, 128)), ([rules, ends]) => {
        const matching = (rules as MarkRule[]).find(
          ({ destination, protocol, ports, sources }) =>
            isIn(destination, ends.virtual) &&
            (protocol === undefined || protocol === ends.protocol) &&
            (ports === undefined || (ends.port >= ports[0] && ends.port <= ports[1])) &&
            (sources === undefined || sources.some((source) => isIn(source, ends.client))),
        );
        expect(markOf(rules as MarkRule[], ends as Ends)).toBe(matching?.mark ?? 0);
        const hasAddress = rules.some(({ destination }) => isIn(destination, ends.virtual));
        expect(new MarkRules(rules as MarkRule[]).hasAddress(packetOf(ends as Ends))).toBe(hasAddress);
      }),
      { numRuns: 1000 },
    );
  });
});
