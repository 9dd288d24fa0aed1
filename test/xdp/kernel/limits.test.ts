/** As much as the maps are made for: all of it fits, works, and is published in bearable time. */
import { afterEach, describe, expect, test } from 'vitest';
import { editsBetween } from '../../../src/service/difference.ts';
import type { Edit } from '../../../src/service/model.ts';
import { configurationOf } from '../../../src/worker/configuration-message.ts';
import { MAX_MARK_RULES, type XdpSizes } from '../../../src/xdp/sizes.ts';
import {
  addServer,
  addService,
  deleteServer,
  deleteService,
  editServer,
  editService,
} from '../../helpers/edits.ts';
import { ACK, eth, SYN } from '../../helpers/frame-builder.ts';
import { describeWithRoot } from '../../helpers/netns.ts';
import type { XdpDirector } from '../../helpers/xdp-director.ts';
import {
  clientOf,
  createRig,
  forwarded,
  nextHopsOf,
  serverName,
  setHost,
  takeOver,
  tcpFrame,
  VIP,
  WEB,
} from '../rig.ts';

/** For a machine that has other things to do. */
const BEARABLE_MS = 10_000;

describeWithRoot('the limits', [], () => {
  let director: XdpDirector;
  const create = (sizes: XdpSizes, servers: number) => {
    director = createRig(sizes, 0);
    director.session.setNextHops(nextHopsOf(servers));
  };
  afterEach(() => director.close());

  const timed = (act: () => void): number => {
    const begun = performance.now();
    act();
    return performance.now() - begun;
  };
  const virtual = (number: number) => `10.200.${number >> 8}.${number & 255}`;
  const open = (number: number, client = 1) =>
    director.handle(eth().ipv4(clientOf(client), virtual(number)).tcp(1024, 80, SYN).bytes());
  const numbers = (count: number) => [...Array(count).keys()];

  test.each([
    { services: 1000, servers: 10 },
    { services: 10_000, servers: 1 },
  ])('$services services of $servers servers each', ({ services, servers }) => {
    create({ connections: 32_768, services, servers: services * servers }, 16);
    const edits = numbers(services).flatMap((number): Edit[] => {
      const name = `tcp ${virtual(number)}:80`;
      const own = numbers(servers).map((server) => addServer(name, serverName((number + server) % 16)));
      return [addService(name, { scheduler: 'rr' }), ...own];
    });
    expect(timed(() => director.session.edit(edits))).toBeLessThan(BEARABLE_MS);
    const looked = numbers(services).filter((number) => number % 17 === 0 || number === services - 1);
    // The server added last comes first.
    for (const number of looked) expect(forwarded(open(number))).toBe((number + servers - 1) % 16);
    const before = director.session.configurationMessage;
    expect(timed(() => takeOver(director, 1024))).toBeLessThan(BEARABLE_MS);
    expect(director.session.adopted).toEqual(before);
    expect(timed(() => director.session.configure(before))).toBeLessThan(BEARABLE_MS);
    for (const number of looked) expect(forwarded(open(number, 2))).toBeLessThan(16);
    expect(timed(() => director.session.edit([{ op: 'flush' }]))).toBeLessThan(BEARABLE_MS);
    expect(open(0, 3).verdict).toBe('PassNotVirtual');
  });

  test('as many mark rules as there may be, of which the last one counts', () => {
    create({ connections: 1024, services: 4, servers: 16 }, 2);
    const sources = 64;
    const rules = numbers(MAX_MARK_RULES / sources).map((rule) => ({
      mark: rule + 1,
      destination: VIP,
      sources: numbers(sources).map((source) => `20.${source}.${rule}.0/24`),
    }));
    const last = rules.at(-1)!;
    const mark = `fwmark ${last.mark}`;
    director.session.edit([addService(mark), addServer(mark, serverName(0, 0))]);
    const client = ((sources - 1) << 16) | ((rules.length - 1) << 8) | 9;
    for (let round = 0; round < 3; round++) {
      expect(timed(() => director.session.edit([{ op: 'set-marks', rules }]))).toBeLessThan(BEARABLE_MS);
      expect(forwarded(director.handle(tcpFrame(client, 1024 + round)))).toBe(0);
      expect(director.handle(tcpFrame(client - 256, 1024 + round)).verdict).toBe('PassNotVirtual');
    }
    expect(takeOver(director, 1024).adopted!.marks).toEqual(rules);
  });

  test('as many Maglev services as there may be, each edited', () => {
    const services = 6;
    create({ connections: 1024, services, servers: 64 }, 16);
    const names = numbers(services).map((number) => `tcp ${virtual(number)}:80`);
    for (const name of names)
      director.session.edit([addService(name, { scheduler: 'mh' }), addServer(name, serverName(0))]);
    for (const [number, name] of names.entries()) {
      director.session.edit([addServer(name, serverName(1))]);
      director.session.edit([deleteServer(name, serverName(0))]);
      expect(forwarded(open(number))).toBe(1);
    }
  });

  test('as many servers as there may be, where others have just been removed', () => {
    const count = 16;
    create({ connections: 1024, services: 4, servers: count }, 4 * count);
    director.session.edit([addService(WEB, { scheduler: 'rr' })]);
    let client = 0;
    for (let round = 0; round < 3; round++) {
      const own = numbers(count).map((number) => serverName(count * round + number));
      director.session.edit(own.map((name) => addServer(WEB, name)));
      const picks = numbers(count).map(() => forwarded(director.handle(tcpFrame(++client))));
      expect(new Set(picks)).toEqual(new Set(numbers(count).map((number) => count * round + number)));
      expect(forwarded(director.handle(tcpFrame(client, 1024, ACK)))).toBe(picks.at(-1));
      // Half of them still have connections.
      director.session.endConnections({ client: { address: clientOf(client) } });
      director.session.edit(own.map((name) => deleteServer(WEB, name)));
    }
  });

  describe('more services than fit', () => {
    // Their index has eight places.
    const sizes = { connections: 1024, services: 1, servers: 64 };
    const name = (number: number) => `tcp ${virtual(number)}:80`;
    const added = (number: number) => [addService(name(number)), addServer(name(number), serverName(number))];
    const inForce = () => numbers(12).filter((number) => open(number, ++clients).verdict === 'Forward');
    const missing = () =>
      [...director.session.unpublished.keys()].map((key) => key.slice(13, -3)).map(Number);
    let clients = 0;

    test('those that do not fit come when there is room, all else is as it should be', () => {
      create(sizes, 16);
      director.session.edit([...numbers(12).flatMap(added), deleteServer(name(0), serverName(0))]);
      expect(inForce()).toHaveLength(7);
      expect(missing()).toHaveLength(4);
      expect([...director.session.unpublished.values()][0]).toContain('has no room left');
      expect([0, ...inForce(), ...missing()].sort((a, b) => a - b)).toEqual(numbers(12));
      // Trying takes nothing away.
      for (let second = 0; second < 100; second++) director.session.everySecond();
      director.session.edit([
        deleteService(name(0)),
        deleteService(name(1)),
        deleteService(name(missing()[0]!)),
      ]);
      director.session.everySecond();
      expect(inForce()).toHaveLength(8);
      expect(missing()).toHaveLength(1);
    });

    test('one that takes over begins all the same', () => {
      create(sizes, 16);
      director.session.edit(numbers(12).flatMap(added));
      const wanted = director.session.configurationMessage;
      const { adopted } = takeOver(director, 1024, nextHopsOf(16));
      expect(adopted!.services).toHaveLength(8);
      director.session.edit(editsBetween(configurationOf(adopted!), configurationOf(wanted)));
      expect([inForce().length, missing().length]).toEqual([8, 4]);
      director.session.edit(numbers(4).map((number) => deleteService(name(number))));
      director.session.everySecond();
      expect([inForce().length, missing().length]).toEqual([8, 0]);
    });
  });

  test('the longest list of servers changes its length again and again', () => {
    const count = 512;
    create({ connections: 1024, services: 1, servers: count }, count);
    director.session.edit([addService(WEB, { scheduler: 'wrr' })]);
    for (const step of [3, 50]) {
      for (let first = 0; first < count; first += step * 16) {
        const some = numbers(Math.min(step * 16, count - first)).map((index) => serverName(first + index));
        director.session.edit(some.map((name) => addServer(WEB, name)));
      }
      expect(forwarded(director.handle(tcpFrame(step)))).toBe(count - 1);
      director.session.edit(numbers(count).map((number) => deleteServer(WEB, serverName(number))));
      setHost(director.session);
    }
    director.session.edit([editService(WEB, { scheduler: 'mh' }), addServer(WEB, serverName(5))]);
    director.session.edit([editServer(WEB, serverName(5), { weight: 3 })]);
    expect(forwarded(director.handle(tcpFrame(1000)))).toBe(5);
  });
});
