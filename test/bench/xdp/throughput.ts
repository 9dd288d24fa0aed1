/** Frames per second beside the floor, the reference and nftables, in turns: perf/bench.py. */
import type { Summary } from '../statistics.ts';
import { type Bar, type Measured, markdownTable, measuredTable, spread } from '../table.ts';
import { one, withTestbed } from './rig.ts';
import { measureWindows, type Windows } from './windows.ts';

const ROUNDS = 5;
const WINDOW_SEC = 0.5;
const FLOOR = 'xdp-tx';

/** Frames of so many flows, and the least of the floor's rate that the director must reach. */
const CASES = [
  { name: 'udp:1000', words: 'UDP, 1,000 flows', ofFloor: 0.85 },
  { name: 'ack:1000', words: 'ACK, 1,000 connections', ofFloor: 0.85 },
  { name: 'udp:100000', words: 'UDP, 100,000 flows', ofFloor: 0.6 },
  { name: 'ack:100000', words: 'ACK, 100,000 connections', ofFloor: 0.6 },
  { name: 'syn:0', words: 'SYN, each a new connection', ofFloor: 0.5 },
] as const;
type Case = (typeof CASES)[number];

/** Room for as many connections as lb-arr has buckets; both are some two and a half times the flows of the largest case. */
const TABLE_AS_OF_LB_ARR = { DIRECTOR_TABLE: String(2 ** 18) };

/** Times the rate of nftables. */
const OF_NFT = { 'nft-hash': 5, 'nft-persist': 3 } as const;

const measure = (
  peers: readonly string[],
  cases: readonly Case[],
  environment?: Readonly<Record<string, string>>,
): Windows =>
  measureWindows({
    peers,
    cases: cases.map(({ name }) => name),
    rounds: ROUNDS,
    windowSec: WINDOW_SEC,
    ...(environment === undefined ? {} : { environment }),
  });

const mega = ({ median, low, high }: Summary): string => {
  const [middle, ...ends] = [median, low, high].map((rate) => rate / 1e6);
  return `${middle!.toFixed(2)} (${spread({ median: middle!, low: ends[0]!, high: ends[1]! }, 2)})`;
};

function ratesTable(windows: Windows, peers: readonly string[], cases: readonly Case[]): string {
  const rows = cases.map((frames) => [
    frames.words,
    ...peers.map((peer) => mega(windows.rates(peer, frames.name))),
  ]);
  return markdownTable(['million frames per second', ...peers], rows);
}

/** What the bar leaves a frame, beside what the director and others take. */
function overFloorTable(windows: Windows, peers: readonly string[], cases: readonly Case[]): string {
  const ns = (peer: string, frames: Case) => 1e9 / windows.rates(peer, frames.name).median;
  const rows = cases.map((frames) => [
    frames.words,
    (ns(FLOOR, frames) * (1 / frames.ofFloor - 1)).toFixed(0),
    ...peers.map((peer) => {
      const over = ns(peer, frames) - ns(FLOOR, frames);
      return Number.isFinite(over) ? over.toFixed(0) : 'forwards nothing';
    }),
  ]);
  return markdownTable(['ns that a frame costs over the floor', 'the bar leaves', ...peers], rows);
}

function ratioRow(
  windows: Windows,
  frames: Case,
  [peer, reference]: readonly [string, string],
  bar?: Bar,
): Measured {
  const what = `${frames.words}: ${peer} to ${reference}`;
  return { what, summary: windows.ratio(peer, reference, frames.name), digits: 2, bar };
}

export function throughput(): string {
  const peers = [FLOOR, 'director', 'lb-arr', 'nft-hash', 'nft-persist'];
  const windows = measure(peers, CASES, TABLE_AS_OF_LB_ARR);
  const rows = CASES.flatMap((frames) => [
    ratioRow(windows, frames, ['director', FLOOR], { atLeast: frames.ofFloor }),
    ratioRow(windows, frames, ['lb-arr', FLOOR]),
    ratioRow(windows, frames, ['director', 'lb-arr']),
    ...Object.entries(OF_NFT).map(([nft, times]) =>
      ratioRow(windows, frames, ['director', nft], { atLeast: times }),
    ),
  ]);
  return [
    ratesTable(windows, peers, CASES),
    measuredTable('ratio, round by round', rows),
    overFloorTable(windows, peers.slice(1), CASES),
    memoryLoads(),
    spreadOverServers(),
  ].join('\n\n');
}

/** What no balancer gets around that remembers more than the processor's caches hold. */
function memoryLoads(): string {
  const loads = withTestbed(() => one(['load', '0.25', '1', '4', '16', '64']));
  const words = loads.map(([mebi, ns]) => `${mebi} MiB: ${ns} ns`);
  return `One load that waits for the one before, from a random place of so much memory: ${words.join(', ')}.`;
}

/** So that nobody measures frames that go to nobody. */
function spreadOverServers(): string {
  const [counts] = withTestbed(() => one(['spread', 'director', 'ack', '1000']));
  return `By destination MAC, ACK frames of 1,000 connections: ${counts!.join(', ')} frames.`;
}

/** The same with other connections alive, and what a connection takes. */
export function liveConnections(): string {
  const peers = [FLOOR, 'director', 'director-1m', 'director-4m'];
  const cases = CASES.filter(({ name }) => name !== 'udp:1000' && name !== 'udp:100000');
  const windows = measure(peers, cases);
  const rows = cases.flatMap((frames) =>
    peers.slice(1).map((peer) => ratioRow(windows, frames, [peer, FLOOR])),
  );
  return [
    ratesTable(windows, peers, cases),
    measuredTable('ratio, round by round', rows),
    memoryTable(),
  ].join('\n\n');
}

function memoryTable(): string {
  const [small, large] = withTestbed(() =>
    [65_536, 4_194_304].map((connections) => {
      const [[maps, daemon]] = one(['memory', 'director'], { DIRECTOR_TABLE: String(connections) }) as [
        [string, string],
      ];
      return { connections, maps: Number(maps), daemon: Number(daemon) };
    }),
  ) as [Table, Table];
  const each = (of: 'maps' | 'daemon') => (large[of] - small[of]) / (large.connections - small.connections);
  const mebi = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const row = (what: string, of: 'maps' | 'daemon') => [
    what,
    mebi(small[of]),
    mebi(large[of]),
    each(of).toFixed(1),
  ];
  return markdownTable(
    ['memory', '65,536 connections, MiB', '4,194,304, MiB', 'bytes for each more'],
    [row('maps of the XDP program', 'maps'), row('the daemon alone', 'daemon')],
  );
}

interface Table {
  readonly connections: number;
  readonly maps: number;
  readonly daemon: number;
}
