/** Templates: which connections share one, how long it lives, and when its server no longer counts. */
import { describe, expect, test } from 'vitest';
import type { ServiceOptions } from '../../src/service/model.ts';
import type { Settings } from '../../src/service/settings.ts';
import { addServer, addService, deleteServer, editServer, editService } from '../helpers/edits.ts';
import { ACK, eth, FIN, SYN, toHex } from '../helpers/frame-builder.ts';
import { VIP, VIP6 } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;

/** Two servers in turn, so that whoever goes to the same one does so by a template. */
function director(
  service = WEB,
  options: Partial<ServiceOptions> = {},
  settings: Partial<Settings> = {},
  connectionTableSize = 64,
): TestDirector {
  const port = service.slice(service.lastIndexOf(':') + 1);
  const servers = service.includes('[') ? ['[fd00:10::b]', '[fd00:10::c]'] : ['10.0.0.11', '10.0.0.12'];
  return new TestDirector(
    [
      addService(service, { persistentSec: 50, ...options }),
      ...servers.map((server) => addServer(service, `${server}:${port}`)),
    ],
    { settings, connectionTableSize },
  );
}

let nextPort = 2000;

/** The last byte of the server's MAC, or the verdict. */
function open(to: TestDirector, client: string, port = 80, virtual = VIP, flags = SYN): string {
  const link = virtual.includes(':') ? eth().ipv6(client, virtual) : eth().ipv4(client, virtual);
  const { verdict, sent } = to.handle(link.tcp(nextPort++, port, flags));
  return verdict === 'Forward' ? toHex(sent[0]!.subarray(5, 6)) : verdict;
}

const templates = (of: TestDirector) =>
  of
    .connections()
    .filter(({ client }) => client.port === 0)
    .map(({ client, virtual, expiresSec }) => `${client.address} ${virtual.port} ${expiresSec}`);

describe('a client', () => {
  test('goes to one server with all its connections, another client to the next', () => {
    const path = director();
    expect(
      ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.2'].map((client) => open(path, client)),
    ).toEqual(['0c', '0c', '0b', '0c', '0b']);
    expect(path.counters(WEB, '10.0.0.12:80')).toMatchObject({
      persistentConnections: 1,
      activeConnections: 3,
    });
  });

  test.each<[number, string, string, boolean]>([
    [0xffffffff, '192.0.2.1', '192.0.2.2', false],
    [0xffffff00, '192.0.2.1', '192.0.2.254', true],
    [0xffffff00, '192.0.2.1', '192.0.3.1', false],
    [0xff0000ff, '192.0.2.1', '192.77.88.1', true],
    [0xff0000ff, '192.0.2.1', '192.0.2.2', false],
    [0, '192.0.2.1', '203.0.113.9', true],
  ])('with mask %d: %s and %s are one: %s', (netmask, a, b, isOne) => {
    const path = director(WEB, { netmask });
    expect(open(path, a) === open(path, b)).toBe(isOne);
  });

  test.each<[number, string, string, boolean]>([
    [128, '2001:db8::1', '2001:db8::2', false],
    [127, '2001:db8::2', '2001:db8::3', true],
    [64, '2001:db8::1', '2001:db8::ffff:1', true],
    [64, '2001:db8::1', '2001:db8:0:1::1', false],
    [33, '2001:db8:7fff::1', '2001:db8::1', true],
    [33, '2001:db8:8000::1', '2001:db8::1', false],
    [32, '2001:db8:8000::1', '2001:db8::1', true],
    [1, '7fff::1', '2001::1', true],
    [1, '8000::1', '2001::1', false],
  ])('with prefix length %d: %s and %s are one: %s', (netmask, a, b, isOne) => {
    const path = director(`tcp [${VIP6}]:80`, { netmask });
    expect(open(path, a, 80, VIP6) === open(path, b, 80, VIP6)).toBe(isOne);
  });

  test('of all ports has one template for all of them; of one port one for that', () => {
    const all = director(`tcp ${VIP}:0`);
    const ports = [80, 443, 22, 65535];
    expect(new Set(ports.map((port) => open(all, '192.0.2.1', port))).size).toBe(1);
    expect(templates(all)).toEqual(['192.0.2.1 0 50']);
  });

  test('of an FTP service comes back to its server for data', () => {
    const ftp = director(`tcp ${VIP}:21`);
    expect(new Set([21, 20, 1024, 50_000].map((port) => open(ftp, '192.0.2.1', port))).size).toBe(1);
    expect(open(ftp, '192.0.2.1', 1023)).toBe('PassNotVirtual');
  });
});

describe('a template', () => {
  test('begins its time anew with each connection that is made of it, not with their packets', () => {
    const path = director();
    open(path, '192.0.2.1');
    path.wait(30);
    open(path, '192.0.2.1', 80, VIP, SYN);
    expect(templates(path)).toEqual(['192.0.2.1 80 50']);
    path.wait(30);
    path.handle(
      eth()
        .ipv4('192.0.2.1', VIP)
        .tcp(nextPort - 1, 80, ACK),
    );
    expect(templates(path)).toEqual(['192.0.2.1 80 20']);
  });

  test('lives on for 60 s, and again, as long as connections depend on it', () => {
    const path = director();
    open(path, '192.0.2.1');
    path.wait(50);
    path.sweepAll();
    expect(templates(path)).toEqual(['192.0.2.1 80 60']);
    path.wait(10);
    path.sweepAll();
    expect(path.connections()).toHaveLength(1);
    path.wait(50);
    path.sweepAll();
    expect(path.connections()).toEqual([]);
    expect(path.counters(WEB, '10.0.0.12:80')).toMatchObject({
      persistentConnections: 0,
      inactiveConnections: 0,
    });
  });

  test('that is over when its client comes back, and not swept yet, is none', () => {
    const path = director();
    expect(open(path, '192.0.2.1')).toBe('0c');
    path.wait(61);
    path.sweepSlice(0);
    expect(open(path, '192.0.2.2')).toBe('0b');
    path.sweepAll();
    path.wait(61);
    path.sweepAll();
    expect(open(path, '192.0.2.1')).toBe('0c');
  });

  test('keeps its time when the service gets another', () => {
    const path = director();
    open(path, '192.0.2.1');
    path.edit(editService(WEB, { persistentSec: 500 }));
    open(path, '192.0.2.1');
    open(path, '192.0.2.2');
    expect(templates(path).sort()).toEqual(['192.0.2.1 80 50', '192.0.2.2 80 500']);
  });

  test('goes with its server, and is replaced when the client comes back', () => {
    const path = director();
    expect(open(path, '192.0.2.1')).toBe('0c');
    path.edit(deleteServer(WEB, '10.0.0.12:80'));
    expect(open(path, '192.0.2.1')).toBe('0b');
    expect(templates(path).sort()).toEqual(['192.0.2.1 65535 50', '192.0.2.1 80 50']);
  });

  test.each([
    [0, '0c'],
    [1, '0b'],
  ])('to a server of weight 0, with expire_quiescent_template %d: %s', (setting, server) => {
    const path = director(WEB, {}, { expire_quiescent_template: setting });
    expect(open(path, '192.0.2.1')).toBe('0c');
    path.edit(editServer(WEB, '10.0.0.12:80', { weight: 0 }));
    expect(open(path, '192.0.2.1')).toBe(server);
  });

  test('goes past the thresholds', () => {
    const path = director();
    path.edit(
      editServer(WEB, '10.0.0.11:80', { upperThreshold: 1 }),
      editServer(WEB, '10.0.0.12:80', { upperThreshold: 1 }),
    );
    expect(['192.0.2.1', '192.0.2.1', '192.0.2.1'].map((client) => open(path, client))).toEqual([
      '0c',
      '0c',
      '0c',
    ]);
    expect(['192.0.2.2', '192.0.2.3', '192.0.2.2'].map((client) => open(path, client))).toEqual([
      '0b',
      'ReplyPortUnreachable',
      '0b',
    ]);
  });

  test('holds a connection that is over: a SYN on it goes to the same server in any conn_reuse_mode', () => {
    const path = director(WEB, {}, { conn_reuse_mode: 3 });
    const send = (flags: number) =>
      toHex(path.handle(eth().ipv4('192.0.2.1', VIP).tcp(1001, 80, flags)).sent[0]!.subarray(5, 6));
    expect([SYN, ACK, FIN | ACK, SYN].map(send)).toEqual(['0c', '0c', '0c', '0c']);
    expect(path.counters(WEB, '10.0.0.12:80').traffic.connections).toBe(1);
  });

  test('takes a place in the table; without one for its connection the client is dropped and the template stays', () => {
    const path = director(WEB, {}, {}, 3);
    const establish = (client: string) => {
      const server = open(path, client);
      path.handle(
        eth()
          .ipv4(client, VIP)
          .tcp(nextPort - 1, 80, ACK),
      );
      return server;
    };
    expect(['192.0.2.1', '192.0.2.2'].map(establish)).toEqual(['0c', 'DropConnectionTableFull']);
    expect(templates(path)).toHaveLength(2);
    expect(path.counters(WEB, '10.0.0.11:80')).toMatchObject({
      persistentConnections: 1,
      inactiveConnections: 0,
    });
    // It makes room for another client's, as nobody depends on it.
    expect(open(path, '192.0.2.3')).toBe('DropConnectionTableFull');
    expect(templates(path).map((template) => template.split(' ')[0])).toEqual(['192.0.2.1', '192.0.2.3']);
  });
});
