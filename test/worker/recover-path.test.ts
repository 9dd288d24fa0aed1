/** One path goes on with the memory of another: servers, connections, loads, counters, places of schedulers. */
import { describe, expect, test } from 'vitest';
import { connectionTableBytes, tableMemoryIn } from '../../src/connection/connection-table.ts';
import { MAX_DATAGRAMS } from '../../src/datapath/fragments.ts';
import type { PathMemory } from '../../src/datapath/path.ts';
import { VERDICT_COUNT } from '../../src/datapath/verdict.ts';
import type { Edit } from '../../src/service/model.ts';
import type { Scheduler } from '../../src/service/virtual-service.ts';
import { adoptServers, recoverConnections, recoverCounters } from '../../src/worker/recover-path.ts';
import { RECORD_BYTES, ServerRecords } from '../../src/worker/server-records.ts';
import {
  addServer,
  addService,
  deleteServer,
  deleteService,
  editServer,
  serviceAddress,
} from '../helpers/edits.ts';
import { ACK, eth, SYN, toHex } from '../helpers/frame-builder.ts';
import { CLIENT, VIP } from '../helpers/sample-frames.ts';
import { TestDirector } from '../helpers/test-director.ts';

const CAPACITY = 1024;
const RECORDS = 16;
const WEB = `tcp ${VIP}:80`;
const SHOP = `tcp ${VIP}:443`;
const [A, B, C] = ['10.0.0.11:80', '10.0.0.12:80', '10.0.0.13:80'] as const;
const EDITS: readonly Edit[] = [
  addService(WEB, { scheduler: 'rr' }),
  addServer(WEB, A),
  addServer(WEB, B),
  addServer(WEB, C),
  addService(SHOP, { persistentSec: 300 }),
  addServer(SHOP, A),
  addServer(SHOP, B),
];

/** Of the client's nth connection. */
const syn = (n: number, to = 80) =>
  eth()
    .ipv4(CLIENT, VIP)
    .tcp(1024 + n, to, SYN);
const ack = (n: number, to = 80) =>
  eth()
    .ipv4(CLIENT, VIP)
    .tcp(1024 + n, to, ACK);

/** Memory and records, as they outlive a process. */
class Remains {
  readonly memory: PathMemory = {
    connections: tableMemoryIn(new ArrayBuffer(connectionTableBytes(CAPACITY)), 0, CAPACITY),
    datagrams: tableMemoryIn(new ArrayBuffer(connectionTableBytes(MAX_DATAGRAMS)), 0, MAX_DATAGRAMS),
    verdicts: new Float64Array(VERDICT_COUNT),
  };
  readonly records = new ServerRecords(
    new ArrayBuffer(RECORDS * RECORD_BYTES),
    0,
    new Int32Array(1),
    RECORDS,
  );

  /** As PathDatapath begins. */
  next(before?: TestDirector): TestDirector {
    const director = new TestDirector([], { connectionTableSize: CAPACITY, memory: this.memory });
    director.path.now = before?.path.now ?? 0;
    adoptServers(director.path, this.records);
    if (before !== undefined) director.session.configure(before.session.configurationMessage);
    recoverConnections(director.path, this.records);
    recoverCounters(director.path, this.records);
    return director;
  }

  saveCounters({ path }: TestDirector): void {
    for (const server of path.registry) this.records.saveCounters(server);
  }
}

const destination = (director: TestDirector, port: number, to = 80) =>
  toHex(director.handle(ack(port, to)).sent[0]!).slice(0, 12);

describe('a path that takes over', () => {
  test('has the connections, templates and loads of the one before, and sends them where they went', () => {
    const remains = new Remains();
    const before = remains.next();
    before.edit(...EDITS);
    for (let port = 1; port <= 30; port++) {
      before.handle(syn(port));
      before.handle(syn(port, 443));
    }
    before.handle(ack(1));
    const went = Array.from({ length: 30 }, (_, at) => destination(before, at + 1));
    const shop = destination(before, 7, 443);
    const after = remains.next(before);
    expect(after.connections()).toEqual(before.connections());
    for (const server of [A, B, C]) expect(after.load(WEB, server)).toEqual(before.load(WEB, server));
    expect(after.counters(SHOP, B).persistentConnections).toBe(
      before.counters(SHOP, B).persistentConnections,
    );
    expect(Array.from({ length: 30 }, (_, at) => destination(after, at + 1))).toEqual(went);
    expect(destination(after, 7, 443)).toBe(shop);
  });

  test('ends connections with the loads back at nothing', () => {
    const remains = new Remains();
    const before = remains.next();
    before.edit(...EDITS);
    for (let port = 1; port <= 9; port++) before.handle(syn(port));
    before.handle(syn(1, 443));
    const after = remains.next(before);
    for (let round = 0; round < 12; round++) {
      after.wait(100);
      after.sweepAll();
    }
    expect(after.connections()).toEqual([]);
    for (const server of [A, B, C]) expect(after.load(WEB, server)).toEqual([0, 0]);
  });

  test('counts on, of servers, services and verdicts; what was not written down is lost', () => {
    const remains = new Remains();
    const before = remains.next();
    before.edit(...EDITS);
    for (let port = 1; port <= 6; port++) before.handle(syn(port));
    remains.saveCounters(before);
    before.handle(syn(7));
    const after = remains.next(before);
    const connections = [A, B, C].map((server) => after.counters(WEB, server).traffic.connections);
    expect(connections).toEqual([2, 2, 2]);
    expect(after.session.readCounters().services[`tcp ${VIP}:80`]?.traffic.connections).toBe(6);
    expect(after.framesByVerdict).toBe(before.framesByVerdict);
    after.session.everySecond();
    after.session.everySecond();
    expect(after.counters(WEB, A).rates.connections, 'no leap of the rates').toBe(0);
  });

  test('shows counters as they were zeroed a moment before the end, also those of a service that was made anew', () => {
    const remains = new Remains();
    const before = remains.next();
    before.edit(...EDITS);
    for (let port = 1; port <= 6; port++) {
      before.handle(syn(port));
      before.handle(syn(port, 443));
    }
    remains.saveCounters(before);
    before.edit({ op: 'zero', service: serviceAddress(WEB) });
    before.edit(deleteService(SHOP), addService(SHOP), addServer(SHOP, A), addServer(SHOP, B));
    const { services } = remains.next(before).session.readCounters();
    expect(services).toEqual(before.session.readCounters().services);
    expect([services[WEB]!, services[SHOP]!].map(({ traffic }) => traffic.inPackets)).toEqual([0, 0]);
  });

  test('loses nothing of a service to which a server has just been added', () => {
    const remains = new Remains();
    const before = remains.next();
    before.edit(...EDITS.slice(0, 3));
    for (let port = 1; port <= 6; port++) before.handle(syn(port));
    remains.saveCounters(before);
    before.edit(addServer(WEB, C));
    expect(remains.next(before).session.readCounters().services[WEB]!.traffic.connections).toBe(6);
  });

  test('with another configuration: connections of a server that is gone wait for it, and are its own again', () => {
    const remains = new Remains();
    const before = remains.next();
    before.edit(...EDITS);
    for (let port = 1; port <= 6; port++) before.handle(syn(port));
    before.edit(deleteServer(WEB, B));
    const after = remains.next(before);
    const verdicts = () => [1, 2, 3, 4, 5, 6].map((port) => after.handle(ack(port)).verdict);
    expect(verdicts().filter((verdict) => verdict === 'DropServerRemoved')).toHaveLength(2);
    after.edit(addServer(WEB, B), editServer(WEB, A, { weight: 5 }));
    expect(new Set(verdicts())).toEqual(new Set(['Forward']));
    expect(after.load(WEB, B)).toEqual([2, 0]);
  });

  test('without the records of a server forgets its connections, and no others', () => {
    const remains = new Remains();
    const before = remains.next();
    before.edit(...EDITS);
    for (let port = 1; port <= 6; port++) before.handle(syn(port));
    const lost = before.path.services.get({ protocol: 'tcp', address: VIP, port: 80 })!.servers[0]!;
    remains.records.left(lost.id);
    const after = remains.next(before);
    expect(after.connections()).toHaveLength(4);
    expect(after.connections().every(({ server }) => server.address !== lost.address.address)).toBe(true);
  });
});

test.each(['rr', 'wrr'])('%s goes on at its place', (name) => {
  const edits = [
    addService(WEB, { scheduler: name }),
    addServer(WEB, A, { weight: 3 }),
    addServer(WEB, B, { weight: 1 }),
    addServer(WEB, C, { weight: 2 }),
  ];
  const [before, after] = [new TestDirector(edits), new TestDirector(edits)];
  const schedulerOf = (director: TestDirector): Scheduler =>
    [...director.path.services.services][0]!.scheduler!;
  for (let port = 1; port <= 4; port++) before.handle(syn(port));
  schedulerOf(after).takePlace!(schedulerOf(before).readPlace!());
  const next = (director: TestDirector) =>
    Array.from({ length: 12 }, (_, at) => toHex(director.handle(syn(100 + at)).sent[0]!).slice(0, 12));
  expect(next(after)).toEqual(next(before));
});
