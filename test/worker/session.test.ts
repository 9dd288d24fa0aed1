/** What the datapath process does at the daemon's word: configuration, next hops, host facts, counters, lists. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyEdit, EMPTY_CONFIGURATION, SCHEDULER_NAMES } from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService, deleteService, serviceAddress } from '../helpers/edits.ts';
import { ACK, eth, SYN, toHex } from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const WEB = `tcp ${VIP}:80`;
const WEB6 = `tcp [${VIP6}]:80`;
const A = '10.0.0.11:80';
const EDITS: readonly Edit[] = [
  addService(WEB),
  addServer(WEB, A),
  addService(WEB6),
  addServer(WEB6, '[fd00:10::b]:80'),
];

const syn = (port = 31337) => eth().ipv4(CLIENT, VIP).tcp(port, 80, SYN);

describe('configure()', () => {
  test('takes a whole configuration as it travels, and works by it', () => {
    const { services, ...rest } = EDITS.reduce(applyEdit, EMPTY_CONFIGURATION);
    const message = JSON.parse(JSON.stringify({ ...rest, services: [...services.values()] }));
    const director = new TestDirector();
    director.session.configure(message);
    expect(director.handle(syn()).verdict).toBe('Forward');
    expect(director.session.virtualAddresses).toEqual([VIP, VIP6]);
    director.edit(deleteService(WEB));
    expect(director.session.virtualAddresses).toEqual([VIP6]);
  });

  test.each([...SCHEDULER_NAMES])(
    '%s begins where it would after its servers came one by one',
    (scheduler) => {
      const names = ['10.0.0.11:80', '10.0.0.12:80', '10.0.0.13:80', '10.0.0.14:80'];
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 4 }), (weights) => {
          const oneByOne = new TestDirector([
            addService(WEB, { scheduler }),
            ...weights.map((weight, index) => addServer(WEB, names[index]!, { weight })),
          ]);
          const atOnce = new TestDirector();
          atOnce.session.configure(oneByOne.session.configurationMessage);
          for (let port = 1; port < 30; port++) {
            const [expected, actual] = [oneByOne, atOnce].map((director) => director.handle(syn(port)));
            expect(actual!.sent.map(toHex)).toEqual(expected!.sent.map(toHex));
          }
        }),
        { numRuns: 30 },
      );
    },
  );
});

describe('edits', () => {
  test('apply in order; one that fails is a defect, and throws', () => {
    const director = new TestDirector();
    expect(() => director.edit(...EDITS, addService(WEB))).toThrow('exists already');
    expect(director.handle(syn()).verdict).toBe('Forward');
  });

  test('zero of one service leaves the others', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn());
    director.handle(eth().ipv6(CLIENT6, VIP6).tcp(31337, 80, SYN));
    director.edit({ op: 'zero', service: serviceAddress(WEB) });
    const { services } = director.session.readCounters();
    expect([services[WEB]!.traffic.inPackets, services[WEB6]!.traffic.inPackets]).toEqual([0, 1]);
    expect(services[WEB]!.servers[A]!.traffic.inPackets).toBe(0);
  });
});

describe('next hops', () => {
  test('hold for servers that are added later, and for every service', () => {
    const director = new TestDirector();
    director.session.setNextHops([
      { address: '10.0.0.77', kind: 'neighbor', mac: '02:00:00:00:00:77', interface: null },
    ]);
    director.edit(
      addService(WEB),
      addServer(WEB, '10.0.0.77:80'),
      addService(`tcp ${VIP}:81`),
      addServer(`tcp ${VIP}:81`, '10.0.0.77:81'),
    );
    for (const port of [80, 81]) {
      const { sent } = director.handle(eth().ipv4(CLIENT, VIP).tcp(1, port, SYN));
      expect(toHex(sent[0]!.subarray(0, 6))).toBe('020000000077');
    }
  });

  test.each([
    ['unreachable', null, 'DropServerUnreachable'],
    ['neighbor', null, 'DropNoNeighbor'],
    ['neighbor', 'not a MAC', 'DropNoNeighbor'],
    ['local', null, 'DeliverLocalServer'],
  ] as const)('%s, MAC %s: %s', (kind, mac, verdict) => {
    const director = new TestDirector(EDITS);
    director.session.setNextHops([{ address: '10.0.0.11', kind, mac, interface: null }]);
    expect(director.handle(syn()).verdict).toBe(verdict);
  });
});

describe('readCounters()', () => {
  test('names services, servers and verdicts, without the verdicts that never happened', () => {
    const director = new TestDirector(EDITS, { connectionTableSize: 77 });
    director.handle(syn());
    director.handle(eth().ipv4(CLIENT, VIP).tcp(31337, 81, SYN));
    const report = director.session.readCounters();
    expect(report.verdicts).toEqual({ Forward: 1, PassNotVirtual: 1 });
    expect(report.connections).toEqual({ live: 1, capacity: 77 });
    expect(Object.keys(report.services)).toEqual([WEB, WEB6]);
    expect(report.services[WEB]!.servers[A]).toMatchObject({
      activeConnections: 1,
      inactiveConnections: 0,
      persistentConnections: 0,
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('listConnections()', () => {
  test('in pages of any size gives each connection once', () => {
    const director = new TestDirector(EDITS);
    for (let port = 1001; port <= 1025; port++) director.handle(syn(port));
    for (const limit of [1, 7, 25, 1000]) {
      const ports: number[] = [];
      let cursor: number | null = 0;
      while (cursor !== null) {
        const page = director.session.listConnections(cursor, limit);
        ports.push(...page.connections.map(({ client }) => client.port));
        cursor = page.nextCursor;
      }
      expect(
        ports.sort((a, b) => a - b),
        `limit ${limit}`,
      ).toEqual(Array.from({ length: 25 }, (_, index) => index + 1001));
    }
  });

  test('says what ipvsadm -Lnc says', () => {
    const director = new TestDirector(EDITS);
    director.handle(eth().ipv6(CLIENT6, VIP6).tcp(31337, 80, SYN));
    director.handle(eth().ipv6(CLIENT6, VIP6).tcp(31337, 80, ACK));
    director.wait(0.5);
    expect(director.connections()).toMatchObject([
      {
        protocol: 'tcp',
        state: 'ESTABLISHED',
        expiresSec: 899,
        client: { address: CLIENT6, port: 31337 },
        virtual: { address: VIP6, port: 80 },
        server: { address: 'fd00:10::b', port: 80 },
      },
    ]);
  });

  test('leaves out what is over and not swept yet', () => {
    const director = new TestDirector(EDITS);
    director.handle(syn());
    director.wait(61);
    expect(director.connections()).toEqual([]);
    expect(director.path.connections.live).toBe(1);
  });

  test('of an empty table, or beyond its end, is empty', () => {
    const director = new TestDirector(EDITS);
    expect(director.session.listConnections(0, 10)).toEqual({ connections: [], nextCursor: null });
    expect(director.session.listConnections(5000, 10)).toEqual({ connections: [], nextCursor: null });
  });
});

describe('setHost()', () => {
  test('knows the host’s addresses as martian sources', () => {
    const director = new TestDirector(EDITS);
    const facts = { interfaceUp: true, mac: '02:00:00:00:01:00', mtu: 1500 };
    const from = () => director.handle(eth().ipv4('10.0.0.200', VIP).tcp(1, 80, SYN)).verdict;
    expect(from()).toBe('Forward');
    director.session.setHost({ ...facts, addresses: ['10.0.0.200', 'fd00::1', 'nonsense'] });
    director.wait(61);
    expect(from()).toBe('DropMartianSource');
  });
});
