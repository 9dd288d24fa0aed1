/** Entries of the maps: powers of two where the program masks, and room for all that was asked for. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BUCKETS_PER_GROUP, CELLS, GROUPS, WAYS } from '../../src/xdp/layout.ts';
import { MAX_MARK_RULES, mapEntries, xdpMemoryBytes } from '../../src/xdp/sizes.ts';

const sizes = fc.record({
  connections: fc.integer({ min: 1, max: 2 ** 24 }),
  services: fc.integer({ min: 1, max: 65_536 }),
  servers: fc.integer({ min: 1, max: 2 ** 20 }),
});
const cpus = fc.integer({ min: 1, max: 512 });

const isPowerOfTwo = (number: number): boolean => Number.isInteger(Math.log2(number));

test('all that was asked for finds room', () => {
  fc.assert(
    fc.property(sizes, cpus, (asked, cpus) => {
      const entries = mapEntries(asked, cpus);
      expect(entries.connections4 * WAYS).toBeGreaterThanOrEqual(2 * asked.connections);
      expect(entries.connections6).toBe(entries.connections4);
      expect(entries.groups4 * GROUPS * BUCKETS_PER_GROUP).toBeGreaterThanOrEqual(entries.connections4);
      expect(entries.services).toBeGreaterThan(2 * asked.services);
      expect(entries.service_index).toBeGreaterThanOrEqual(8 * asked.services);
      expect(entries.servers).toBe(asked.servers);
      expect(entries.server_traffic).toBe(asked.servers * cpus);
      // A table of Maglev for each service and for some edits, and each server in lists of up to twice its length.
      expect(entries.cells * CELLS).toBeGreaterThan(4096 * (asked.services + 1) + 4 * asked.servers);
      expect(entries.mark_rules).toBe(2 * MAX_MARK_RULES);
    }),
  );
});

test('what is masked has a power of two of entries', () => {
  fc.assert(
    fc.property(sizes, cpus, (asked, cpus) => {
      const { connections4, connections6, service_index } = mapEntries(asked, cpus);
      expect([connections4, connections6, service_index].map(isPowerOfTwo)).toEqual([true, true, true]);
    }),
  );
});

test('more of anything takes no less memory', () => {
  fc.assert(
    fc.property(sizes, cpus, (asked, cpus) => {
      const bytes = xdpMemoryBytes(asked, cpus);
      for (const name of ['connections', 'services', 'servers'] as const)
        expect(xdpMemoryBytes({ ...asked, [name]: asked[name] + 1000 }, cpus)).toBeGreaterThanOrEqual(bytes);
      expect(xdpMemoryBytes(asked, cpus + 1)).toBeGreaterThan(bytes);
    }),
  );
});
