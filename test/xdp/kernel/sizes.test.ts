/** What the director says that its maps take of memory is what the kernel says. */
import { expect, test } from 'vitest';
import { Program } from '../../../src/xdp/program.ts';
import { mapEntries, type XdpSizes, xdpMemoryBytes } from '../../../src/xdp/sizes.ts';
import { describeWithRoot, must } from '../../helpers/netns.ts';

const OTHERS = 'config replies notes datagrams destination_cache own_addresses devices events scratch'.split(
  ' ',
);

const SIZES: readonly XdpSizes[] = [
  { connections: 1024, services: 1, servers: 1 },
  { connections: 4096, services: 256, servers: 1024 },
  { connections: 1024, services: 4000, servers: 16 },
  { connections: 262_144, services: 1024, servers: 32_768 },
];

describeWithRoot('the maps', ['bpftool'], () => {
  test.each(SIZES)('for $connections connections, $services services and $servers servers', async (sizes) => {
    const { object, cpus } = new Program({ sizes, pinFolder: null });
    const names = [...Object.keys(mapEntries(sizes, cpus)), ...OTHERS];
    const shown = await Promise.all(
      names.map((name) => must('bpftool', ['-j', 'map', 'show', 'id', String(object.mapInfo(name).id)])),
    );
    object.close();
    const taken = shown.reduce(
      (sum, text) => sum + (JSON.parse(text) as { bytes_memlock: number }).bytes_memlock,
      0,
    );
    const told = xdpMemoryBytes(sizes, cpus);
    expect(told / taken, `${told} bytes are told, ${taken} taken`).toBeGreaterThan(0.95);
    expect(told / taken, `${told} bytes are told, ${taken} taken`).toBeLessThan(1.05);
  });
});
