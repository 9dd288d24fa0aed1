/**
 * A session that takes over what another one left in the maps goes on as if it were that one: configuration,
 * connections, counters, the place of schedulers, and the room that is left.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Edit } from '../../../src/service/model.ts';
import type { NextHop } from '../../../src/worker/messages.ts';
import { SERVER, ServerFlag } from '../../../src/xdp/layout.ts';
import {
  addServer,
  addService,
  deleteServer,
  deleteService,
  editServer,
  editService,
  serviceAddress,
} from '../../helpers/edits.ts';
import { ACK, SYN } from '../../helpers/frame-builder.ts';
import { describeWithRoot } from '../../helpers/netns.ts';
import type { XdpDirector } from '../../helpers/xdp-director.ts';
import { search } from '../../model/search.ts';
import {
  createRig,
  forwarded,
  nextHopsOf,
  serverAddress,
  serverName,
  takeOver,
  tcpFrame,
  VIP,
  WEB,
} from '../rig.ts';
import { closeDirectors, KEPT_AND_TAKEN_OVER } from '../takeover.ts';

const SEED = Number(process.env.DIRECTOR_TAKEOVER_SEED ?? 20_261_125);
const STEPS = Number(process.env.DIRECTOR_TAKEOVER_STEPS ?? 3000);
const SIZES = { connections: 1024, services: 8, servers: 64 };
const SERVERS = 32;
const OTHER = `tcp ${VIP}:81`;

describeWithRoot('a session that takes over', [], () => {
  let director: XdpDirector;
  let clients = 0;

  beforeAll(() => {
    director = createRig(SIZES, SERVERS);
  });
  afterEach(() => {
    director.reset(SIZES.connections);
    takeOver(director, SIZES.connections, nextHopsOf(SERVERS));
  });
  afterAll(() => {
    director.close();
    closeDirectors();
  });

  const edit = (...edits: readonly Edit[]) => director.session.edit(edits);
  const servers = (count: number, options: Parameters<typeof addServer>[2] = {}, service = WEB) =>
    [...Array(count).keys()].map((number) => addServer(service, serverName(number), options));
  const open = () => forwarded(director.handle(tcpFrame(++clients)));
  /** The daemon does not know the MACs yet. */
  const restart = (nextHops: readonly NextHop[] = []) => takeOver(director, SIZES.connections, nextHops);

  const timeout = 60_000 + 10 * STEPS;
  test(`cannot be told from one that stayed, by ${STEPS} random steps from seed ${SEED}`, { timeout }, () => {
    const { problem, verdicts } = search({ seed: SEED, steps: STEPS }, KEPT_AND_TAKEN_OVER);
    expect(problem, problem).toBeUndefined();
    expect([...verdicts.keys()]).toEqual(
      expect.arrayContaining(['Forward', 'DropServerRemoved', 'PassOwnReply']),
    );
  });

  test('goes on in turn', () => {
    edit(addService(WEB, { scheduler: 'rr' }), ...servers(5));
    const picks = [open(), open()];
    restart();
    picks.push(open(), open());
    restart();
    // An edit takes over where the program has come to.
    edit(editServer(WEB, serverName(0), { weight: 7 }));
    picks.push(open());
    expect(picks).toEqual([4, 3, 2, 1, 0]);
  });

  test('goes on with the weights where it was', () => {
    const weights = [3, 5, 2];
    const service = [
      addService(WEB, { scheduler: 'wrr' }),
      ...weights.map((weight, number) => addServer(WEB, serverName(number), { weight })),
    ];
    edit(...service);
    const undisturbed = Array.from({ length: 20 }, open);
    director.reset(SIZES.connections);
    restart(nextHopsOf(SERVERS));
    edit(...service);
    const disturbed = Array.from({ length: 20 }, () => {
      restart();
      return open();
    });
    expect(disturbed).toEqual(undisturbed);
  });

  test('sends each connection on to its server, also after edits', () => {
    edit(addService(WEB, { scheduler: 'rr' }), ...servers(8));
    const first = clients + 1;
    const before = Array.from({ length: 40 }, open);
    restart();
    edit(deleteServer(WEB, serverName(3)), addServer(WEB, serverName(20)), addServer(WEB, serverName(21)));
    restart();
    const after = before.map((_, index) => director.handle(tcpFrame(first + index, 1024, ACK)));
    for (const [index, server] of before.entries()) {
      if (server === 3) expect(after[index]!.verdict).toBe('DropServerRemoved');
      else expect(forwarded(after[index]!)).toBe(server);
    }
  });

  test('knows removed servers that have connections, and lists them again as the same ones', () => {
    edit(addService(WEB), ...servers(2));
    const server = open();
    const client = clients;
    edit(deleteServer(WEB, serverName(server)));
    restart();
    director.session.everySecond();
    expect(director.handle(tcpFrame(client, 1024, ACK)).verdict).toBe('DropServerRemoved');
    edit(addServer(WEB, serverName(server)));
    expect(forwarded(director.handle(tcpFrame(client, 1024, ACK)))).toBe(server);
    const { servers: counters } = director.session.readCounters().services[WEB]!;
    expect(counters[serverName(server)]).toMatchObject({ traffic: { connections: 1, inPackets: 2 } });
  });

  test('forgets removed servers when they were idle for two minutes, not before', () => {
    director.now = 1_000_000;
    edit(addService(WEB), ...servers(1), deleteServer(WEB, serverName(0)));
    restart();
    const isKnown = () => director.program.servers.get8(0, SERVER.at.inUse) !== 0;
    director.session.everySecond();
    director.wait(110);
    director.session.everySecond();
    expect(isKnown()).toBe(true);
    director.wait(11);
    director.session.everySecond();
    expect(isKnown()).toBe(false);
  });

  test('takes a server for removed where the process before died before it could write that', () => {
    edit(addService(WEB, { scheduler: 'rr' }), ...servers(2));
    const server = open();
    edit(deleteServer(WEB, serverName(server)));
    const { servers: records } = director.program;
    records.set32(server, SERVER.at.flags, ServerFlag.Listed);
    restart();
    expect(director.handle(tcpFrame(clients, 1024, ACK)).verdict).toBe('DropServerRemoved');
  });

  test('keeps the MAC of a server whose address another service reaches by a tunnel', () => {
    edit(addService(WEB), addService(OTHER), ...servers(1));
    edit(addServer(OTHER, serverName(0, 81), { forwarding: 'tunnel' }));
    restart();
    edit(editServer(WEB, serverName(0), { weight: 2 }));
    expect(open()).toBe(0);
    edit(addService(`tcp ${VIP}:82`), addServer(`tcp ${VIP}:82`, serverName(0, 82)));
    expect(forwarded(director.handle(tcpFrame(1, 1024, SYN, 82)))).toBe(0);
  });

  test('keeps the slots of a Maglev server that is quiesced', () => {
    const service = addService(WEB, { scheduler: 'mh' });
    const clientsOf = () => {
      edit(editServer(WEB, serverName(1), { weight: 4 }));
      return Array.from({ length: 200 }, (_, client) =>
        forwarded(director.handle(tcpFrame(client, 1024 + client))),
      );
    };
    const quiesce = editServer(WEB, serverName(1), { weight: 0 });
    edit(service, ...servers(4, { weight: 4 }));
    const before = clientsOf();
    edit(quiesce);
    restart();
    edit(editServer(WEB, serverName(2), { weight: 4 }));
    expect(director.program.servers.get32(1, SERVER.at.lastWeight)).toBe(4);
    expect(clientsOf()).toEqual(before);
  });

  test('does not take what lblc remembered for one service to be of another', () => {
    edit(addService(WEB), ...servers(1));
    edit(editService(WEB, { scheduler: 'lblc' }));
    expect(open()).toBe(0);
    edit(editService(WEB, { scheduler: 'none' }));
    restart(nextHopsOf(SERVERS));
    for (const port of [81, 82, 83]) {
      const name = `tcp ${VIP}:${port}`;
      edit(addService(name, { scheduler: 'lblc' }), addServer(name, serverName(port - 80, port)));
      expect(forwarded(director.handle(tcpFrame(1, 1024, SYN, port)))).toBe(port - 80);
    }
  });

  test('lists services in the order of adding, also where one was deleted and added at once', () => {
    edit(addService(WEB), addService(OTHER));
    edit(deleteService(WEB), addService(WEB));
    const before = director.session.configurationMessage;
    expect(restart().adopted).toEqual(before);
  });

  test('counts what the process before counted of connections to servers of another service', () => {
    const [ftp, any] = [`tcp ${VIP}:21`, `tcp ${VIP}:0`];
    edit(addService(ftp, { persistentSec: 60 }), addServer(ftp, serverName(0, 21)));
    edit(addService(any, { persistentSec: 60 }), addServer(any, serverName(1, 0)));
    // Both have their template under the same name: who comes first decides for both.
    director.handle(tcpFrame(1, 1024, SYN, 21));
    director.handle(tcpFrame(1, 1025, SYN, 25));
    const traffic = () => {
      const { services } = director.session.readCounters();
      return [services[ftp]!.traffic, services[any]!.traffic];
    };
    const before = traffic();
    restart();
    expect(traffic()).toEqual(before);
  });

  test('shows counters that were zeroed as they were, and rates from none', () => {
    edit(addService(WEB, { scheduler: 'rr' }), addService(OTHER), ...servers(2), ...servers(1, {}, OTHER));
    for (let count = 0; count < 1000; count++) open();
    const counters = () => director.session.readCounters().services;
    edit({ op: 'zero', service: serviceAddress(WEB) });
    const zeroed = counters();
    expect(zeroed[WEB]!.traffic.connections).toBe(0);
    restart();
    expect(counters()).toEqual(zeroed);
    open();
    restart();
    for (let second = 0; second < 2; second++) director.session.everySecond();
    const { traffic, rates, servers: each } = counters()[WEB]!;
    expect(traffic).toMatchObject({ connections: 1, inPackets: 1 });
    expect(rates).toMatchObject({ connections: 0, inPackets: 0 });
    expect(Object.values(each).map((server) => server.traffic.connections)).toEqual([1, 0]);
  });

  test('finds as much room after a hundred others as the first one', () => {
    edit(addService(WEB, { scheduler: 'mh' }), ...servers(2));
    for (let restarts = 0; restarts < 100; restarts++) {
      restart();
      for (let count = 0; count < 12; count++) {
        edit(editService(WEB, { scheduler: 'mh', persistentSec: count }));
        if (count % 6 === 0) edit(addServer(WEB, serverName(3 + count)));
        if (count % 6 === 3) edit(deleteServer(WEB, serverName(3 + count - 3)));
      }
    }
    expect(director.session.configurationMessage.services[0]!.servers).toHaveLength(2);
    expect(open()).toBeLessThan(2);
  });

  test('takes over ten services of as many servers as there can be', () => {
    const all = [...Array(SIZES.servers / 4).keys()].map((number) => number + 40);
    const names = [...Array(4).keys()].map((index) => `tcp ${VIP}:${9000 + index}`);
    for (const name of names)
      edit(addService(name), ...all.map((number) => addServer(name, `${serverAddress(number)}:80`)));
    const before = director.session.configurationMessage;
    expect(restart().adopted).toEqual(before);
  });
});
