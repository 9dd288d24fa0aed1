/** Tables of `director set`, `mark` and `status`, as people see them. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { renderRules } from '../../../src/cli/director/mark.ts';
import { renderSettings } from '../../../src/cli/director/set.ts';
import { renderStatus } from '../../../src/cli/director/status.ts';
import { plainTable } from '../../../src/cli/director/table.ts';
import { wholeStatus } from '../../../src/cli/director/whole-status.ts';
import type {
  HealthReply,
  NeighborListing,
  OverviewReply,
  ServerOverview,
  ServiceSummary,
  ServicesReply,
  StatusReply,
  SummaryReply,
} from '../../../src/control/protocol.ts';

test('a table has columns two blanks apart, and no blanks at the ends of lines', () => {
  expect(
    plainTable([
      ['A', 'LONG', 'C'],
      ['aaaa', 'b', ''],
      ['', '', 'cc'],
    ]),
  ).toBe('A     LONG  C\naaaa  b\n            cc');
});

test('rules', () => {
  expect(
    renderRules([
      { mark: 7, destination: '10.0.0.100' },
      {
        mark: 8,
        destination: 'fd00::/64',
        protocol: 'udp',
        ports: [53, 53],
        sources: ['2001:db8::/32', '::1'],
      },
      { mark: 4294967295, destination: '10.0.0.0/8', protocol: 'tcp', ports: [80, 443] },
    ]).split('\n'),
  ).toEqual([
    'NUMBER  MARK        PROTOCOL  DESTINATION  PORTS   SOURCES',
    '1       7           any       10.0.0.100   all     all',
    '2       8           udp       fd00::/64    53      2001:db8::/32, ::1',
    '3       4294967295  tcp       10.0.0.0/8   80-443  all',
  ]);
});

test('settings', () => {
  const settings = [
    { name: 'sloppy_tcp', value: 1, default: 0, meaning: 'any packet opens' },
    { name: 'am_droprate', value: 10, default: 10, meaning: 'one in so many' },
  ];
  expect(renderSettings(settings).split('\n')).toEqual([
    'NAME         VALUE  DEFAULT  MEANING',
    'sloppy_tcp   1      0        any packet opens',
    'am_droprate  10     10       one in so many',
  ]);
});

const traffic = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

const server = (last: number, options: Partial<ServerOverview> = {}): ServerOverview => ({
  server: { address: `10.0.0.${last}`, port: 80 },
  state: 'up',
  drained: false,
  weight: 1,
  weightInForce: 1,
  cause: '',
  sinceSec: null,
  last: { ok: true, cause: '', durationMs: 1.2, agoSec: 0 },
  activeConnections: 3,
  inactiveConnections: 4,
  persistentConnections: 0,
  counters: traffic,
  rates: { ...traffic, connections: 5, inPackets: 60, inBytes: 700 },
  ...options,
});

function service(port: number, servers: readonly ServerOverview[]): ServiceSummary {
  const down = servers.filter(({ state }) => state === 'down').length;
  const drained = servers.filter((each) => each.drained).length;
  return {
    key: `tcp 10.0.0.100:${port}`,
    service: { protocol: 'tcp', address: '10.0.0.100', port },
    scheduler: 'wlc',
    ...{ down, drained, check: 'tcp, every 1 s', counters: traffic, servers },
    ...{
      activeConnections: 6,
      inactiveConnections: 8,
      rates: { ...traffic, connections: 10, inPackets: 120 },
    },
  };
}

const DOWN = { state: 'down', weightInForce: 0, cause: 'no answer', sinceSec: 7, last: null } as const;

describe('the status', () => {
  const none = { services: 0, servers: 0, neighbors: 0, warnings: 0 };
  const status: SummaryReply = {
    version: '0.1.0',
    pid: 4711,
    uptimeSec: 3723,
    interface: {
      name: 'eth0',
      up: true,
      mac: '02:00:00:00:01:00',
      mtu: 1500,
      offloads: { off: [], stuck: [] },
    },
    datapath: { name: 'pcap', mode: null, state: 'running', pid: 4712, restarts: 0, workers: [], notes: [] },
    connections: { live: 17, capacity: 1048576 },
    connectionTableBytes: 75_497_537,
    madeRoom: {},
    neighbors: [],
    warnings: [],
    rates: traffic,
    frames: [],
    drops: { frames: 0, lastMinute: 0, perSec: 0 },
    services: [],
    more: none,
  };
  const shown = (changed: Partial<SummaryReply> = {}) =>
    stripVTControlCharacters(renderStatus({ ...status, ...changed })).split('\n');
  const neighbor = (last: number, changed: Partial<NeighborListing> = {}): NeighborListing => ({
    server: `10.0.0.${last}`,
    kind: 'neighbor',
    mac: '02:00:00:00:00:0b',
    state: 'REACHABLE',
    interface: null,
    confirmedAgoSec: 0,
    ...changed,
  });

  test('of a director that has just begun', () => {
    expect(shown()).toEqual([
      'director     0.1.0, pid 4711, up 01:02:03',
      'interface    eth0 up, 02:00:00:00:01:00, MTU 1500',
      'datapath     pcap, running, pid 4712, restarted 0 times',
      'connections  17 of at most 1048576 (73 MiB when full)',
      'traffic      0 connections, 0 packets, 0 bytes a second',
      'drops        0 frames, 0 in the last minute, 0 a second',
    ]);
  });

  test('of one with servers, frames and troubles', () => {
    const lines = shown({
      uptimeSec: 90_061,
      interface: { ...status.interface, up: false, offloads: { off: ['gro', 'lro'], stuck: ['rx-vlan'] } },
      datapath: {
        ...status.datapath,
        state: 'waiting for the interface',
        pid: null,
        restarts: 3,
        notes: ['no AF_PACKET ring: x'],
      },
      rates: { ...traffic, connections: 10, inPackets: 120, inBytes: 1400 },
      drops: { frames: 3, lastMinute: 2, perSec: 0.5 },
      services: [
        service(80, [
          server(11),
          server(12, DOWN),
          server(13, { drained: true, weight: 4, weightInForce: 0 }),
          server(14, { state: 'unchecked', last: null }),
        ]),
        { ...service(81, []), check: null },
      ],
      neighbors: [
        neighbor(11, { interface: 'eth1' }),
        neighbor(12, { mac: null, state: 'FAILED', confirmedAgoSec: 119 }),
        neighbor(13, { state: 'STALE', confirmedAgoSec: 3723 }),
        neighbor(1, { kind: 'local', mac: null, state: '', confirmedAgoSec: null }),
        neighbor(2, { kind: 'unreachable', mac: null, state: 'behind a router', confirmedAgoSec: null }),
      ],
      frames: [
        { verdict: 'Forward', frames: 12, lastMinute: 10, perSec: 1.5 },
        { verdict: 'DropNoNeighbor', frames: 3, lastMinute: 2, perSec: 0.5 },
      ],
      madeRoom: { halfOpen: 1234, template: 5 },
      warnings: ['the guard is missing'],
    });
    expect(lines).toEqual([
      'director     0.1.0, pid 4711, up 1 d 01:01:01',
      'interface    eth0 down, 02:00:00:00:01:00, MTU 1500',
      '             off while it runs: gro, lro',
      '             cannot be switched off: rx-vlan',
      'datapath     pcap, waiting for the interface, pid -, restarted 3 times',
      '             no AF_PACKET ring: x',
      'connections  17 of at most 1048576 (73 MiB when full)',
      'traffic      10 connections, 120 packets, 1400 bytes a second',
      'drops        3 frames, 2 in the last minute, 0.5 a second',
      '',
      'SERVICE            STATE                   WEIGHT  ACTIVE  INACTIVE  CONN/S  PKTS/S  BYTES/S  LAST CHECK',
      'tcp 10.0.0.100:80  wlc, 1 down, 1 drained          6       8         10      120     0        tcp, every 1 s',
      '  10.0.0.11:80     up                      1       3       4         5       60      700      1.2 ms, 0 s ago',
      '  10.0.0.12:80     down for 7 s            0 of 1  3       4         5       60      700      no answer',
      '  10.0.0.13:80     drained                 0 of 4  3       4         5       60      700      1.2 ms, 0 s ago',
      '  10.0.0.14:80     not checked yet         1       3       4         5       60      700',
      'tcp 10.0.0.100:81  wlc                             6       8         10      120     0        not checked',
      '',
      'REAL SERVER  MAC                STATE              CONFIRMED',
      '10.0.0.11    02:00:00:00:00:0b  REACHABLE by eth1  0 s ago',
      '10.0.0.12    unresolved         FAILED             119 s ago',
      '10.0.0.13    02:00:00:00:00:0b  STALE              01:02:03 ago',
      '10.0.0.1     -                  this host',
      '10.0.0.2     -                  behind a router',
      '',
      'VERDICT         FRAMES  LAST MINUTE  PER SECOND',
      'Forward         12      10           1.5',
      'DropNoNeighbor  3       2            0.5',
      '',
      'MADE ROOM              CONNECTIONS',
      'half-open              1234',
      'template, not assured  5',
      'warning: the guard is missing',
    ]);
  });

  test('of a large cluster says where the rest is', () => {
    const hints = (more: Partial<typeof none>) =>
      shown({ more: { ...none, ...more } }).filter((line) => line.startsWith('…'));
    expect(hints({ services: 940, servers: 10_000, neighbors: 280, warnings: 480 })).toEqual([
      '… and 940 services and 10000 servers more: director health shows all of them, diradm -Ln --rate their traffic',
      '… and 280 addresses more: director status --json shows all of them',
      '… and 480 warnings more: director status --json shows all of them',
    ]);
    expect(hints({ servers: 141 })).toEqual([
      '… and 141 servers more: director health shows all of them, diradm -Ln --rate their traffic',
    ]);
  });
});

describe('what --json prints', () => {
  const address = { protocol: 'tcp', address: '10.0.0.100', port: 80 } as const;
  const { servers: _, check: __, ...rest } = service(80, []);
  const overview = {
    rates: traffic,
    verdicts: [{ verdict: 'Forward', frames: 1, lastMinute: 1, perSec: 1 }],
    drops: { frames: 0, lastMinute: 0, perSec: 0 },
    services: [
      { ...rest, servers: 1 },
      { ...rest, service: { ...address, port: 81 }, servers: 0 },
    ],
  } as unknown as OverviewReply;
  const { state, drained, weight, weightInForce, cause, sinceSec, last, ...counted } = server(11);
  const checked = { state, drained, weight, weightInForce, cause, sinceSec, last, missed: 0 };
  const listed = {
    services: [
      {
        service: address,
        servers: [
          { ...counted, options: {} },
          { ...counted, server: { address: 'fd00::1', port: 80 } },
        ],
      },
    ],
  } as unknown as ServicesReply;
  const health: HealthReply = {
    services: [{ service: address, check: 'tcp', servers: [{ server: counted.server, ...checked }] }],
  };

  test('is the status, with services and servers put together from all calls', () => {
    const whole = wholeStatus(
      { verdicts: { Forward: 1 } } as unknown as StatusReply,
      overview,
      listed,
      health,
    );
    expect(whole).toEqual({
      verdicts: { Forward: 1 },
      rates: traffic,
      frames: overview.verdicts,
      drops: overview.drops,
      services: [{ ...service(80, [server(11)]), check: 'tcp' }],
    });
  });

  test('servers are found when their order has changed between the calls', () => {
    const both = (calls: readonly (typeof counted)[]) => calls.map((each) => ({ ...each, options: {} }));
    const other = { ...counted, server: { address: '10.0.0.12', port: 80 } };
    const { services } = wholeStatus(
      {} as StatusReply,
      overview,
      { services: [{ service: address, servers: both([counted, other]) }] } as unknown as ServicesReply,
      {
        services: [
          {
            service: address,
            check: 'tcp',
            servers: [
              { server: other.server, ...checked, cause: 'other' },
              { server: counted.server, ...checked },
            ],
          },
        ],
      },
    );
    expect(services[0]!.servers).toEqual([server(11), { ...server(11), ...other, cause: 'other' }]);
  });
});
