/** What is said of a configuration that will not work as a whole. */
import { expect, test } from 'vitest';
import { warningsOf } from '../../src/daemon/warnings.ts';
import type { Neighbor } from '../../src/host/neighbors.ts';
import { EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';

const neighbors = (count: number, prefix: string): Neighbor[] =>
  Array.from({ length: count }, (_, n) => ({
    server: `${prefix}${n}`,
    kind: 'neighbor',
    mac: null,
    state: 'FAILED',
    interface: null,
  }));

const said = (of: readonly Neighbor[], limits: { 4: number | undefined; 6: number | undefined }) =>
  warningsOf(EMPTY_CONFIGURATION, of, 1, { stuckOffloads: [], limits });

test('more servers than the kernel keeps neighbours: the command that gives them room', () => {
  expect(said([...neighbors(5, '10.0.0.'), ...neighbors(3, 'fd00::')], { 4: 4, 6: 3 })).toEqual([
    '5 real servers are IPv4 neighbours, and this kernel keeps at most 4: some are taken for failed; run: sysctl -w net.ipv4.neigh.default.gc_thresh1=10 net.ipv4.neigh.default.gc_thresh2=10 net.ipv4.neigh.default.gc_thresh3=10',
  ]);
});

test('nothing is said where the limit is not known', () => {
  expect(said(neighbors(5, '10.0.0.'), { 4: undefined, 6: undefined })).toEqual([]);
});
