/**
 * What is remembered: a choice of server for each connection. Two typed arrays, made once, in memory that may outlive
 * the process:
 *
 *   index    Int32Array, a power of two at least twice the capacity. Linear probing. A bucket is 0 (empty) or
 *            an 8-bit tag of the hash and a 24-bit entry number, so that a probe that does not match seldom
 *            touches the entry.
 *   entries  Int32Array, 16 words (one cache line) for each connection:
 *
 *     0-3  client address        8   client port << 16 | virtual port   12  state | flags << 8 | packets << 24
 *     4-7  virtual address       9   protocol | version << 8 | …        13  hash
 *                                10  number of the real server          14  its template; of a template: its timeout
 *                                11  when it expires, ticks             15  of a template: how many depend on it;
 *                                                                           of a free entry: the next free one
 *
 * Entries are numbered from 1; 0 is no entry, and has the words of the whole table (Table). A process may die at any
 * moment and another go on with the memory: KIND is written last of a new entry, so that an entry is live only while it
 * is whole; and while index and entries do not fit together Table.Changing says so. Memory: 64 bytes for each entry of the capacity and 8 to 16 for its
 * buckets, taken when the table is made; the kernel gives the pages as they are first used.
 */
import type { Packet } from '../wire/packet.ts';
import { ConnectionHash } from './connection-hash.ts';

const ENTRY_WORDS = 16;
const PAGE_WORDS = 4096 / 4;
const CLIENT = 0;
const VIRTUAL = 4;
const PORTS = 8;
const KIND = 9;
const SERVER = 10;
const EXPIRES = 11;
const STATE_FLAGS = 12;
const HASH = 13;
const TEMPLATE = 14;
const TEMPLATE_TIMEOUT = 14;
const DEPENDENTS = 15;
const NEXT_FREE = 15;

const ENTRY_BITS = 24;
const ENTRY_MASK = (1 << ENTRY_BITS) - 1;
const STATE_MASK = 0xff;
const PACKETS_SHIFT = 24;
/** Packets are counted up to here: who looks at the count wants to know whether it is small. */
const MAX_PACKETS = 127;
/** In KIND, which no live entry has as 0. */
const FREE = 0;
/** Words of entry 0. */
const Table = {
  /** Entries above this number were never used. */
  Highest: 0,
  FirstFree: 1,
  Live: 2,
  Changing: 3,
} as const;

/**
 * Added to the protocol in a key of another kind, which no packet has: the template of persistence, and the datagram
 * that fragments belong to (its identification stands in the place of the ports).
 */
export const KeyKind = { Template: 1 << 16, Datagram: 2 << 16 } as const;

export const NO_CONNECTION = 0;
export const MAX_CONNECTIONS = ENTRY_MASK;
export const DEFAULT_CONNECTION_TABLE_SIZE = 2 ** 20;

/** Bits 8 and up of the state word. Names of linux/ip_vs.h, IP_VS_CONN_F_*. */
export const ConnectionFlag = {
  /** Counted inactive at its server. */
  Inactive: 0x100,
  /** No packet of the server passes here: the one-sided states hold. */
  NoOutput: 0x200,
} as const;

export const connectionTableBytes = (capacity: number): number =>
  (capacity + 1) * ENTRY_WORDS * 4 + indexSize(capacity) * 4;

function indexSize(capacity: number): number {
  let size = 16;
  while (size < 2 * capacity) size *= 2;
  return size;
}

/** Where a table lies. */
export interface TableMemory {
  readonly index: Int32Array;
  readonly entries: Int32Array;
}

/** The connectionTableBytes() from `byteOffset` on, which is a multiple of 64. */
export function tableMemoryIn(buffer: ArrayBuffer, byteOffset: number, capacity: number): TableMemory {
  const entryWords = (capacity + 1) * ENTRY_WORDS;
  return {
    entries: new Int32Array(buffer, byteOffset, entryWords),
    index: new Int32Array(buffer, byteOffset + 4 * entryWords, indexSize(capacity)),
  };
}

export class ConnectionTable {
  readonly capacity: number;
  private readonly index: Int32Array;
  private readonly mask: number;
  private readonly entries: Int32Array;
  private readonly hash: ConnectionHash;

  /** capacity: 1 … MAX_CONNECTIONS. seed: two random words, secret. `memory`: zeros, or recover() is called next. */
  constructor(
    capacity: number,
    seed: readonly [number, number],
    memory: TableMemory = tableMemoryIn(new ArrayBuffer(connectionTableBytes(capacity)), 0, capacity),
  ) {
    this.capacity = capacity;
    this.index = memory.index;
    this.mask = this.index.length - 1;
    this.entries = memory.entries;
    this.hash = new ConnectionHash(seed[0], seed[1]);
  }

  /**
   * Takes over what another process left in this memory, at whatever moment it ended. `keeps` is told of each entry;
   * false: it goes. The seed is the same as then.
   */
  recover(keeps: (entry: number) => boolean): void {
    const { entries } = this;
    if (entries[Table.Changing] !== 0) this.rebuild();
    let hasTemplates = false;
    for (let entry = this.highestEntry; entry > 0; entry--) {
      if (!this.isLive(entry)) continue;
      if (!keeps(entry)) this.remove(entry);
      else if (this.isTemplate(entry)) {
        hasTemplates = true;
        entries[entry * ENTRY_WORDS + DEPENDENTS] = 0;
      }
    }
    if (hasTemplates) this.countDependents();
  }

  /**
   * Reads a word of each page that recover() will: the kernel maps a page when it is first used, and that takes more
   * time than all else (2026-11, in a virtual machine: 200 of 230 ms for a million entries). Returns nothing of use.
   */
  touch(): number {
    const { entries } = this;
    let sum = 0;
    for (let at = 0; at < this.highestEntry * ENTRY_WORDS; at += PAGE_WORDS) sum ^= entries[at]!;
    return sum;
  }

  private countDependents(): void {
    for (let entry = this.highestEntry; entry > 0; entry--) {
      const template = this.isLive(entry) ? this.template(entry) : NO_CONNECTION;
      if (template === NO_CONNECTION) continue;
      if (template <= this.highestEntry && this.isLive(template) && this.isTemplate(template))
        this.entries[template * ENTRY_WORDS + DEPENDENTS]!++;
      else this.entries[entry * ENTRY_WORDS + TEMPLATE] = NO_CONNECTION;
    }
  }

  /** Index and list of free entries, from the entries. */
  private rebuild(): void {
    const { entries } = this;
    this.index.fill(0);
    entries[Table.Live] = entries[Table.FirstFree] = 0;
    for (let entry = this.highestEntry; entry > 0; entry--) {
      if (this.isLive(entry)) {
        this.addToIndex(entry, entries[entry * ENTRY_WORDS + HASH]!);
        entries[Table.Live]!++;
      } else this.giveBack(entry);
    }
    entries[Table.Changing] = 0;
  }

  get live(): number {
    return this.entries[Table.Live]!;
  }

  /** The connection of the packet, or NO_CONNECTION. The packet has ports. */
  find(packet: Packet): number {
    const { index, entries, mask } = this;
    const hash = this.hashOf(packet);
    const ports = (packet.clientPort << 16) | packet.virtualPort;
    const kind = kindOf(packet);
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const bucket = index[at]!;
      if (bucket === 0) return NO_CONNECTION;
      if ((bucket ^ hash) >>> ENTRY_BITS !== 0) continue;
      const entry = bucket & ENTRY_MASK;
      const base = entry * ENTRY_WORDS;
      if (
        entries[base + PORTS] === ports &&
        entries[base + CLIENT] === packet.client0 &&
        entries[base + VIRTUAL] === packet.virtual0 &&
        entries[base + KIND] === kind &&
        (packet.ipVersion === 4 || this.hasAddresses6(base, packet))
      ) {
        return entry;
      }
    }
  }

  /** Remembers the packet's connection, in state 0 without flags. NO_CONNECTION: the table is full. */
  insert(packet: Packet, server: number, expires: number): number {
    const { entries } = this;
    entries[Table.Changing] = 1;
    const entry = this.takeFree();
    if (entry === NO_CONNECTION) {
      entries[Table.Changing] = 0;
      return NO_CONNECTION;
    }
    const base = entry * ENTRY_WORDS;
    entries[base + CLIENT] = packet.client0;
    entries[base + CLIENT + 1] = packet.client1;
    entries[base + CLIENT + 2] = packet.client2;
    entries[base + CLIENT + 3] = packet.client3;
    entries[base + VIRTUAL] = packet.virtual0;
    entries[base + VIRTUAL + 1] = packet.virtual1;
    entries[base + VIRTUAL + 2] = packet.virtual2;
    entries[base + VIRTUAL + 3] = packet.virtual3;
    entries[base + PORTS] = (packet.clientPort << 16) | packet.virtualPort;
    entries[base + SERVER] = server;
    entries[base + EXPIRES] = expires;
    entries[base + STATE_FLAGS] = 0;
    entries[base + TEMPLATE] = 0;
    entries[base + DEPENDENTS] = 0;
    const hash = this.hashOf(packet);
    entries[base + HASH] = hash;
    entries[base + KIND] = kindOf(packet);
    this.addToIndex(entry, hash);
    entries[Table.Live]!++;
    entries[Table.Changing] = 0;
    return entry;
  }

  /**
   * A connection or template of another table, with its state; what depends on what is for dependOn() to say. One of
   * the same key that is here already stands for it. `expires` in ticks, by the clock of this table; `key` is
   * overwritten. NO_CONNECTION: the table is full.
   */
  insertCopy(from: ConnectionTable, entry: number, server: number, expires: number, key: Packet): number {
    from.readKey(entry, key);
    const known = this.find(key);
    if (known !== NO_CONNECTION) return known;
    const copy = this.insert(key, server, expires);
    if (copy === NO_CONNECTION) return NO_CONNECTION;
    const base = copy * ENTRY_WORDS;
    this.entries[base + STATE_FLAGS] = from.entries[entry * ENTRY_WORDS + STATE_FLAGS]!;
    if (this.isTemplate(copy)) this.setTemplateTimeout(copy, from.templateTimeout(entry));
    return copy;
  }

  private readKey(entry: number, key: Packet): void {
    const kind = this.entries[entry * ENTRY_WORDS + KIND]!;
    key.ipVersion = this.ipVersion(entry);
    key.protocol = kind & ~0xff00;
    key.client0 = this.clientWord(entry, 0);
    key.client1 = this.clientWord(entry, 1);
    key.client2 = this.clientWord(entry, 2);
    key.client3 = this.clientWord(entry, 3);
    key.virtual0 = this.virtualWord(entry, 0);
    key.virtual1 = this.virtualWord(entry, 1);
    key.virtual2 = this.virtualWord(entry, 2);
    key.virtual3 = this.virtualWord(entry, 3);
    key.clientPort = this.clientPort(entry);
    key.virtualPort = this.virtualPort(entry);
  }

  remove(entry: number): void {
    const { entries } = this;
    entries[Table.Changing] = 1;
    this.removeFromIndex(entry, entries[entry * ENTRY_WORDS + HASH]!);
    this.giveBack(entry);
    entries[Table.Live]!--;
    entries[Table.Changing] = 0;
  }

  get isFull(): boolean {
    return this.live === this.capacity;
  }

  /** How many more there is room for. */
  get free(): number {
    return this.capacity - this.live;
  }

  serverOf(entry: number): number {
    return this.entries[entry * ENTRY_WORDS + SERVER]!;
  }

  state(entry: number): number {
    return this.entries[entry * ENTRY_WORDS + STATE_FLAGS]! & STATE_MASK;
  }

  setState(entry: number, state: number): void {
    const at = entry * ENTRY_WORDS + STATE_FLAGS;
    this.entries[at] = (this.entries[at]! & ~STATE_MASK) | state;
  }

  hasFlag(entry: number, flag: number): boolean {
    return (this.entries[entry * ENTRY_WORDS + STATE_FLAGS]! & flag) !== 0;
  }

  setFlag(entry: number, flag: number): void {
    this.entries[entry * ENTRY_WORDS + STATE_FLAGS]! |= flag;
  }

  clearFlag(entry: number, flag: number): void {
    this.entries[entry * ENTRY_WORDS + STATE_FLAGS]! &= ~flag;
  }

  countPacket(entry: number): void {
    const at = entry * ENTRY_WORDS + STATE_FLAGS;
    const word = this.entries[at]!;
    if (word >>> PACKETS_SHIFT < MAX_PACKETS) this.entries[at] = word + (1 << PACKETS_SHIFT);
  }

  /** From the client, up to 127. */
  packets(entry: number): number {
    return this.entries[entry * ENTRY_WORDS + STATE_FLAGS]! >>> PACKETS_SHIFT;
  }

  expires(entry: number): number {
    return this.entries[entry * ENTRY_WORDS + EXPIRES]!;
  }

  setExpires(entry: number, ticks: number): void {
    this.entries[entry * ENTRY_WORDS + EXPIRES] = ticks;
  }

  /** The template that the connection was made from, or NO_CONNECTION. */
  template(entry: number): number {
    return this.isTemplate(entry) ? NO_CONNECTION : this.entries[entry * ENTRY_WORDS + TEMPLATE]!;
  }

  /** `entry` goes where `template` says from now on. */
  dependOn(entry: number, template: number): void {
    this.entries[entry * ENTRY_WORDS + TEMPLATE] = template;
    this.entries[template * ENTRY_WORDS + DEPENDENTS]!++;
  }

  /** Before the entry of a connection that depends on `template` is removed. */
  dropDependent(template: number): void {
    this.entries[template * ENTRY_WORDS + DEPENDENTS]!--;
  }

  /** How many connections depend on a template. */
  dependents(template: number): number {
    return this.entries[template * ENTRY_WORDS + DEPENDENTS]!;
  }

  /** For who makes a copy of a template without those that depend on it. */
  setDependents(template: number, count: number): void {
    this.entries[template * ENTRY_WORDS + DEPENDENTS] = count;
  }

  isTemplate(entry: number): boolean {
    return (this.entries[entry * ENTRY_WORDS + KIND]! & KeyKind.Template) !== 0;
  }

  /** Ticks that a template lives after each use. */
  templateTimeout(template: number): number {
    return this.entries[template * ENTRY_WORDS + TEMPLATE_TIMEOUT]!;
  }

  setTemplateTimeout(template: number, ticks: number): void {
    this.entries[template * ENTRY_WORDS + TEMPLATE_TIMEOUT] = ticks;
  }

  /** Files the entry under other ports; its addresses and kind stay. */
  setPorts(entry: number, clientPort: number, virtualPort: number): void {
    const { entries } = this;
    const base = entry * ENTRY_WORDS;
    entries[Table.Changing] = 1;
    this.removeFromIndex(entry, entries[base + HASH]!);
    const ports = (clientPort << 16) | virtualPort;
    entries[base + PORTS] = ports;
    const hash = this.hashOfEntry(base, ports);
    entries[base + HASH] = hash;
    this.addToIndex(entry, hash);
    entries[Table.Changing] = 0;
  }

  protocol(entry: number): number {
    return this.entries[entry * ENTRY_WORDS + KIND]! & 0xff;
  }

  ipVersion(entry: number): 4 | 6 {
    return ((this.entries[entry * ENTRY_WORDS + KIND]! >>> 8) & 0xff) === 6 ? 6 : 4;
  }

  /** Word 0 … 3 of the client's address. */
  clientWord(entry: number, word: number): number {
    return this.entries[entry * ENTRY_WORDS + CLIENT + word]!;
  }

  virtualWord(entry: number, word: number): number {
    return this.entries[entry * ENTRY_WORDS + VIRTUAL + word]!;
  }

  clientPort(entry: number): number {
    return this.entries[entry * ENTRY_WORDS + PORTS]! >>> 16;
  }

  virtualPort(entry: number): number {
    return this.entries[entry * ENTRY_WORDS + PORTS]! & 0xffff;
  }

  isLive(entry: number): boolean {
    return this.entries[entry * ENTRY_WORDS + KIND] !== FREE;
  }

  /** Every live entry is in 1 … highestEntry. */
  get highestEntry(): number {
    return this.entries[Table.Highest]!;
  }

  private takeFree(): number {
    const { entries } = this;
    const entry = entries[Table.FirstFree]!;
    if (entry !== 0) {
      entries[Table.FirstFree] = entries[entry * ENTRY_WORDS + NEXT_FREE]!;
      return entry;
    }
    return entries[Table.Highest]! < this.capacity ? ++entries[Table.Highest]! : NO_CONNECTION;
  }

  private giveBack(entry: number): void {
    const { entries } = this;
    const base = entry * ENTRY_WORDS;
    entries[base + KIND] = FREE;
    entries[base + NEXT_FREE] = entries[Table.FirstFree]!;
    entries[Table.FirstFree] = entry;
  }

  private addToIndex(entry: number, hash: number): void {
    const { index, mask } = this;
    let at = hash & mask;
    while (index[at] !== 0) at = (at + 1) & mask;
    index[at] = (hash & ~ENTRY_MASK) | entry;
  }

  /** Closes the gap by moving back what probing passed over it (Knuth, TAOCP vol. 3, algorithm 6.4 R). */
  private removeFromIndex(entry: number, hash: number): void {
    const { index, mask, entries } = this;
    let gap = hash & mask;
    while ((index[gap]! & ENTRY_MASK) !== entry) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = entries[(index[at]! & ENTRY_MASK) * ENTRY_WORDS + HASH]! & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      index[gap] = index[at]!;
      gap = at;
    }
    index[gap] = 0;
  }

  private hasAddresses6(base: number, packet: Packet): boolean {
    const { entries } = this;
    return (
      entries[base + CLIENT + 1] === packet.client1 &&
      entries[base + CLIENT + 2] === packet.client2 &&
      entries[base + CLIENT + 3] === packet.client3 &&
      entries[base + VIRTUAL + 1] === packet.virtual1 &&
      entries[base + VIRTUAL + 2] === packet.virtual2 &&
      entries[base + VIRTUAL + 3] === packet.virtual3
    );
  }

  private hashOfEntry(base: number, ports: number): number {
    const { entries, hash } = this;
    const kind = entries[base + KIND]!;
    const word = (index: number) => entries[base + index]!;
    if (((kind >>> 8) & 0xff) === 4) return hash.of4(word(CLIENT), word(VIRTUAL), ports, kind);
    return hash.of6(word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7), ports, kind);
  }

  /** Under a secret key: nobody can choose it. */
  hashOf(packet: Packet): number {
    const ports = (packet.clientPort << 16) | packet.virtualPort;
    const kind = kindOf(packet);
    if (packet.ipVersion === 4) return this.hash.of4(packet.client0, packet.virtual0, ports, kind);
    return this.hash.of6(
      packet.client0,
      packet.client1,
      packet.client2,
      packet.client3,
      packet.virtual0,
      packet.virtual1,
      packet.virtual2,
      packet.virtual3,
      ports,
      kind,
    );
  }
}

const kindOf = (packet: Packet): number => packet.protocol | (packet.ipVersion << 8);
