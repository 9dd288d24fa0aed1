/** Whatever an operator may configure, for property tests: src/control/schema.ts says what that is. */
import fc from 'fast-check';
import { SCHEDULER_NAMES } from '../../src/service/configuration.ts';
import { checkedMarkRule } from '../../src/service/mark-rule.ts';
import type {
  MarkRule,
  ServerAddress,
  ServerOptions,
  ServiceAddress,
  ServiceOptions,
  TransportProtocol,
} from '../../src/service/model.ts';
import { type MacAddress, renderIp } from '../../src/wire/address.ts';

const word = fc.oneof(fc.constantFrom(0, -1, 1, 0xffff), fc.integer());
const u32 = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }));
const u31 = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff), fc.nat(0x7fffffff));

export const port: fc.Arbitrary<number> = fc.oneof(fc.constantFrom(0, 21, 80, 65535), fc.nat(65535));
export const protocol: fc.Arbitrary<TransportProtocol> = fc.constantFrom('tcp', 'udp', 'sctp');
export const mac: fc.Arbitrary<MacAddress> = fc.record({ high: fc.nat(0xffff), low: fc.integer() });

export const ipv4: fc.Arbitrary<string> = word.map((first) =>
  renderIp({ version: 4, words: [first, 0, 0, 0] }),
);
export const ipv6: fc.Arbitrary<string> = fc
  .tuple(word, word, word, word)
  .map((words) => renderIp({ version: 6, words }));
export const ip = fc.oneof(ipv4, ipv6);

export const serviceAddress: fc.Arbitrary<ServiceAddress> = fc.oneof(
  fc.record({ protocol, address: ip, port }),
  fc.record({
    fwmark: fc.integer({ min: 1, max: 0xffffffff }),
    family: fc.constantFrom(4 as const, 6 as const),
  }),
);
export const serviceOptions: fc.Arbitrary<ServiceOptions> = fc.record({
  scheduler: fc.constantFrom(...SCHEDULER_NAMES),
  schedulerFlags: fc.nat(0xff),
  persistentSec: fc.nat(2_678_400),
  netmask: u32,
  onePacket: fc.boolean(),
  persistenceEngine: fc.constantFrom('', 'sip'),
});
export const serverAddress: fc.Arbitrary<ServerAddress> = fc.record({ address: ip, port });
const configuredOptions = fc.record({
  forwarding: fc.constantFrom('direct-route', 'tunnel', 'masquerade'),
  weight: u31,
  upperThreshold: u31,
  lowerThreshold: u31,
  tunnel: fc.record({
    type: fc.constantFrom('ipip', 'gue', 'gre'),
    port,
    checksum: fc.constantFrom('none', 'csum', 'remcsum'),
  }),
});
/** A weight in force that is the configured one is none. */
export const serverOptions: fc.Arbitrary<ServerOptions> = fc
  .tuple(configuredOptions, fc.option(u31, { nil: undefined }), fc.boolean())
  .map(([options, weightInForce, hasFailed]) => ({
    ...(options as ServerOptions),
    ...(weightInForce === undefined || weightInForce === options.weight ? {} : { weightInForce }),
    ...(hasFailed ? { failed: true as const } : {}),
  }));

const network = (version: 4 | 6) =>
  fc
    .tuple(version === 4 ? ipv4 : ipv6, fc.nat(version === 4 ? 32 : 128), fc.boolean())
    .map(([address, bits, isWhole]) => (isWhole ? address : `${address}/${bits}`));

/** As src/service/mark-rule.ts takes it. */
export const markRule: fc.Arbitrary<MarkRule> = fc
  .constantFrom(4 as const, 6 as const)
  .chain((version) =>
    fc.record(
      {
        mark: fc.integer({ min: 1, max: 0xffffffff }),
        protocol,
        destination: network(version),
        ports: fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
        sources: fc.array(network(version), { minLength: 1, maxLength: 5 }),
      },
      { requiredKeys: ['mark', 'destination'] },
    ),
  )
  .map((rule) => checkedMarkRule(rule as MarkRule));
