/**
 * The schedulers by the book: slow, close to the words of the kernel's sources, and written without a look at ours.
 * They read the same servers. Lists begin with the server that was added last.
 */
import type { ServerAddress } from '../../src/service/model.ts';
import { ipv4Bytes, ipv6Bytes } from '../helpers/frame-builder.ts';
import { kernelHash as slowKernelHash } from './siphash-model.ts';

/** What a scheduler knows of a server. Our RealServer is one, and the servers of test/model are. */
export interface ServerView {
  readonly address: ServerAddress;
  readonly weight: number;
  readonly lastWeight: number;
  readonly isOverloaded: boolean;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
}

export interface Request {
  /** The address as the hashing schedulers fold it, and the port. */
  readonly client: number;
  readonly clientPort: number;
  readonly virtual: number;
  readonly now: number;
}

export interface Model {
  choose(list: readonly ServerView[], request: Request): ServerView | undefined;
  changed?(list: readonly ServerView[], before: readonly ServerView[]): void;
}

const isAvailable = (server: ServerView): boolean => server.weight > 0 && !server.isOverloaded;
const load = (server: ServerView): number =>
  256 * server.activeConnections + server.activeConnections + server.inactiveConnections;

/** The server with the least score for its weight. */
function least(list: readonly ServerView[], score: (server: ServerView) => number): ServerView | undefined {
  const sorted = list.filter(isAvailable).sort((a, b) => {
    const difference = BigInt(score(a)) * BigInt(b.weight) - BigInt(score(b)) * BigInt(a.weight);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  });
  return sorted[0];
}

const byScore = (score: (server: ServerView) => number): Model => ({ choose: (list) => least(list, score) });

const highestWeight = (list: readonly ServerView[]): ServerView | undefined =>
  [...list].sort((a, b) => b.weight - a.weight)[0];

/** Its place is a server, or the head of the list. */
function roundRobin(): Model {
  let place: ServerView | undefined;
  return {
    choose(list) {
      const at = place === undefined ? -1 : list.indexOf(place);
      const found = [...list.slice(at + 1), ...list.slice(0, at + 1)].find(isAvailable);
      place = found ?? place;
      return found;
    },
    changed(list, before) {
      while (place !== undefined && !list.includes(place)) place = before[before.indexOf(place) - 1];
    },
  };
}

function divisorOf(weights: readonly number[]): number {
  const smallest = Math.min(...weights);
  for (let divisor = smallest; divisor > 1; divisor--) {
    if (weights.every((weight) => weight % divisor === 0)) return divisor;
  }
  return 1;
}

/** ip_vs_wrr_schedule(), its `goto`s as returns. */
function weightedRoundRobin(): Model {
  let cl: ServerView | 'head' = 'head';
  let cw = 0;
  let mw = 0;
  let di = 1;
  return {
    choose(list) {
      if (mw === 0) return undefined;
      const last = cl;
      let stop: ServerView | undefined;
      let lastPass = false;
      let restarted = false;
      let rest = last === 'head' ? list : list.slice(list.indexOf(last) + 1);
      for (;;) {
        for (const dest of rest) {
          if (!dest.isOverloaded && dest.weight >= cw) {
            cl = dest;
            return dest;
          }
          if (dest === stop) {
            cl = dest;
            return undefined;
          }
        }
        rest = list;
        cw -= di;
        if (cw <= 0) {
          cw = mw;
          if (lastPass || last === 'head') {
            cl = 'head';
            return undefined;
          }
          restarted = true;
        }
        lastPass = cw <= di;
        if (lastPass && restarted && last !== 'head') stop = last;
      }
    },
    changed(list) {
      const weights = list.map((server) => server.weight).filter((weight) => weight > 0);
      cl = 'head';
      di = weights.length > 0 ? divisorOf(weights) : 1;
      mw = weights.length > 0 ? Math.max(...weights) - (di - 1) : 0;
      if (cw > mw || cw === 0) cw = mw;
      else if (di > 1) cw = Math.floor(cw / di) * di + 1;
    },
  };
}

function neverQueue(): Model {
  return {
    choose: (list) =>
      list.filter(isAvailable).find((server) => server.activeConnections === 0) ??
      least(list, (server) => server.activeConnections + 1),
  };
}

const overflow: Model = {
  choose: (list) =>
    highestWeight(list.filter((server) => isAvailable(server) && server.activeConnections <= server.weight)),
};

const hash8 = (word: number): number => Number(((BigInt(word >>> 0) * 0x61c88647n) & 0xffffffffn) >> 24n);

/** 256 buckets: server after server, each for as many as `run` says. */
function buckets(list: readonly ServerView[], run: (server: ServerView) => number): ServerView[] {
  const filled: ServerView[] = [];
  if (list.length === 0) return filled;
  for (let place = 0, taken = 0; filled.length < 256; ) {
    const server = list[place % list.length]!;
    filled.push(server);
    if (++taken >= run(server)) {
      place++;
      taken = 0;
    }
  }
  return filled;
}

const ifAvailable = (server: ServerView | undefined): ServerView | undefined =>
  server !== undefined && isAvailable(server) ? server : undefined;

const destinationHashing: Model = {
  choose: (list, { virtual }) => ifAvailable(buckets(list, () => 1)[hash8(virtual)]),
};

function sourceHashing(fallback: boolean, port: boolean): Model {
  return {
    choose(list, { client, clientPort }) {
      const table = buckets(list, (server) => server.weight);
      const key = hash8(client + (port ? clientPort : 0));
      const home = table[key];
      if (home === undefined || isAvailable(home) || !fallback) return ifAvailable(home);
      for (let offset = 0; offset < 256; offset++) {
        const roffset = (offset + key) % 256;
        const server = table[(roffset + key) & 255]!;
        if (isAvailable(server)) return server;
      }
      return undefined;
    },
  };
}

const N = 4093;
const KEY1 = 2654435761;
const KEY2 = 2654446892;

const hashed = new Map<number, Map<number, number>>([
  [KEY1, new Map()],
  [KEY2, new Map()],
]);

/** Remembered, since with BigInt it takes its time. */
function kernelHash(word: number, key: number): number {
  const known = hashed.get(key)!;
  const hash = known.get(word) ?? slowKernelHash(word, key);
  known.set(word, hash);
  return hash;
}

/** As hashes take an address: one word, signed; of IPv6 the four words by XOR. */
export function foldedAddress(address: string): number {
  const known = folded.get(address);
  if (known !== undefined) return known;
  const bytes = address.includes(':') ? ipv6Bytes(address) : ipv4Bytes(address);
  const view = new DataView(bytes.buffer);
  let word = 0;
  for (let at = 0; at < bytes.length; at += 4) word ^= view.getInt32(at);
  folded.set(address, word);
  return word;
}

const folded = new Map<string, number>();

function maglev(fallback: boolean, port: boolean): Model {
  let table: ServerView[] | undefined;
  const slot = (word: number): number => kernelHash(word >>> 0, KEY1) % N;
  return {
    choose(list, request) {
      table ??= maglevTable(list);
      const word = request.client + (port ? request.clientPort : 0);
      const first = slot(word);
      const home = table[first];
      if (home === undefined || isAvailable(home) || !fallback) return ifAvailable(home);
      for (let offset = 0; offset < N; offset++) {
        const server = table[slot(word + ((offset + first) % N))]!;
        if (isAvailable(server)) return server;
      }
      return undefined;
    },
    changed() {
      table = undefined;
    },
  };
}

function maglevTable(list: readonly ServerView[]): ServerView[] {
  const table: ServerView[] = [];
  const weights = list.map((server) => server.lastWeight).filter((weight) => weight > 0);
  if (weights.length === 0) return table;
  const g = divisorOf(weights);
  const bits = Math.floor(Math.log2(Math.max(...weights) / g)) + 1;
  const shift = Math.max(0, bits - 6);
  const setups = list.map((server) => {
    const word = foldedAddress(server.address.address);
    const offset = kernelHash((word + server.address.port) >>> 0, KEY1) % N;
    const skip = (kernelHash((word + server.address.port) >>> 0, KEY2) % (N - 1)) + 1;
    const turns = server.lastWeight === 0 ? 0 : Math.max(1, Math.floor(server.lastWeight / g / 2 ** shift));
    return { server, turns, slots: Array.from({ length: N }, (_, j) => (offset + j * skip) % N) };
  });
  for (let filled = 0; ; ) {
    for (const { server, turns, slots } of setups) {
      for (let turn = 0; turn < turns; turn++) {
        while (table[slots[0]!] !== undefined) slots.shift();
        table[slots[0]!] = server;
        if (++filled === N) return table;
      }
    }
  }
}

const isBusy = (server: ServerView, list: readonly ServerView[]): boolean =>
  server.activeConnections > server.weight &&
  list.some((other) => other.activeConnections * 2 < other.weight);

const DAY = 24 * 60 * 60 * 100;

function localityBased(): Model {
  const cache = new Map<number, { server: ServerView; lastUsed: number }>();
  return {
    choose(list, { virtual, now }) {
      const cached = cache.get(virtual);
      cache.delete(virtual);
      if (cached !== undefined && now - cached.lastUsed < DAY) {
        cache.set(virtual, { server: cached.server, lastUsed: now });
        const { server } = cached;
        if (list.includes(server) && server.weight > 0 && !isBusy(server, list)) return server;
      }
      const server = least(list, load);
      if (server === undefined) return undefined;
      cache.set(virtual, { server, lastUsed: now });
      return server;
    },
  };
}

function replicated(): Model {
  const cache = new Map<number, { set: ServerView[]; lastUsed: number; lastChanged: number }>();
  return {
    choose(list, { virtual, now }) {
      let cached = cache.get(virtual);
      if (cached !== undefined && now - cached.lastUsed >= DAY) {
        cache.delete(virtual);
        cached = undefined;
      }
      if (cached !== undefined) {
        cached.lastUsed = now;
        const member = least(
          cached.set.filter((server) => list.includes(server)),
          load,
        );
        if (cached.set.length > 1 && now > cached.lastChanged + DAY) {
          const most = mostLoaded(cached.set);
          if (most !== undefined) {
            cached.set = cached.set.filter((server) => server !== most);
            cached.lastChanged = now;
          }
        }
        if (member !== undefined && !isBusy(member, list)) return member;
      }
      const server = least(list, load);
      if (server === undefined) return undefined;
      if (cached === undefined) cache.set(virtual, { set: [server], lastUsed: now, lastChanged: now });
      else if (!cached.set.includes(server)) {
        cached.set.unshift(server);
        cached.lastChanged = now;
      }
      return server;
    },
  };
}

function mostLoaded(set: readonly ServerView[]): ServerView | undefined {
  const weighted = set.filter((server) => server.weight > 0);
  return weighted.find((server) =>
    weighted.every(
      (other) => BigInt(load(server)) * BigInt(other.weight) >= BigInt(load(other)) * BigInt(server.weight),
    ),
  );
}

/** By scheduler and flags: 8 fallback, 16 port. */
export const models: readonly {
  readonly name: string;
  readonly flags: number;
  readonly create: () => Model;
}[] = [
  { name: 'rr', flags: 0, create: roundRobin },
  { name: 'wrr', flags: 0, create: weightedRoundRobin },
  { name: 'lc', flags: 0, create: () => ({ choose: (list) => leastUnweighted(list) }) },
  { name: 'wlc', flags: 0, create: () => byScore(load) },
  { name: 'sed', flags: 0, create: () => byScore((server) => server.activeConnections + 1) },
  { name: 'nq', flags: 0, create: neverQueue },
  { name: 'fo', flags: 0, create: () => ({ choose: (list) => highestWeight(list.filter(isAvailable)) }) },
  { name: 'ovf', flags: 0, create: () => overflow },
  { name: 'dh', flags: 0, create: () => destinationHashing },
  ...[0, 8, 16, 24].flatMap((flags) => [
    { name: 'sh', flags, create: () => sourceHashing((flags & 8) !== 0, (flags & 16) !== 0) },
    { name: 'mh', flags, create: () => maglev((flags & 8) !== 0, (flags & 16) !== 0) },
  ]),
  { name: 'lblc', flags: 0, create: localityBased },
  { name: 'lblcr', flags: 0, create: replicated },
];

function leastUnweighted(list: readonly ServerView[]): ServerView | undefined {
  return list.filter(isAvailable).sort((a, b) => load(a) - load(b))[0];
}
