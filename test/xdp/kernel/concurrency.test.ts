/** Two processes that run the same connections through the program at once: what is counted is what is in the table. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Verdict } from '../../../src/datapath/verdict.ts';
import { CONFIG, Kind, SERVICE, StateBits, VERDICT_COUNTS, WAYS } from '../../../src/xdp/layout.ts';
import { addServer, addService, editServer } from '../../helpers/edits.ts';
import { RST, SYN } from '../../helpers/frame-builder.ts';
import { describeWithRoot } from '../../helpers/netns.ts';
import type { HammerReport } from '../hammer.ts';
import {
  DNS,
  entriesOf,
  FrameStream,
  recount,
  serverName,
  spillsOf,
  tcpFrame,
  udpFrame,
  WEB,
} from '../rig.ts';
import { readWord, runFrame, SharedRig, Word, writeWord, XDP_TX } from '../shared-rig.ts';

const SERVERS = 4;
const CONNECTIONS = 128;
const SIZES = { connections: CONNECTIONS, services: 4, servers: 16 };

describeWithRoot('two CPUs at once', [], () => {
  let rig: SharedRig;
  beforeAll(async () => {
    rig = await SharedRig.create(SIZES, SERVERS, 2);
  });
  beforeEach(() => rig.reset());
  afterAll(() => rig.close());

  const framesOf = (name: keyof typeof Verdict): number => {
    const { verdicts, cpus } = rig.program;
    const counts = [...Array(cpus).keys()].map((cpu) =>
      Number(verdicts[(cpu * VERDICT_COUNTS.bytes) / 8 + Verdict[name]]),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const loadOf = (number: number) => {
    const counters = rig.session.readCounters().services[WEB]!.servers[serverName(number)]!;
    const {
      activeConnections: active,
      inactiveConnections: inactive,
      persistentConnections: persistent,
    } = counters;
    return { active, inactive, persistent };
  };
  const expectRightCounts = () => {
    const counted = recount(rig.program);
    const nothing = { active: 0, inactive: 0, persistent: 0 };
    const loads = [...Array(SERVERS).keys()].map(loadOf);
    expect(loads).toEqual(loads.map((_, number) => counted.get(number) ?? nothing));
    const entries = [...entriesOf(rig.program)];
    const dependents = new Map<number, number>();
    for (const { kind, link } of entries)
      if (!(kind & Kind.Template)) dependents.set(link - 1, (dependents.get(link - 1) ?? 0) + 1);
    const templates = entries.filter(({ kind }) => kind & Kind.Template);
    expect(templates.map((each) => each.dependents)).toEqual(
      templates.map(({ slot }) => dependents.get(slot) ?? 0),
    );
    expect(
      entries.filter(({ kind, state }) => !(kind & Kind.Template) && (state & StateBits.State) > 10),
    ).toEqual([]);
  };
  /** When all time is up nothing is left, in the table and in the counts. */
  const expectAllToEnd = () => {
    for (let round = 0; round < 3; round++) {
      rig.program.config.set32(0, 4, 1_000_000 * (round + 1));
      rig.program.sweep(4);
    }
    expectRightCounts();
    expect(recount(rig.program).size).toBe(0);
    expect(spillsOf(rig.program)).toBe(0);
  };
  /** All connections are for the same two buckets. */
  const withoutSecrets = () => {
    for (let word = 0; word < 11; word++) rig.program.config.set64(0, CONFIG.at.seed + 8 * word, 0n);
  };
  /** Sweeps, edits and counts, while the hammers are at it. */
  const tend = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      rig.program.config.set32(0, 4, 1 + round * 500);
      for (const version of [4, 6] as const) rig.program.sweep(version);
      rig.session.edit([editServer(WEB, serverName(round % SERVERS), { weight: 1 + (round % 3) })]);
      rig.session.everySecond();
      await rig.frames(1000);
    }
  };

  test.each([
    ['in a table that has room', { flows: CONNECTIONS / 4, persistentSec: 0 }],
    ['in a table that is too small', { flows: 4 * CONNECTIONS, persistentSec: 0 }],
    ['with persistence', { flows: CONNECTIONS / 8, persistentSec: 20 }],
    ['with persistence in a table that is too small', { flows: 4 * CONNECTIONS, persistentSec: 20 }],
    [
      'with templates of four clients each in a table that is too small',
      { flows: 4 * CONNECTIONS, persistentSec: 20, netmask: 0xfffffffc },
    ],
  ])(
    '%s',
    async (_, {
      flows,
      persistentSec,
      netmask = 0xffffffff,
    }: { flows: number; persistentSec: number; netmask?: number }) => {
      const servers = [...Array(SERVERS).keys()].map((number) => addServer(WEB, serverName(number)));
      rig.session.edit([addService(WEB, { scheduler: 'wlc', persistentSec, netmask }), ...servers]);
      // Half of the connections are the same in both.
      const reports = rig.hammer(
        { kind: 'connections', seed: 1, first: 0, count: flows },
        { kind: 'connections', seed: 2, first: flows / 2, count: flows },
      );
      await tend(30);
      rig.stop();
      expect(Math.min(...(await reports).map(({ frames }) => frames))).toBeGreaterThan(1000);
      expectRightCounts();
      if (flows < CONNECTIONS) expect(framesOf('DropConnectionTableFull')).toBe(0);
      const { madeRoom } = rig.session.readCounters();
      const makers = [
        ...(flows > CONNECTIONS ? ['halfOpen'] : []),
        ...(flows > CONNECTIONS && persistentSec > 0 ? ['template'] : []),
      ];
      expect(Object.keys(madeRoom)).toEqual(makers);
      expectAllToEnd();
    },
  );

  test('count right where one ends what the other one goes on with', async () => {
    const servers = [...Array(SERVERS).keys()].map((number) => addServer(WEB, serverName(number)));
    rig.session.edit([addService(WEB, { scheduler: 'rr' }), ...servers]);
    withoutSecrets();
    const reports = rig.hammer({ kind: 'connections', seed: 1, first: 0, count: 4 });
    await rig.frames(1);
    const stream = new FrameStream(tcpFrame(1));
    for (let client = 0; client < 120_000; client++)
      runFrame(rig.program, stream.of(0x15000000 | (client & 15), 1024, client & 16 ? RST : SYN));
    rig.stop();
    await reports;
    expectRightCounts();
  });

  test('know who depends on a template while others push it out', async () => {
    const servers = [...Array(SERVERS).keys()].map((number) => addServer(WEB, serverName(number)));
    rig.session.edit([
      addService(WEB, { scheduler: 'rr', persistentSec: 20, netmask: 0xfffffffe }),
      ...servers,
    ]);
    withoutSecrets();
    const task = { kind: 'connections', first: 0, count: 8, onlyBegins: true } as const;
    const reports = rig.hammer({ ...task, seed: 1 }, { ...task, seed: 2 });
    await tend(300);
    rig.stop();
    await reports;
    expect(rig.session.readCounters().madeRoom.template).toBeGreaterThan(1000);
    expectRightCounts();
    expectAllToEnd();
  });

  test('take no place from each other while there is another one', async () => {
    // All in two buckets, which they fill.
    const count = WAYS;
    rig.session.edit([addService(DNS), addServer(DNS, serverName(0, 53))]);
    const reports = rig.hammer({ kind: 'rounds', first: 1000, count });
    const { program } = rig;
    withoutSecrets();
    const tables = ['connections4', 'groups4'].map((map) => new Uint8Array(program.object.map(map)));
    const frames = [...Array(count).keys()].map((client) => udpFrame(client, 1024));
    const missing: number[] = [];
    let refused = 0;
    for (let round = 1; round <= 3000; round++) {
      for (const table of tables) table.fill(0);
      writeWord(program, Word.Epoch, round);
      for (const frame of frames) if (runFrame(program, frame).action !== XDP_TX) refused++;
      while (readWord(program, Word.Frames) !== round);
      const { length } = [...entriesOf(program)];
      if (length !== 2 * count) missing.push(2 * count - length);
    }
    rig.stop();
    expect(refused + (await reports)[0]!.refused).toBe(0);
    expect(missing).toEqual([]);
  });

  test('get a server in turn each, however often they meet', async () => {
    const servers = [0, 1].map((number) => addServer(DNS, serverName(number, 53)));
    rig.session.edit([addService(DNS, { scheduler: 'rr', onePacket: true }), ...servers]);
    const reports = rig.hammer({ kind: 'datagrams' });
    await rig.frames(1);
    // As if very many CPUs took turns: the place is another one each time that it is looked at.
    const { services } = rig.program;
    const [element] = [...Array(services.count).keys()].filter(
      (each) => services.get32(each, SERVICE.at.inUse) !== 0,
    );
    let others = 0;
    for (const end = performance.now() + 300; performance.now() < end; )
      for (let turns = 0; turns < 1000; turns++) services.set32(element!, SERVICE.at.place + 4, ++others);
    rig.stop();
    const [{ frames, refused }] = (await reports) as [HammerReport];
    expect(refused).toBe(0);
    expect(frames).toBeGreaterThan(1000);
  });
});
