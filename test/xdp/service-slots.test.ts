/** The index of services against a Map, its hash against that of the program, and room for what it is made for. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { serviceKey } from '../../src/service/configuration.ts';
import type { ServiceAddress } from '../../src/service/model.ts';
import { SERVICE_PROBES, SERVICE_SLOT } from '../../src/xdp/layout.ts';
import { endpointOf, ServiceSlots } from '../../src/xdp/service-slots.ts';
import { mapEntries } from '../../src/xdp/sizes.ts';
import { serviceAddress } from './arbitraries.ts';
import { memoryOf } from './memory-of.ts';

const SERVICES = 10_000;
const folder = mkdtempSync(join(tmpdir(), 'director-slots-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Few, and a small index, so that they meet and their places are used again. */
const SLOTS = 32;
const few: readonly ServiceAddress[] = [
  ...fc.sample(serviceAddress, { numRuns: 40, seed: 7 }),
  { fwmark: 9, family: 4 },
  { fwmark: 9, family: 6 },
  { protocol: 'tcp', address: '10.0.0.1', port: 80 },
  { protocol: 'udp', address: '10.0.0.1', port: 80 },
  { protocol: 'tcp', address: '10.0.0.1', port: 81 },
];

describe('the index', () => {
  test('says what a Map says, whatever comes and goes', () => {
    const step = fc.record({ of: fc.nat(few.length - 1), element: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const slots = new ServiceSlots(memoryOf(SERVICE_SLOT, SLOTS));
        const map = new Map<number, number>();
        for (const { of, element } of steps) {
          const endpoint = endpointOf(few[of]!);
          if (element === 0) {
            slots.remove(endpoint);
            map.delete(of);
          } else if (slots.set(endpoint, element)) {
            map.set(of, element);
          } else {
            expect(map.has(of)).toBe(false);
          }
          for (const [index, address] of few.entries())
            expect(slots.get(endpointOf(address)), serviceKey(address)).toBe(map.get(index) ?? 0);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('takes as many as it has places, if they are near enough, and refuses one more', () => {
    const slots = new ServiceSlots(memoryOf(SERVICE_SLOT, SERVICE_PROBES));
    const taken = Array.from({ length: SERVICE_PROBES + 1 }, (_, index) =>
      slots.set(endpointOf({ fwmark: index + 1, family: 4 }), index + 1),
    );
    expect(taken).toEqual([...Array<boolean>(SERVICE_PROBES).fill(true), false]);
    expect(slots.get(endpointOf({ fwmark: SERVICE_PROBES, family: 4 }))).toBe(SERVICE_PROBES);
  });

  test('is as new when all services have gone', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...few]), (comers) => {
        const memory = memoryOf(SERVICE_SLOT, 64);
        const slots = new ServiceSlots(memory);
        const taken = comers.filter((address, index) => slots.set(endpointOf(address), index + 1));
        for (const address of taken.toReversed().sort((a, b) => serviceKey(a).localeCompare(serviceKey(b))))
          slots.remove(endpointOf(address));
        const versions = [...Array(64).keys()].map((slot) => memory.get8(slot, SERVICE_SLOT.at.version));
        expect(versions.some((version) => version !== 0)).toBe(false);
      }),
    );
  });

  test('does not fill up when services come and go', () => {
    const slots = new ServiceSlots(memoryOf(SERVICE_SLOT, SLOTS));
    for (let fwmark = 1; fwmark < 1000; fwmark++) {
      const endpoint = endpointOf({ fwmark, family: 4 });
      expect(slots.set(endpoint, fwmark)).toBe(true);
      slots.remove(endpoint);
    }
  });
});

const tcp = (address: string, port: number): ServiceAddress => ({ protocol: 'tcp', address, port });
const ipv4 = (first: number, step: number, index: number): string => {
  const word = first + step * index;
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.');
};
const numbers = [...Array(SERVICES).keys()];
const hex = (number: number): string => number.toString(16);
/** As operators number their services. */
const PLANS: Readonly<Record<string, readonly ServiceAddress[]>> = {
  'ports of one address': numbers.map((index) => tcp('10.0.0.1', 1024 + index)),
  'TCP and UDP of one address': numbers.map((index) => ({
    protocol: index % 2 === 0 ? 'tcp' : 'udp',
    address: '10.0.0.1',
    port: 1024 + (index >> 1),
  })),
  'addresses in a row': numbers.map((index) => tcp(ipv4(0x0a000000, 1, index), 80)),
  'the first addresses of networks of 256': numbers.map((index) => tcp(ipv4(0x0a000001, 256, index), 443)),
  'the first addresses of networks of 65,536': numbers.map((index) =>
    tcp(ipv4(0x01000001, 65536, index), 443),
  ),
  'a hundred ports of a hundred addresses': numbers.map((index) =>
    tcp(ipv4(0xc0000201, 1, Math.floor(index / 100)), 8000 + (index % 100)),
  ),
  'IPv6 addresses in a row': numbers.map((index) => tcp(`2001:db8::${hex(index + 1)}`, 80)),
  'one address in each of as many IPv6 networks': numbers.map((index) =>
    tcp(`2001:db8:0:${hex(index)}::80`, 80),
  ),
  'one address in each of as many IPv6 sites': numbers.map((index) => tcp(`2001:db8:${hex(index)}::80`, 80)),
  'IPv6 addresses whose third word counts': numbers.map((index) =>
    tcp(`2001:db8::${hex(index + 1)}:0:80`, 80),
  ),
  marks: numbers.map((index) => ({ fwmark: index + 1, family: 4 })),
};

test.each(Object.entries(PLANS))('%s: each of ten thousand services finds a place', (_, addresses) => {
  const entries = mapEntries({ connections: 1, services: SERVICES, servers: 1 }, 1).service_index;
  const slots = new ServiceSlots(memoryOf(SERVICE_SLOT, entries));
  const refused = addresses.filter((address, index) => !slots.set(endpointOf(address), index + 1));
  expect(refused.length).toBe(0);
  expect(addresses.every((address, index) => slots.get(endpointOf(address)) === index + 1)).toBe(true);
});

test('the hash is that of native/bpf/service.h', () => {
  const header = readFileSync(join(import.meta.dirname, '../../native/bpf/service.h'), 'utf8');
  const hash = /^static __always_inline __u32 hash_endpoint\([\s\S]*?^}/m.exec(header)![0];
  const addresses = [...fc.sample(serviceAddress, { numRuns: 500, seed: 3 }), ...few];
  const endpoints = addresses.map(endpointOf);
  const rows = endpoints.map(
    ({ words, port, protocol }) =>
      `{ { ${words.map((word) => `${word >>> 0}u`).join(', ')} }, ${protocol}, ${port} },`,
  );
  const source = `#include <stdio.h>
#include <linux/types.h>
#undef __always_inline
#define __always_inline inline
${hash}
static const struct { __u32 address[4]; __u32 protocol; __u32 port; } rows[] = { ${rows.join('\n')} };
int main(void) {
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
    printf("%u\\n", hash_endpoint(rows[i].address, rows[i].protocol, rows[i].port));
  return 0;
}`;
  writeFileSync(join(folder, 'hash.c'), source);
  execFileSync('cc', ['-o', join(folder, 'hash'), join(folder, 'hash.c')]);
  const compiled = execFileSync(join(folder, 'hash'), { encoding: 'utf8' }).trim().split('\n').map(Number);
  const places = endpoints.map((endpoint) => {
    const memory = memoryOf(SERVICE_SLOT, 1024);
    new ServiceSlots(memory).set(endpoint, 1);
    return [...Array(1024).keys()].find((slot) => memory.get32(slot, SERVICE_SLOT.at.service) === 1);
  });
  expect(places).toEqual(compiled.map((each) => each % 1024));
});
