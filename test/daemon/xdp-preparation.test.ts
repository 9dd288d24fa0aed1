/** What can be known of the XDP datapath before anything is loaded. */
import { describe, expect, test } from 'vitest';
import { modesFor, requireMemory } from '../../src/daemon/xdp-preparation.ts';
import type { XdpSizes } from '../../src/xdp/sizes.ts';

const MEBIBYTE = 2 ** 20;

describe('memory', () => {
  const sizes = { connections: 1_000_000, services: 10, servers: 10 };
  const bytesOf = ({ connections }: XdpSizes) => MEBIBYTE + 256 * connections;

  test('that is at most half of what is available is taken', () => {
    expect(() => requireMemory(sizes, 2 * bytesOf(sizes), bytesOf)).not.toThrow();
  });

  test('that is more is refused, with both figures and the table that fits', () => {
    const available = 256 * MEBIBYTE;
    const refusal = expect.objectContaining({
      code: 'XDP_UNAVAILABLE',
      message:
        'the xdp datapath would take 246 MiB of the 256 MiB of memory that are available, more than half; run with --conn-table-size 262144',
    });
    expect(() => requireMemory(sizes, available, bytesOf)).toThrow(refusal);
    expect(() => requireMemory({ ...sizes, connections: 262_144 }, available, bytesOf)).not.toThrow();
  });

  test('where no table fits is refused with the other options', () => {
    expect(() => requireMemory(sizes, MEBIBYTE, bytesOf)).toThrow(/lower --max-services and --max-servers$/);
  });
});

describe('the mode', () => {
  test('is native, or generic where the driver cannot', () => {
    expect(modesFor('auto', 'eth0', 'ixgbe')).toEqual({ modes: ['native', 'generic'], notes: [] });
    expect(modesFor('auto', 'eth0', undefined)).toEqual({ modes: ['native', 'generic'], notes: [] });
  });

  test('is generic on a veth, said aloud with how to force the other', () => {
    const { modes, notes } = modesFor('auto', 'eth0', 'veth');
    expect(modes).toEqual(['generic']);
    expect(notes).toEqual([expect.stringMatching(/^generic mode: eth0 is a veth.*--xdp-mode native/)]);
  });

  test.each(['native', 'generic'] as const)('that is asked for is taken: %s', (mode) => {
    expect(modesFor(mode, 'eth0', 'veth')).toEqual({ modes: [mode], notes: [] });
  });
});
