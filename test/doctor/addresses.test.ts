/** Where the virtual address is, and by which ways answers leave. */
import { describe, expect, test } from 'vitest';
import { gateway } from '../../src/doctor/checks/gateway.ts';
import { lo } from '../../src/doctor/checks/lo.ts';
import { redirects } from '../../src/doctor/checks/redirects.ts';
import { reversePath } from '../../src/doctor/checks/reverse-path.ts';
import { segment } from '../../src/doctor/checks/segment.ts';
import { vip } from '../../src/doctor/checks/vip.ts';
import { host, ids, OWN, SERVER, SERVER_MAC, service, setting, VIP, VIP6 } from './facts.ts';

describe('on the director the virtual address', () => {
  const judge = (addresses: Record<string, string[]>, virtual: string) =>
    vip.judge({ host: host(addresses), interfaceName: 'eth0', virtual: [virtual] });

  test('is on its interface', () => expect(judge({ eth0: [`${VIP}/32`] }, VIP)).toEqual([]));
  test('of IPv4 may be on another', () => expect(judge({ eth0: [], lo: [`${VIP}/32`] }, VIP)).toEqual([]));
  test('of IPv6 may not', () => {
    expect(judge({ eth0: [], lo: [`${VIP6}/128`] }, VIP6)).toMatchObject([
      { id: 'vip-missing', fix: { command: `ip -6 addr add ${VIP6}/128 dev eth0 nodad preferred_lft 0` } },
    ]);
  });
  test('is missing', () => {
    expect(judge({ eth0: [`${OWN}/24`] }, VIP)).toMatchObject([
      { id: 'vip-missing', fix: { on: null, command: `ip addr add ${VIP}/32 dev eth0` } },
    ]);
  });
});

describe('on a real server the virtual address', () => {
  const judge = (addresses: Record<string, string[]>, virtual = VIP) =>
    lo.judge({ host: host(addresses), virtual: [virtual] });

  test.each([
    [{ lo: [`${VIP}/32`] }, VIP, []],
    [{ lo: [`${VIP6}/128`] }, VIP6, []],
    [{ lo: [] }, VIP, ['vip-missing-on-lo']],
    [{ lo: [`${VIP}/24`] }, VIP, ['vip-netmask']],
    [{ lo: [`${VIP6}/64`] }, VIP6, ['vip-netmask']],
    [{ lo: [`${VIP}/32`], eth0: [`${VIP}/32`] }, VIP, ['vip-outside-lo']],
    [{ lo: [], eth0: [`${VIP}/24`], eth1: [`${VIP}/24`] }, VIP, ['vip-outside-lo', 'vip-outside-lo']],
  ] as const)('%j', (addresses, virtual, expected) => {
    expect(ids(judge(addresses as unknown as Record<string, string[]>, virtual))).toEqual(expected);
  });

  test('gets the netmask that it needs', () => {
    expect(judge({ lo: [`${VIP}/24`] })[0]!.fix!.command).toBe(
      `ip addr del ${VIP}/24 dev lo && ip addr add ${VIP}/32 dev lo`,
    );
  });
});

describe('servers of a configuration', () => {
  const judge = (kind: 'neighbor' | 'unreachable', forwarding: 'direct-route' | 'tunnel' | 'masquerade') =>
    segment.judge({
      servers: [
        {
          address: SERVER,
          kind,
          mac: null,
          state: 'there is no route',
          interfaceName: 'eth0',
          services: [service({ forwarding, kept: '-w 7 -x 100' })],
        },
      ],
    });

  test('on the segment', () => expect(judge('neighbor', 'direct-route')).toEqual([]));
  test('elsewhere, in the words of the daemon', () => {
    expect(judge('unreachable', 'direct-route')).toMatchObject([
      {
        id: 'server-not-on-segment',
        shown: 'there is no route',
        fix: { command: `diradm -d -t ${VIP}:80 -r ${SERVER}:80` },
      },
    ]);
  });
  test.each(['tunnel', 'masquerade'] as const)('for %s', (forwarding) => {
    expect(judge('neighbor', forwarding)).toMatchObject([
      { id: 'not-direct-routing', fix: { command: `diradm -e -t ${VIP}:80 -r ${SERVER}:80 -g -w 7 -x 100` } },
    ]);
  });
});

describe('rp_filter', () => {
  test.each([
    [[1, 0], ['eth1'], ['rp-filter']],
    [[0, 1], ['eth1'], ['rp-filter']],
    [[1, 0], ['eth0'], []],
    [[1, 0], ['eth1', 'eth0'], []],
    [[1, 0], [], []],
    [[1, 2], ['eth1'], []],
    [[2, 1], ['eth1'], []],
    [[0, 0], ['eth1'], []],
  ] as const)('%j on eth0 and on all, default route by %j', ([own, all], leavesBy, expected) => {
    expect(ids(reversePath.judge({ rpFilter: setting('rp_filter', own, all), leavesBy }))).toEqual(expected);
  });
});

describe('the default route of a real server', () => {
  const judge = (address: string, macs: string[]) =>
    gateway.judge({
      virtual: [VIP],
      routes: [{ version: 4, gateway: address, interfaceName: 'eth0' }],
      directors: [SERVER_MAC],
      gateways: [{ address, macs }],
    });

  test('leads to a router', () => expect(judge('10.0.0.254', ['02:00:00:00:00:fe'])).toEqual([]));
  test('leads to the director, by its own address or the virtual one', () => {
    expect(judge(OWN, [SERVER_MAC])).toMatchObject([
      { id: 'gateway-is-director', fix: { command: `ip route del default via ${OWN}` } },
    ]);
    expect(ids(judge(VIP, []))).toEqual(['gateway-is-director']);
  });
  test('is not there', () => {
    expect(ids(gateway.judge({ virtual: [VIP], routes: [], directors: [], gateways: [] }))).toEqual([
      'no-default-route',
    ]);
  });
});

test.each([
  [false, 1, 1, []],
  [true, 0, 0, []],
  [true, 1, 0, ['sends-redirects']],
  [true, 0, 1, ['sends-redirects']],
] as const)(
  'redirects: forwards %s, send_redirects %i on eth0 and %i on all',
  (forwards, own, all, expected) => {
    expect(ids(redirects.judge({ forwards, redirects: setting('send_redirects', own, all) }))).toEqual(
      expected,
    );
  },
);
