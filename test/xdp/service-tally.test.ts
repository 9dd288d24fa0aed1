/** What the program has to know of all services together, against a count of them all; and no wrong word on the way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { serviceKey } from '../../src/service/configuration.ts';
import type { ServiceAddress } from '../../src/service/model.ts';
import { Traffic } from '../../src/service/traffic.ts';
import type { VirtualService } from '../../src/service/virtual-service.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { ServiceTally } from '../../src/xdp/service-tally.ts';
import { SERVICE_OPTIONS } from '../helpers/edits.ts';
import { memoryOf } from './memory-of.ts';

const ADDRESSES: readonly ServiceAddress[] = [
  ...['10.0.0.1', '10.0.0.2', 'fd00::1'].flatMap((address) =>
    [21, 80, 0].map((port) => ({ protocol: 'tcp', address, port }) as const),
  ),
  { protocol: 'udp', address: '10.0.0.1', port: 0 },
  { fwmark: 1, family: 4 },
  { fwmark: 1, family: 6 },
];

const serviceOf = (address: ServiceAddress, persistentSec: number): VirtualService => ({
  address,
  options: { ...SERVICE_OPTIONS, persistentSec },
  scheduler: undefined,
  listed: [],
  servers: [],
  traffic: new Traffic(),
});

const isOf = ({ address }: VirtualService, version: 4 | 6): boolean =>
  version === ('fwmark' in address ? address.family : address.address.includes(':') ? 6 : 4);

const NAMES = ['services4', 'services6', 'marked4', 'marked6', 'hasFtp', 'hasAnyPort'] as const;
type Words = Readonly<Record<(typeof NAMES)[number], number>>;

function count(services: readonly VirtualService[]): Words {
  const number = (is: (service: VirtualService) => boolean) => services.filter(is).length;
  const hasPort = (port: number) => (service: VirtualService) =>
    'port' in service.address && service.address.port === port;
  const isPersistent = ({ options }: VirtualService) => options.persistentSec > 0;
  const isMark = ({ address }: VirtualService) => 'fwmark' in address;
  const hasAnyPort = services.some((each) => hasPort(0)(each) && isPersistent(each));
  const ftp = services.filter(hasPort(21));
  return {
    services4: number((each) => isOf(each, 4)),
    services6: number((each) => isOf(each, 6)),
    marked4: number((each) => isMark(each) && isOf(each, 4)),
    marked6: number((each) => isMark(each) && isOf(each, 6)),
    hasFtp: ftp.some(isPersistent) || (ftp.length > 0 && hasAnyPort) ? 1 : 0,
    hasAnyPort: hasAnyPort ? 1 : 0,
  };
}

test('says what a count of all services says, and nothing else in between', () => {
  const step = fc.record({
    of: fc.nat(ADDRESSES.length - 1),
    persistentSec: fc.constantFrom(0, 0, 60),
    stays: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const config = memoryOf(CONFIG, 1);
      const read = (): Words =>
        Object.fromEntries(NAMES.map((name) => [name, config.get32(0, CONFIG.at[name])])) as Words;
      let seen: Words[] = [];
      const watched = Object.assign(Object.create(config) as typeof config, {
        set32(element: number, offset: number, value: number): void {
          config.set32(element, offset, value);
          seen.push(read());
        },
      });
      const tally = new ServiceTally(watched);
      const services = new Map<string, VirtualService>();
      for (const { of, persistentSec, stays } of steps) {
        const address = ADDRESSES[of]!;
        const key = serviceKey(address);
        const before = services.get(key);
        const words = count([...services.values()]);
        const after = stays ? serviceOf(address, persistentSec) : undefined;
        seen = [];
        if (before !== undefined && after !== undefined) tally.replace(before, after);
        else if (after !== undefined) tally.add(after);
        else if (before !== undefined) tally.remove(before);
        if (after === undefined) services.delete(key);
        else services.set(key, after);
        const next = count([...services.values()]);
        expect(read()).toEqual(next);
        for (const each of seen)
          for (const name of NAMES) expect([words[name], next[name]]).toContain(each[name]);
        for (const each of ADDRESSES) {
          if (!('address' in each)) continue;
          const isThere = [...services.values()].some(
            (service) => 'address' in service.address && service.address.address === each.address,
          );
          expect(tally.hasAddress(each.address)).toBe(isThere);
        }
      }
    }),
    { numRuns: 200 },
  );
});
