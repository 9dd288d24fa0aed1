/** The program's clock is a word of ticks that wraps, five minutes after a boot for the first time, and ticks at other rates. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadBpfAddon } from '../../../src/host/bpf.ts';
import type { Edit } from '../../../src/service/model.ts';
import { CONFIG, SERVER } from '../../../src/xdp/layout.ts';
import { Program } from '../../../src/xdp/program.ts';
import { XdpSession } from '../../../src/xdp/session.ts';
import { addServer, addService, deleteServer } from '../../helpers/edits.ts';
import { ACK, eth, FIN, RST, SYN, toHex } from '../../helpers/frame-builder.ts';
import { describeWithRoot } from '../../helpers/netns.ts';
import type { XdpDirector } from '../../helpers/xdp-director.ts';
import { Random } from '../../model/random.ts';
import {
  clientOf,
  createRig,
  DNS,
  nextHopsOf,
  serverName,
  serverOf,
  setHost,
  takeOver,
  tcpFrame,
  udpFrame,
  VIP,
  WEB,
} from '../rig.ts';
import { runFrame } from '../shared-rig.ts';

const SIZES = { connections: 1024, services: 8, servers: 16 };
const SERVERS = 3;
const WRAP = 2 ** 32;

describeWithRoot('the clock', [], () => {
  let director: XdpDirector;
  beforeAll(() => {
    director = createRig(SIZES, SERVERS);
  });
  afterAll(() => director.close());

  const own = (name: string, port: number): Edit[] =>
    [...Array(SERVERS).keys()].map((number) => addServer(name, serverName(number, port)));
  const begin = (ticks: number) => {
    director.reset(SIZES.connections);
    director.now = ticks;
    // The session of before has looked at the clock.
    takeOver(director, SIZES.connections, nextHopsOf(SERVERS));
    setHost(director.session);
    director.session.edit([
      addService(WEB, { scheduler: 'lblcr', persistentSec: 50 }),
      ...own(WEB, 80),
      addService(DNS, { scheduler: 'rr' }),
      ...own(DNS, 53),
      addService(`tcp ${VIP}:81`),
    ]);
  };

  /** What becomes of random frames, and what is listed, while time passes. */
  function* story(seed: number, hasFragments: boolean): Generator<string> {
    const random = new Random(seed);
    const fragment = (client: number, id: number, first: boolean) =>
      eth()
        .ipv4(clientOf(client), VIP, { id, moreFragments: first, fragmentOffsetBytes: first ? 0 : 24 })
        .udp(1024, 53, { payload: new Uint8Array(16) })
        .bytes();
    for (let step = 0; step < 400; step++) {
      const client = random.below(6);
      const flags = random.pick([SYN, SYN, ACK, FIN | ACK, RST]);
      const frame = random.pick([
        tcpFrame(client, 1024 + random.below(3), flags),
        udpFrame(client, 1024 + random.below(3)),
        tcpFrame(client, 1024, SYN, 81),
        ...(hasFragments ? [fragment(client, random.below(3), random.chance(0.5))] : []),
      ]);
      const { verdict, sent } = director.handle(frame);
      yield `${verdict} ${sent.map(toHex).join()}`;
      if (!random.chance(0.3)) continue;
      director.now = (director.now + random.pick([1, 30, 100, 1000, 3000, 6100, 30_000])) | 0;
      if (random.chance(0.7)) yield `${director.sweepAll()} ended`;
      director.session.everySecond();
      yield JSON.stringify(director.session.listConnections(0, 1000).connections);
      const { services, connections } = director.session.readCounters();
      yield JSON.stringify([services, connections]);
    }
  }

  const told = (first: number, seed: number, hasFragments: boolean): string[] => {
    begin(first);
    return [...story(seed, hasFragments)];
  };

  test.each([
    ['the end of a word', WRAP - 300],
    ['the end of a word, a little earlier', WRAP - 30_000],
    ['the end of a word, much earlier', WRAP - 300_000],
    // Where the rig, not the program, loses those that wait.
    ['the middle of a word', WRAP / 2 - 300, false],
  ])('makes no difference where it passes %s', (_, first, hasFragments = true) => {
    for (const seed of [1, 2, 3]) {
      const [usual, other] = [told(1_000_000, seed, hasFragments), told(first, seed, hasFragments)];
      const at = usual.findIndex((line, index) => line !== other[index]);
      expect(other[at], `line ${at} of seed ${seed}`).toBe(usual[at]);
    }
  });

  test('passes the end of a word with servers that were removed, at any rate', () => {
    for (const ticksPerSecond of [100, 250, 300, 1000]) {
      begin(1);
      const { program } = director;
      Object.defineProperty(program, 'ticksPerSecond', { value: ticksPerSecond, configurable: true });
      const pass = (seconds: number) => {
        director.now = (director.now + seconds * ticksPerSecond) | 0;
        director.session.everySecond();
      };
      director.now = WRAP - 60 * ticksPerSecond;
      const session = takeOver(director, SIZES.connections);
      session.edit([deleteServer(DNS, serverName(0, 53))]);
      const isKnown = () => program.servers.get8(SERVERS, SERVER.at.inUse) !== 0;
      for (let seconds = 0; seconds < 110; seconds += 10) pass(10);
      expect(isKnown(), `${ticksPerSecond} ticks a second`).toBe(true);
      pass(15);
      expect(isKnown(), `${ticksPerSecond} ticks a second`).toBe(false);
      Object.defineProperty(program, 'ticksPerSecond', { value: 100 });
    }
  });

  test('does not fill up the answers that are left where another CPU is a tick ahead', () => {
    begin(1_000_000);
    const refuse = () => director.handle(tcpFrame(1, 1024, SYN, 81)).verdict;
    const { config, replies } = director.program;
    for (const limitsClients of [1, 0]) {
      config.set32(0, CONFIG.at.limitsClients, limitsClients);
      replies[0] = 3000;
      director.now = 1_000_000;
      while (refuse() === 'ReplyPortUnreachable');
      director.now -= 1;
      expect(refuse()).toBe('DropReplyLimit');
    }
  });

  describe('with a thousand ticks a second', () => {
    const LONGEST_SEC = 2_678_400;
    const addon = loadBpfAddon();
    const { ticksPerSecond } = addon;
    let program: Program;
    beforeAll(() => {
      Object.assign(addon, { ticksPerSecond: () => 1000 });
      program = new Program({ sizes: SIZES, pinFolder: null });
    });
    afterAll(() => {
      Object.assign(addon, { ticksPerSecond });
      program.object.close();
    });

    test('a month is not over at once', () => {
      const session = new XdpSession(program, SIZES.connections);
      setHost(session);
      session.setNextHops(nextHopsOf(SERVERS));
      const timeouts = { tcpSec: LONGEST_SEC, tcpFinSec: LONGEST_SEC, udpSec: LONGEST_SEC };
      session.edit([
        { op: 'set-timeouts', timeouts },
        addService(WEB, { scheduler: 'rr', persistentSec: LONGEST_SEC }),
        ...own(WEB, 80),
        addService(DNS, { scheduler: 'rr' }),
        ...own(DNS, 53),
      ]);
      const to = (frame: Uint8Array) => serverOf(runFrame(program, frame).sent);
      const [web, dns] = [to(tcpFrame(1, 1024)), to(udpFrame(1))];
      to(tcpFrame(1, 1024, ACK));
      for (const version of [4, 6] as const) program.sweep(version);
      expect(to(udpFrame(1))).toBe(dns);
      expect(to(tcpFrame(1, 1024, ACK))).toBe(web);
      expect(to(tcpFrame(1, 1025))).toBe(web);
    });
  });
});
