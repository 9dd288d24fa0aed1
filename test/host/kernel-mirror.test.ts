/** What is known of links, addresses and neighbours: the last word of each, and what a reading of everything did not find. */
import { describe, expect, test } from 'vitest';
import { KernelMirror } from '../../src/host/kernel-mirror.ts';
import type { AddressMessage, LinkMessage, NeighborMessage } from '../../src/host/rtnetlink-format.ts';

const ENVELOPE = { sequence: 0, portId: 0, interrupted: false, deleted: false };

const link = (index: number, name: string, deleted = false): LinkMessage => ({
  ...ENVELOPE,
  ...{ type: 'link', index, name, up: true, running: true, mac: null, mtu: 1500, operState: 'up', deleted },
});

const address = (interfaceIndex: number, of: string): AddressMessage => ({
  ...ENVELOPE,
  ...{ type: 'address', interfaceIndex, address: of, prefixLength: 24 },
});

const neighbor = (interfaceIndex: number, of: string, mac: string): NeighborMessage => ({
  ...ENVELOPE,
  ...{ type: 'neighbor', interfaceIndex, address: of, mac, state: 'REACHABLE', managed: false },
  confirmedAgoMs: 0,
});

describe('the mirror of the kernel', () => {
  test('has the last word of each thing, and tells what it said before', () => {
    const mirror = new KernelMirror();
    expect(mirror.take(link(2, 'eth0'))).toBeUndefined();
    expect(mirror.take(link(2, 'wan0'))).toMatchObject({ name: 'eth0' });
    expect(mirror.link('eth0')).toBeUndefined();
    expect(mirror.link('wan0')).toBe(mirror.linkByIndex(2));
    mirror.take(link(2, 'wan0', true));
    expect(mirror.links()).toEqual([]);
  });

  test('keeps addresses and neighbours of each interface apart', () => {
    const mirror = new KernelMirror();
    for (const index of [2, 3]) {
      mirror.take(address(index, '10.0.0.1'));
      mirror.take(neighbor(index, '10.0.0.2', `02:00:00:00:00:0${index}`));
    }
    expect(mirror.addresses(3)).toEqual([address(3, '10.0.0.1')]);
    expect(mirror.neighbor(3, '10.0.0.2')?.mac).toBe('02:00:00:00:00:03');
    expect(mirror.neighbor(3, '10.0.0.1')).toBeUndefined();
  });

  test('knows what was not seen since a reading began', () => {
    const mirror = new KernelMirror();
    for (const index of [2, 3]) mirror.take(link(index, `eth${index}`));
    const began = mirror.beginReading();
    mirror.take(link(3, 'eth3'));
    mirror.take(neighbor(3, '10.0.0.2', '02:00:00:00:00:03'));
    expect(mirror.unseen('link', began)).toEqual([link(2, 'eth2')]);
    expect(mirror.unseen('neighbor', began)).toEqual([]);
  });
});
