/** Connections in the words of ipvsadm -Lnc: protocol, state, time, and the three ends. */
import { describe, expect, test } from 'vitest';
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService, deleteServer, serviceAddress } from '../helpers/edits.ts';
import { ACK, eth, type FrameBuilder, SYN } from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const from = () => eth().ipv4(CLIENT, VIP);
const fromIpv6 = () => eth().ipv6(CLIENT6, VIP6);

/** `tcp SYN_RECV 60 client virtual server` of each, sorted. */
function listed(edits: readonly Edit[], ...frames: readonly FrameBuilder[]): string[] {
  const director = new TestDirector(edits);
  for (const frame of frames) director.handle(frame);
  return director
    .connections()
    .map(({ protocol, state, expiresSec, client, virtual, server }) =>
      [
        protocol,
        state,
        expiresSec,
        ...[client, virtual, server].map((end) => `${end.address}:${end.port}`),
      ].join(' '),
    )
    .sort();
}

const marked = (service: string, destination: string, server: string, persistentSec = 0): Edit[] => {
  const address = { ...serviceAddress(service), fwmark: 258 };
  const [add, serverEdit] = [
    addService(service, { persistentSec, netmask: service.includes('6') ? 128 : -1 }),
    addServer(service, server),
  ];
  return [
    { op: 'set-marks', rules: [{ mark: 258, destination }] },
    { ...add, service: address } as Edit,
    { ...serverEdit, service: address } as Edit,
  ];
};

describe('a connection', () => {
  test.each<[string, Edit[], FrameBuilder[], string[]]>([
    [
      'TCP',
      [addService(`tcp ${VIP}:80`), addServer(`tcp ${VIP}:80`, '10.0.0.11:80')],
      [from().tcp(1001, 80, SYN), from().tcp(1001, 80, ACK)],
      [`tcp ESTABLISHED 900 ${CLIENT}:1001 ${VIP}:80 10.0.0.11:80`],
    ],
    [
      'UDP',
      [addService(`udp ${VIP}:53`), addServer(`udp ${VIP}:53`, '10.0.0.11:53')],
      [from().udp(65535, 53)],
      [`udp UDP 300 ${CLIENT}:65535 ${VIP}:53 10.0.0.11:53`],
    ],
    [
      'SCTP',
      [addService(`sctp ${VIP}:36412`), addServer(`sctp ${VIP}:36412`, '10.0.0.11:36412')],
      [from().sctp(1001, 36412, [{ type: 1 }])],
      [`sctp INIT1 4 ${CLIENT}:1001 ${VIP}:36412 10.0.0.11:36412`],
    ],
    [
      'IPv6',
      [addService(`tcp [${VIP6}]:80`), addServer(`tcp [${VIP6}]:80`, '[fd00:10::b]:80')],
      [fromIpv6().tcp(1001, 80, SYN)],
      [`tcp SYN_RECV 60 ${CLIENT6}:1001 ${VIP6}:80 fd00:10::b:80`],
    ],
    [
      'of a persistent service, with its template',
      [
        addService(`tcp ${VIP}:80`, { persistentSec: 50, netmask: 0xffffff00 }),
        addServer(`tcp ${VIP}:80`, '10.0.0.11:80'),
      ],
      [from().tcp(1001, 80, SYN)],
      [
        `tcp NONE 50 192.0.2.0:0 ${VIP}:80 10.0.0.11:80`,
        `tcp SYN_RECV 60 ${CLIENT}:1001 ${VIP}:80 10.0.0.11:80`,
      ],
    ],
    [
      'of a service for all ports: each its own, the template none',
      [addService(`tcp ${VIP}:0`, { persistentSec: 50 }), addServer(`tcp ${VIP}:0`, '10.0.0.11:0')],
      [from().tcp(1001, 81, SYN)],
      [
        `tcp NONE 50 ${CLIENT}:0 ${VIP}:0 10.0.0.11:0`,
        `tcp SYN_RECV 60 ${CLIENT}:1001 ${VIP}:81 10.0.0.11:81`,
      ],
    ],
    [
      'of a persistent FTP service: the template has no port',
      [addService(`tcp ${VIP}:21`, { persistentSec: 50 }), addServer(`tcp ${VIP}:21`, '10.0.0.11:21')],
      [from().tcp(1001, 21, SYN), from().tcp(1002, 5000, SYN)],
      [
        `tcp NONE 50 ${CLIENT}:0 ${VIP}:0 10.0.0.11:0`,
        `tcp SYN_RECV 60 ${CLIENT}:1001 ${VIP}:21 10.0.0.11:21`,
        `tcp SYN_RECV 60 ${CLIENT}:1002 ${VIP}:5000 10.0.0.11:5000`,
      ],
    ],
    [
      'of a mark: the server’s port, where it has one',
      marked('fwmark 7', VIP, '10.0.0.11:8080'),
      [from().tcp(1001, 80, SYN)],
      [`tcp SYN_RECV 60 ${CLIENT}:1001 ${VIP}:80 10.0.0.11:8080`],
    ],
    [
      'of a persistent mark, which stands as the template’s virtual address',
      marked('fwmark 7', VIP, '10.0.0.11:8080', 50),
      [from().tcp(1001, 80, SYN)],
      [
        `ip NONE 50 ${CLIENT}:0 0.0.1.2:0 10.0.0.11:0`,
        `tcp SYN_RECV 60 ${CLIENT}:1001 ${VIP}:80 10.0.0.11:80`,
      ],
    ],
    [
      'of a persistent mark in IPv6',
      marked('fwmark 7 IPv6', VIP6, '[fd00:10::b]:0', 50),
      [fromIpv6().udp(1001, 80)],
      [
        `ip NONE 50 ${CLIENT6}:0 0:102:::0 fd00:10::b:0`,
        `udp UDP 300 ${CLIENT6}:1001 ${VIP6}:80 fd00:10::b:80`,
      ],
    ],
  ])('%s', (_name, edits, frames, lines) => {
    expect(listed(edits, ...frames)).toEqual(lines.sort());
  });

  test('counts down in whole seconds, and is not listed when its time is up', () => {
    const director = new TestDirector([
      addService(`tcp ${VIP}:80`),
      addServer(`tcp ${VIP}:80`, '10.0.0.11:80'),
    ]);
    director.handle(from().tcp(1001, 80, SYN));
    const left = () => director.connections().map(({ expiresSec }) => expiresSec);
    for (const [wait, seconds] of [
      [0, 60],
      [0.01, 59],
      [0.99, 59],
      [58, 1],
      [0.5, 0],
      [0.5, 0],
    ] as const) {
      director.wait(wait);
      expect(left()).toEqual([seconds]);
    }
    director.wait(0.01);
    expect(left()).toEqual([]);
  });

  test('of a template that is no longer used has port 65535 on both sides, and a new one stands beside it', () => {
    const WEB = `tcp ${VIP}:80`;
    const director = new TestDirector([
      addService(WEB, { persistentSec: 50 }),
      addServer(WEB, '10.0.0.11:80'),
    ]);
    director.handle(from().tcp(1001, 80, SYN));
    director.edit(deleteServer(WEB, '10.0.0.11:80'), addServer(WEB, '10.0.0.12:80'));
    director.handle(from().tcp(1002, 80, SYN));
    const templates = director.connections().filter(({ client }) => client.port === 0);
    expect(
      templates.map(({ virtual, server }) => [virtual.port, server.address, server.port]).sort(),
    ).toEqual([
      [65535, '10.0.0.11', 65535],
      [80, '10.0.0.12', 80],
    ]);
  });
});
