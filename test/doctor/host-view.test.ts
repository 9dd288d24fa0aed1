/** What `ip -j` says, and what is chosen by it. */
import { describe, expect, test } from 'vitest';
import {
  inNetwork,
  ownAddress,
  parseDefaultRoutes,
  parseLinks,
  parseNeighbors,
} from '../../src/doctor/host-view.ts';
import { likelyLink, linkNamed } from '../../src/doctor/link.ts';
import { host, OWN, SERVER, VIP, VIP6 } from './facts.ts';

test('links, addresses, routes, neighbours', () => {
  const [lo, eth0] = parseLinks([
    {
      ifindex: 1,
      ifname: 'lo',
      flags: ['UP', 'LOWER_UP'],
      mtu: 65536,
      link_type: 'loopback',
      address: '00:00:00:00:00:00',
    },
    {
      ifindex: 2,
      ifname: 'eth0',
      flags: ['UP'],
      mtu: 1500,
      link_type: 'ether',
      address: '02:00:00:00:00:01',
      addr_info: [{ local: 'fd00:0::1', prefixlen: 64, scope: 'global' }, { family: 'inet6' }],
    },
    {},
  ]);
  expect(lo).toMatchObject({ mac: null, up: true, addresses: [] });
  expect(eth0).toMatchObject({
    mac: '02:00:00:00:00:01',
    up: false,
    addresses: [{ address: 'fd00::1', prefixLength: 64, scope: 'global' }],
  });
  expect(
    parseDefaultRoutes(
      [{ dst: 'default', gateway: OWN, dev: 'eth0' }, { dst: 'default', dev: 'ppp0' }, {}],
      4,
    ),
  ).toEqual([
    { version: 4, gateway: OWN, interfaceName: 'eth0' },
    { version: 4, gateway: null, interfaceName: 'ppp0' },
  ]);
  expect(
    parseNeighbors([
      { dst: SERVER, dev: 'eth0', lladdr: '02:00:00:00:00:11', state: ['STALE'] },
      { dst: OWN, dev: 'eth0' },
    ]),
  ).toEqual([
    { address: SERVER, interfaceName: 'eth0', mac: '02:00:00:00:00:11', state: 'STALE' },
    { address: OWN, interfaceName: 'eth0', mac: null, state: 'NONE' },
  ]);
});

test.each([
  ['10.0.0.9', '10.0.0.1', 24, true],
  ['10.0.1.9', '10.0.0.1', 24, false],
  ['10.0.1.9', '10.0.0.1', 23, true],
  ['200.0.0.1', '10.0.0.1', 0, true],
  ['10.0.0.1', '10.0.0.1', 32, true],
  ['fd00::9', 'fd00::1', 64, true],
  ['fd00:0:0:1::9', 'fd00::1', 64, false],
  ['fd00::9', '10.0.0.1', 0, false],
])('%s in the network of %s/%i: %s', (address, network, prefixLength, expected) => {
  expect(inNetwork(address, { address: network, prefixLength })).toBe(expected);
});

describe('the address from which a host asks', () => {
  const [link] = host({ eth0: [`${VIP}/32`, '192.0.2.1/24', `${OWN}/24`, `${VIP6}/128`] }).links;

  test('is of the network of whom it asks', () => expect(ownAddress(link!, SERVER, [VIP])).toBe(OWN));
  test('is never a virtual one', () => {
    expect(ownAddress(link!, VIP, [VIP, '192.0.2.1'])).toBe(OWN);
    expect(ownAddress(link!, VIP6, [VIP6])).toBeUndefined();
  });
  test('else any other', () => expect(ownAddress(link!, '198.51.100.1', [VIP])).toBe('192.0.2.1'));
});

describe('the interface', () => {
  const one = host({ lo: [], eth0: [`${OWN}/24`], eth1: [] });
  const two = host({ lo: [], eth0: [`${OWN}/24`], eth1: ['192.0.2.1/24'] });

  test('is the only one with addresses', () => expect(likelyLink(one).name).toBe('eth0'));
  test('is the one that the default route leaves by', () => {
    const routed = { ...two, defaultRoutes: [{ version: 4 as const, gateway: null, interfaceName: 'eth1' }] };
    expect(likelyLink(routed).name).toBe('eth1');
  });
  test('must be named where there are several', () => {
    expect(() => likelyLink(two)).toThrow('Name it with --interface; there are: eth0, eth1');
  });
  test('that was named is there, and is Ethernet', () => {
    expect(linkNamed(one, 'eth0').name).toBe('eth0');
    expect(() => linkNamed(one, 'eth9')).toThrow('there is no interface eth9; there are: lo, eth0, eth1');
    expect(() => linkNamed(one, 'lo')).toThrow('lo has no MAC address');
  });
});
