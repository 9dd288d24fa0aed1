/** A connection or template by its key in the program's tables, as native/bpf/connection.h finds it, and room for one. */
import { isHalfOpen } from '../datapath/room.ts';
import type { Packet } from '../wire/packet.ts';
import {
  BUCKETS_PER_GROUP,
  CONFIG,
  CONNECTION,
  CONNECTION4,
  CONNECTION6,
  dependentsIn,
  GROUP_LINE,
  GROUP_SPILLS,
  GROUPS,
  Kind,
  LinkBits,
  StateBits,
  WAYS,
} from './layout.ts';
import { Memory } from './memory.ts';
import type { Program } from './program.ts';

const HASH_BITS = (1n << 64n) - 1n;
const GOLDEN = 0x9e3779b97f4a7c15n;

export interface Home {
  readonly first: number;
  readonly second: number;
}

/** What a look-up is by. `kind`: protocol, and whether it is a template. */
export interface Key
  extends Pick<
    Packet,
    | 'ipVersion'
    | 'client0'
    | 'client1'
    | 'client2'
    | 'client3'
    | 'virtual0'
    | 'virtual1'
    | 'virtual2'
    | 'virtual3'
    | 'clientPort'
    | 'virtualPort'
  > {
  readonly kind: number;
}

/** Both tables, read as they are. */
export class ConnectionSearch {
  private readonly program: Program;
  private readonly groups: Readonly<Record<4 | 6, Memory>>;

  constructor(program: Program) {
    this.program = program;
    this.groups = {
      4: new Memory(program.object.map('groups4'), GROUP_LINE.bytes),
      6: new Memory(program.object.map('groups6'), GROUP_LINE.bytes),
    };
  }

  /** Its slot; undefined: there is none. */
  find(key: Key): number | undefined {
    const version = versionOf(key);
    const home = this.homeOf(key);
    const found = this.findIn(key, home.first, key.kind);
    if (found !== undefined || !this.hasSpilled(version, home.first)) return found;
    return this.findIn(key, home.second, key.kind | Kind.Spilled);
  }

  /** Whether something new with this key finds a place: native/bpf/room.h, slot_with_room(). */
  hasRoom(key: Key, now: number): boolean {
    const version = versionOf(key);
    const { first, second } = this.homeOf(key);
    const slots = [first, second].flatMap((bucket) =>
      Array.from({ length: WAYS }, (_, way) => bucket * WAYS + way),
    );
    return slots.some((slot) => this.isRoom(version, slot, now));
  }

  /** A word of the connection in a slot, unsigned. */
  field(version: 4 | 6, slot: number, name: keyof typeof CONNECTION.at): number {
    const [memory, at] = this.table(version);
    return memory.get32(slot, at.connection + CONNECTION.at[name]);
  }

  words(version: 4 | 6, slot: number, side: 'client' | 'virtual'): [number, number, number, number] {
    const [memory, at] = this.table(version);
    return version === 6 ? memory.words(slot, at[side]) : [memory.get32(slot, at[side]) | 0, 0, 0, 0];
  }

  private table(version: 4 | 6): [Memory, typeof CONNECTION4.at] {
    const { connections4, connections6 } = this.program;
    return version === 4 ? [connections4, CONNECTION4.at] : [connections6, CONNECTION6.at];
  }

  private findIn(key: Key, bucket: number, kind: number): number | undefined {
    const version = versionOf(key);
    for (let slot = bucket * WAYS; slot < (bucket + 1) * WAYS; slot++) {
      if (this.field(version, slot, 'kind') !== kind >>> 0) continue;
      if (this.field(version, slot, 'ports') !== portsOf(key)) continue;
      if (
        isSame(this.words(version, slot, 'client'), clientOf(key)) &&
        isSame(this.words(version, slot, 'virtual'), virtualOf(key))
      )
        return slot;
    }
    return undefined;
  }

  private hasSpilled(version: 4 | 6, bucket: number): boolean {
    const group = Math.floor(bucket / BUCKETS_PER_GROUP);
    const word = this.groups[version].get32(
      Math.floor(group / GROUPS),
      GROUP_LINE.at.word + 4 * (group % GROUPS),
    );
    return (word & GROUP_SPILLS) !== 0;
  }

  private homeOf(key: Key): Home {
    const version = versionOf(key);
    const seed = (word: number) => this.program.config.get64(0, CONFIG.at.seed + 8 * word);
    const [memory] = this.table(version);
    const mask = memory.count / WAYS - 1;
    const term = (word: number, value: number) => seed(word) * BigInt(value >>> 0);
    const ends = version === 4 ? [key.client0, key.virtual0] : [...clientOf(key), ...virtualOf(key)];
    const values = [...ends, portsOf(key), key.kind];
    const sum = values.reduce((total, value, word) => total + term(word, value), seed(values.length));
    return spread(sum & HASH_BITS, mask);
  }

  private isRoom(version: 4 | 6, slot: number, now: number): boolean {
    const kind = this.field(version, slot, 'kind');
    if (kind === 0) return true;
    if ((kind & Kind.Live) === 0) return false;
    const state = this.field(version, slot, 'state');
    const link = this.field(version, slot, 'link');
    const isTemplate = (kind & Kind.Template) !== 0;
    const isExpired = ((this.field(version, slot, 'expires') - now) | 0) <= 0;
    if (isTemplate) {
      const count = dependentsIn(link);
      const goesAlong = count === 1 && (link & LinkBits.IsSole) !== 0;
      return count === 0
        ? isExpired || (state & StateBits.State) === 0
        : goesAlong && (state & StateBits.State) === 0;
    }
    const packets = (state >>> StateBits.CountShift) & StateBits.CountMask;
    const hasSeenOutput = (state & StateBits.NoOutput) === 0;
    return isExpired || isHalfOpen(kind & 0xff, state & StateBits.State, packets, hasSeenOutput);
  }
}

function spread(sum: bigint, mask: number): Home {
  const hash = ((sum ^ (sum >> 32n)) * GOLDEN) & HASH_BITS;
  const first = Number((hash >> 40n) & BigInt(mask));
  const second = Number((hash >> 8n) & BigInt(mask));
  return { first, second: second === first ? first ^ (mask & 1) : second };
}

const versionOf = ({ ipVersion }: Key): 4 | 6 => (ipVersion === 6 ? 6 : 4);
const portsOf = ({ clientPort, virtualPort }: Key): number => ((clientPort << 16) | virtualPort) >>> 0;
const clientOf = ({ client0, client1, client2, client3 }: Key) => [client0, client1, client2, client3];
const virtualOf = ({ virtual0, virtual1, virtual2, virtual3 }: Key) => [
  virtual0,
  virtual1,
  virtual2,
  virtual3,
];
const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((word, index) => word === b[index]);
