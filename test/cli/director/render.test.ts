/** Tables of `director set`, `mark` and `status`, as people see them. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { renderRules } from '../../../src/cli/director/mark.ts';
import { renderSettings } from '../../../src/cli/director/set.ts';
import { renderStatus } from '../../../src/cli/director/status.ts';
import { plainTable } from '../../../src/cli/director/table.ts';
import type { StatusReply } from '../../../src/control/protocol.ts';

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

describe('the status', () => {
  const status: StatusReply = {
    version: '0.1.0',
    pid: 4711,
    uptimeSec: 3723,
    interface: { name: 'eth0', up: true, mac: '02:00:00:00:01:00', mtu: 1500 },
    datapath: { name: 'pcap', mode: null, state: 'running', pid: 4712, restarts: 0, notes: [] },
    connections: { live: 17, capacity: 1048576 },
    connectionTableBytes: 75_497_537,
    verdicts: {},
    madeRoom: {},
    neighbors: [],
    warnings: [],
  };
  const shown = (changed: Partial<StatusReply> = {}) =>
    stripVTControlCharacters(renderStatus({ ...status, ...changed })).split('\n');

  test('of a director that has just begun', () => {
    expect(shown()).toEqual([
      'director     0.1.0, pid 4711, up 01:02:03',
      'interface    eth0 up, 02:00:00:00:01:00, MTU 1500',
      'datapath     pcap, running, pid 4712, restarted 0 times',
      'connections  17 of at most 1048576 (73 MiB when full)',
    ]);
  });

  test('of one with servers, frames and troubles', () => {
    const lines = shown({
      uptimeSec: 90_061,
      interface: { ...status.interface, up: false },
      datapath: {
        ...status.datapath,
        state: 'waiting for the interface',
        pid: null,
        restarts: 3,
        notes: ['no AF_PACKET ring: x'],
      },
      neighbors: [
        {
          server: '10.0.0.11',
          kind: 'neighbor',
          mac: '02:00:00:00:00:0b',
          state: 'REACHABLE',
          interface: 'eth1',
        },
        { server: '10.0.0.12', kind: 'neighbor', mac: null, state: 'FAILED', interface: null },
        { server: '10.0.0.1', kind: 'local', mac: null, state: '', interface: null },
        { server: '192.0.2.1', kind: 'unreachable', mac: null, state: 'behind a router', interface: null },
      ],
      verdicts: { Forward: 12, DropNoNeighbor: 3 },
      madeRoom: { halfOpen: 1234, template: 5 },
      warnings: ['the guard is missing'],
    });
    expect(lines).toEqual([
      'director     0.1.0, pid 4711, up 1 d 01:01:01',
      'interface    eth0 down, 02:00:00:00:01:00, MTU 1500',
      'datapath     pcap, waiting for the interface, pid -, restarted 3 times',
      '             no AF_PACKET ring: x',
      'connections  17 of at most 1048576 (73 MiB when full)',
      '',
      'REAL SERVER  MAC                STATE',
      '10.0.0.11    02:00:00:00:00:0b  REACHABLE by eth1',
      '10.0.0.12    unresolved         FAILED',
      '10.0.0.1     -                  this host',
      '192.0.2.1    -                  behind a router',
      '',
      'VERDICT         FRAMES',
      'Forward         12',
      'DropNoNeighbor  3',
      '',
      'MADE ROOM              CONNECTIONS',
      'half-open              1234',
      'template, not assured  5',
      'warning: the guard is missing',
    ]);
  });
});
