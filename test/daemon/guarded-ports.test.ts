/** Which ports the host is kept from, against a plain look at each port. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guardedMarks, guardedPorts } from '../../src/daemon/guarded-ports.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import { addService } from '../helpers/edits.ts';

const VIP = '10.0.0.100';

const configured = (...services: readonly Parameters<typeof addService>[]): Configuration =>
  services.map((each) => addService(...each)).reduce(applyEdit, EMPTY_CONFIGURATION);

const rangesOf = (...configurations: readonly Configuration[]) =>
  guardedPorts(...configurations).map(
    ({ protocol, address, firstPort, lastPort }) => `${protocol} ${address} ${firstPort}-${lastPort}`,
  );

describe('guarded ports', () => {
  test.each<[string, Parameters<typeof addService>[], string[]]>([
    ['none', [], []],
    ['one port', [[`tcp ${VIP}:80`]], [`tcp ${VIP} 80-80`]],
    ['an FTP service', [[`tcp ${VIP}:21`]], [`tcp ${VIP} 21-21`]],
    [
      'a persistent FTP service, with its data connections',
      [[`tcp ${VIP}:21`, { persistentSec: 1 }]],
      [`tcp ${VIP} 20-21`, `tcp ${VIP} 1024-65535`],
    ],
    ['port 21 of UDP', [[`udp ${VIP}:21`, { persistentSec: 1 }]], [`udp ${VIP} 21-21`]],
    ['all ports, persistent', [[`sctp ${VIP}:0`, { persistentSec: 1 }]], [`sctp ${VIP} 0-65535`]],
    ['port 0, not persistent: takes nothing', [[`tcp ${VIP}:0`]], []],
    ['a firewall mark: has its own rules', [['fwmark 7']], []],
    [
      'all ports and single ones',
      [[`tcp ${VIP}:80`], [`tcp ${VIP}:0`, { persistentSec: 1 }], [`tcp ${VIP}:443`]],
      [`tcp ${VIP} 0-65535`],
    ],
    [
      'the same port of two protocols and two addresses',
      [[`udp ${VIP}:53`], [`tcp ${VIP}:53`], ['tcp 10.0.0.101:53'], ['tcp [fd00::1]:53']],
      [`tcp ${VIP} 53-53`, `udp ${VIP} 53-53`, 'tcp 10.0.0.101 53-53', 'tcp fd00::1 53-53'],
    ],
  ])('%s', (_name, services, ranges) => {
    expect(rangesOf(configured(...services))).toEqual(ranges);
  });

  test('of two configurations are those of both, each once', () => {
    const [before, after] = [configured([`tcp ${VIP}:80`]), configured([`tcp ${VIP}:80`], [`tcp ${VIP}:81`])];
    expect(rangesOf(before, after)).toEqual([`tcp ${VIP} 80-80`, `tcp ${VIP} 81-81`]);
  });

  const service = fc.record({
    protocol: fc.constantFrom('tcp', 'udp'),
    address: fc.constantFrom(VIP, '10.0.0.101', 'fd00::1'),
    port: fc.constantFrom(0, 1, 19, 20, 21, 22, 80, 1023, 1024, 65535),
    persistentSec: fc.constantFrom(0, 60),
  });

  test('are disjoint, and exactly what the services take', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(service, { selector: (one) => `${one.protocol}${one.address}${one.port}` }),
        (all) => {
          const name = ({ protocol, address, port }: (typeof all)[number]) =>
            `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
          const ranges = guardedPorts(
            configured(
              ...all.map(
                (one): Parameters<typeof addService> => [name(one), { persistentSec: one.persistentSec }],
              ),
            ),
          );
          const takes = (one: (typeof all)[number], port: number) => {
            if (one.persistentSec === 0 || (one.port !== 0 && one.port !== 21))
              return one.port === port && port !== 0;
            if (one.port === 0) return true;
            return one.protocol === 'tcp' ? port === 20 || port === 21 || port >= 1024 : port === 21;
          };
          for (const protocol of ['tcp', 'udp']) {
            for (const address of [VIP, '10.0.0.101', 'fd00::1']) {
              const theirs = ranges.filter(
                (range) => range.protocol === protocol && range.address === address,
              );
              const services = all.filter((one) => one.protocol === protocol && one.address === address);
              for (const port of [
                0, 1, 2, 19, 20, 21, 22, 23, 80, 81, 1022, 1023, 1024, 1025, 40_000, 65_534, 65_535,
              ]) {
                const guards = theirs.filter(
                  ({ firstPort, lastPort }) => firstPort <= port && port <= lastPort,
                );
                expect(guards.length, `${protocol} ${address} ${port}`).toBe(
                  services.some((one) => takes(one, port)) ? 1 : 0,
                );
              }
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('guarded marks', () => {
  test('are the rules in their order, with all that they leave out, and whether a service takes the mark', () => {
    const marks = [
      { mark: 7, destination: VIP },
      { mark: 7, destination: 'fd00::/64', protocol: 'udp', ports: [53, 54], sources: ['2001:db8::/32'] },
      { mark: 8, destination: VIP, ports: [80, 80] },
    ] as const;
    const configuration = applyEdit(configured(['fwmark 7']), { op: 'set-marks', rules: marks });
    expect(guardedMarks(configuration)).toEqual([
      {
        protocols: ['tcp', 'udp', 'sctp'],
        destination: VIP,
        firstPort: 0,
        lastPort: 65535,
        sources: undefined,
        isTaken: true,
      },
      {
        protocols: ['udp'],
        destination: 'fd00::/64',
        firstPort: 53,
        lastPort: 54,
        sources: ['2001:db8::/32'],
        isTaken: false,
      },
      expect.objectContaining({ destination: VIP, firstPort: 80, lastPort: 80, isTaken: false }),
    ]);
  });
});
