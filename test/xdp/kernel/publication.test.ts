/** Edits under the feet of frames: each frame finds the configuration of before or of after, whole. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addServer,
  addService,
  deleteServer,
  editServer,
  SERVER_OPTIONS,
  SERVICE_OPTIONS,
  serviceAddress,
} from '../../helpers/edits.ts';
import { describeWithRoot } from '../../helpers/netns.ts';
import type { XdpDirector } from '../../helpers/xdp-director.ts';
import { atEachStore } from '../at-each-store.ts';
import { type PlannedEdit, planEdits } from '../edit-plan.ts';
import type { HammerReport } from '../hammer.ts';
import {
  changedElements,
  createRig,
  DNS,
  forwarded,
  nextHopsOf,
  serverAddress,
  serverName,
  setHost,
  udpFrame,
} from '../rig.ts';
import { SharedRig } from '../shared-rig.ts';

const SIZES = { connections: 1024, services: 8, servers: 64 };
const SERVERS = 16;
const SEED = 20_261_126;

describeWithRoot('publication', [], () => {
  describe('at each store of an edit', () => {
    let director: XdpDirector;
    let client = 0;
    beforeAll(() => {
      director = createRig(SIZES, SERVERS);
    });
    afterAll(() => director.close());

    /** Carries the edits out one after the other, with a frame after each store. */
    function carryOut(plan: readonly PlannedEdit[]): void {
      director.reset(SIZES.connections);
      setHost(director.session);
      director.session.setNextHops(nextHopsOf(SERVERS));
      let before = plan[0]!;
      director.session.edit(before.edits);
      for (const [number, next] of plan.entries()) {
        if (number === 0) continue;
        let stores = 0;
        const look = () => {
          stores++;
          const handled = director.handle(udpFrame(++client & 0xffff));
          const why = `after store ${stores} of edit ${number}: ${JSON.stringify(next.edits)}`;
          expect(handled.verdict, why).toBe('Forward');
          const server = forwarded(handled);
          expect(before.takers.has(server) || next.takers.has(server), `server ${server} ${why}`).toBe(true);
        };
        atEachStore(look, () => director.session.edit(next.edits));
        look();
        before = next;
      }
    }

    test(`a frame goes to a server of before or after, 70 edits from seed ${SEED}`, () => {
      carryOut(planEdits(SEED, 70));
    });

    const server = (number: number, weight: number) => addServer(DNS, serverName(number, 53), { weight });
    const weigh = (number: number, weight: number) => editServer(DNS, serverName(number, 53), { weight });
    test.each('rr wrr wlc sed nq mh'.split(' '))(
      '%s finds a server where one is quiesced for another',
      (scheduler) => {
        carryOut([
          {
            edits: [addService(DNS, { scheduler, schedulerFlags: 8, onePacket: true }), server(0, 1)],
            takers: new Set([0]),
          },
          { edits: [weigh(0, 0), server(1, 1)], takers: new Set([1]) },
          { edits: [deleteServer(DNS, serverName(1, 53)), weigh(0, 1)], takers: new Set([0]) },
        ]);
      },
    );

    test('wrr finds a server where all weights become others', () => {
      carryOut([
        {
          edits: [addService(DNS, { scheduler: 'wrr', onePacket: true }), server(0, 10)],
          takers: new Set([0]),
        },
        { edits: [weigh(0, 1)], takers: new Set([0]) },
        { edits: [weigh(0, 100), server(1, 50)], takers: new Set([0, 1]) },
        { edits: [weigh(0, 3), weigh(1, 7)], takers: new Set([0, 1]) },
        { edits: [weigh(0, 7), weigh(1, 3)], takers: new Set([0, 1]) },
      ]);
    });
  });

  test.each(['rr', 'wrr'])(
    '%s goes on at its place when a setting changes in the same go as its servers',
    (scheduler) => {
      const director = createRig(SIZES, SERVERS);
      const picks = ['apart', 'in one go'].map((how) => {
        director.reset(SIZES.connections);
        setHost(director.session);
        director.session.setNextHops(nextHopsOf(SERVERS));
        const servers = [0, 1, 2].map((number) =>
          addServer(DNS, serverName(number, 53), { weight: number + 2 }),
        );
        director.session.edit([addService(DNS, { scheduler, onePacket: true }), ...servers]);
        const open = (_: unknown, client: number) => forwarded(director.handle(udpFrame(client)));
        const before = Array.from({ length: 2 }, open);
        const edits = [
          addServer(DNS, serverName(3, 53)),
          deleteServer(DNS, serverName(0, 53)),
          { op: 'set', name: 'sloppy_tcp', value: 1 } as const,
        ];
        if (how === 'in one go') director.session.edit(edits);
        else for (const each of edits) director.session.edit([each]);
        return [...before, ...Array.from({ length: 8 }, open)];
      });
      director.close();
      expect(picks[1]).toEqual(picks[0]);
    },
  );

  describe('beside a process that runs frames', () => {
    const edits = 200;
    let rig: SharedRig;
    beforeAll(async () => {
      rig = await SharedRig.create(SIZES, SERVERS, 1);
    });
    afterAll(() => rig.close());

    test(`each goes to a server of before or after, ${edits} edits from seed ${SEED}`, async () => {
      const plan = planEdits(SEED, edits);
      rig.session.edit(plan[0]!.edits);
      const reports = rig.hammer({ kind: 'clients', seed: SEED, edits });
      await rig.frames(1);
      for (const each of plan.slice(1)) {
        rig.inEpoch(() => rig.session.edit(each.edits));
        await rig.frames(100);
      }
      rig.stop();
      const [{ frames, problems, servers, refused }] = (await reports) as [HammerReport];
      expect(problems).toEqual([]);
      expect(refused).toBe(0);
      expect(servers).toBeGreaterThan(8);
      expect(frames).toBeGreaterThan(100 * (edits - 1));
    });
  });

  test('an edit of one server of ten thousand writes that one, and nothing else', () => {
    const many = 10_000;
    const director = createRig({ connections: 1024, services: 1, servers: many }, 0);
    const listed = [...Array(many).keys()].map((number) => ({
      server: { address: serverAddress(number), port: 53 },
      options: SERVER_OPTIONS,
    }));
    const service = {
      service: serviceAddress(DNS),
      options: { ...SERVICE_OPTIONS, scheduler: 'wlc' },
      servers: listed,
    };
    director.session.configure({ ...director.session.configurationMessage, services: [service] });
    const { object, servers, services, cells, serviceIndex } = director.program;
    const maps = { servers, services, cells, service_index: serviceIndex };
    const copies = Object.keys(maps).map((name) => [name, new Uint8Array(object.map(name)).slice()] as const);
    let stores = 0;
    const count = () => {
      stores++;
    };
    atEachStore(count, () => director.session.edit([editServer(DNS, serverName(4711, 53), { weight: 7 })]));
    const changed = copies.map(([name, before]) => [
      name,
      changedElements(before, maps[name as keyof typeof maps], new Uint8Array(object.map(name))),
    ]);
    director.close();
    expect(Object.fromEntries(changed)).toEqual({
      servers: [4711],
      services: [],
      cells: [],
      service_index: [],
    });
    expect(stores).toBeLessThan(50);
  });
});
