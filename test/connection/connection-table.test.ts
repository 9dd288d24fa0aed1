/** The table against one that is a Map: tiny, so that it is full and its probes collide all the time. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ConnectionFlag,
  ConnectionTable,
  connectionTableBytes,
  DEFAULT_CONNECTION_TABLE_SIZE,
  KeyKind,
  NO_CONNECTION,
  type TableMemory,
  tableMemoryIn,
} from '../../src/connection/connection-table.ts';
import { IpProtocol } from '../../src/wire/ipv4.ts';
import { Packet } from '../../src/wire/packet.ts';
import { keyOf, SlowConnectionTable } from '../helpers/slow-models.ts';

interface Ends {
  readonly version?: 4 | 6;
  readonly protocol?: number;
  readonly client?: readonly number[];
  readonly virtual?: readonly number[];
  readonly clientPort?: number;
  readonly virtualPort?: number;
}

function packetOf(ends: Ends): Packet {
  const {
    version = 4,
    protocol = IpProtocol.Tcp,
    client = [1],
    virtual = [2],
    clientPort = 1000,
    virtualPort = 80,
  } = ends;
  const packet = new Packet();
  const [client0 = 0, client1 = 0, client2 = 0, client3 = 0] = client;
  const [virtual0 = 0, virtual1 = 0, virtual2 = 0, virtual3 = 0] = virtual;
  return Object.assign(packet, {
    ipVersion: version,
    protocol,
    hasPorts: true,
    ...{
      client0,
      client1,
      client2,
      client3,
      virtual0,
      virtual1,
      virtual2,
      virtual3,
      clientPort,
      virtualPort,
    },
  });
}

/** The key of an entry, from what the table says of it. */
function keyOfEntry(table: ConnectionTable, entry: number): string {
  const four = (word: (entry: number, index: number) => number) =>
    [0, 1, 2, 3].map((index) => word(entry, index));
  return keyOf(
    packetOf({
      version: table.ipVersion(entry),
      protocol: table.protocol(entry),
      client: four((at, index) => table.clientWord(at, index)),
      virtual: four((at, index) => table.virtualWord(at, index)),
      clientPort: table.clientPort(entry),
      virtualPort: table.virtualPort(entry),
    }),
  );
}

const liveEntries = (table: ConnectionTable): number[] =>
  Array.from({ length: table.highestEntry }, (_, index) => index + 1).filter((entry) => table.isLive(entry));

/** Few different ones, so that they meet again. */
const someEnds: fc.Arbitrary<Ends> = fc.record({
  version: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom(IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Sctp),
  client: fc.constantFrom([1, 0, 0, 0], [-1, 0, 0, 0], [1, 0, 0, 5]),
  virtual: fc.constantFrom([2, 0, 0, 0], [2, 3, 0, 0]),
  clientPort: fc.constantFrom(0, 1, 80, 0x8000, 0xffff),
  virtualPort: fc.constantFrom(0, 80, 0xffff),
});
/** As decode() leaves the words of an IPv4 address. */
const normal = (ends: Ends): Ends =>
  ends.version === 6 ? ends : { ...ends, client: [ends.client![0]!], virtual: [ends.virtual![0]!] };

type Step = { readonly op: 'insert' | 'find' | 'remove'; readonly ends: Ends; readonly number: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    op: fc.constantFrom('insert', 'insert', 'find', 'remove'),
    ends: someEnds.map(normal),
    number: fc.nat(0xffff),
  }),
  { maxLength: 120 },
);

describe('ConnectionTable', () => {
  test('does what a Map does, whatever the order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.tuple(fc.integer(), fc.integer()),
        steps,
        (capacity, seed, all) => {
          const table = new ConnectionTable(capacity, seed);
          const model = new SlowConnectionTable(capacity);
          for (const step of all) runStep(table, model, step);
          const keys = liveEntries(table).map((entry) => keyOfEntry(table, entry));
          expect(keys.sort()).toEqual(model.keys());
        },
      ),
      { numRuns: 400 },
    );
  });

  function runStep(table: ConnectionTable, model: SlowConnectionTable, { op, ends, number }: Step): void {
    const packet = packetOf(ends);
    const found = table.find(packet);
    const expected = model.find(packet);
    const state =
      found === NO_CONNECTION ? undefined : { server: table.serverOf(found), expires: table.expires(found) };
    if (JSON.stringify(state) !== JSON.stringify(expected))
      throw new Error(`${keyOf(packet)} is not found as inserted`);
    if (op === 'insert' && expected === undefined) {
      const isInserted = table.insert(packet, number, number * 7) !== NO_CONNECTION;
      if (isInserted !== model.insert(packet, number, number * 7)) throw new Error('full at another moment');
    } else if (op === 'remove' && found !== NO_CONNECTION) {
      table.remove(found);
      model.remove(packet);
    }
    if (table.live !== model.live) throw new Error(`live is ${table.live}, not ${model.live}`);
  }

  test('is full at its capacity, and has room again for each that goes', () => {
    const table = new ConnectionTable(3, [1, 2]);
    const insert = (clientPort: number) => table.insert(packetOf({ clientPort }), 0, 0);
    const entries = [insert(1), insert(2), insert(3)];
    expect(entries).not.toContain(NO_CONNECTION);
    expect(insert(4)).toBe(NO_CONNECTION);
    expect(table.live).toBe(3);
    table.remove(entries[1]!);
    expect(insert(4)).not.toBe(NO_CONNECTION);
    expect(insert(5)).toBe(NO_CONNECTION);
    expect(table.highestEntry).toBe(3);
  });

  test('of one entry works', () => {
    const table = new ConnectionTable(1, [3, 4]);
    const entry = table.insert(packetOf({}), 5, 6);
    expect(table.find(packetOf({}))).toBe(entry);
    table.remove(entry);
    expect(table.find(packetOf({}))).toBe(NO_CONNECTION);
    expect(table.insert(packetOf({ clientPort: 9 }), 5, 6)).not.toBe(NO_CONNECTION);
  });

  test('finds all of 20,000 connections after half of them went', () => {
    const table = new ConnectionTable(20_000, [5, 6]);
    const packets = Array.from({ length: 20_000 }, (_, index) =>
      packetOf({ client: [(index * 2654435761) | 0], clientPort: index & 0xffff }),
    );
    for (const [index, packet] of packets.entries()) table.insert(packet, index, 0);
    for (const packet of packets.filter((_, index) => index % 2 === 0)) table.remove(table.find(packet));
    const wrong = packets.filter((packet, index) => {
      const entry = table.find(packet);
      return index % 2 === 0
        ? entry !== NO_CONNECTION
        : entry === NO_CONNECTION || table.serverOf(entry) !== index;
    });
    expect(wrong).toEqual([]);
    expect(table.live).toBe(10_000);
  });

  test.each<[string, Ends]>([
    ['client address', { client: [9] }],
    ['virtual address', { virtual: [9] }],
    ['client port', { clientPort: 80, virtualPort: 80 }],
    ['virtual port', { virtualPort: 1000 }],
    ['ports the other way round', { clientPort: 80, virtualPort: 1000 }],
    ['protocol', { protocol: IpProtocol.Udp }],
    ['IP version', { version: 6 }],
    ['last word of an IPv6 client', { version: 6, client: [1, 0, 0, 1] }],
    ['last word of an IPv6 virtual address', { version: 6, virtual: [2, 0, 0, 1] }],
  ])('takes connections that differ in their %s for different ones', (_name, ends) => {
    const table = new ConnectionTable(8, [1, 2]);
    const first = table.insert(packetOf({}), 1, 0);
    const sixth = table.insert(packetOf({ version: 6, clientPort: 77 }), 2, 0);
    expect(table.find(packetOf(ends))).toBe(NO_CONNECTION);
    const other = table.insert(packetOf(ends), 3, 0);
    expect(new Set([first, sixth, other]).size).toBe(3);
    expect(table.find(packetOf({}))).toBe(first);
    expect(table.find(packetOf(ends))).toBe(other);
  });

  test('keeps state, flags and time apart', () => {
    const table = new ConnectionTable(4, [1, 2]);
    const entry = table.insert(packetOf({}), 0xfffff, -5);
    expect([table.state(entry), table.hasFlag(entry, 0xffff00)]).toEqual([0, false]);
    table.setFlag(entry, ConnectionFlag.Inactive | ConnectionFlag.NoOutput);
    table.setState(entry, 10);
    table.setState(entry, 3);
    table.clearFlag(entry, ConnectionFlag.Inactive);
    table.setExpires(entry, 0x7fffffff);
    expect(table.state(entry)).toBe(3);
    expect(table.hasFlag(entry, ConnectionFlag.Inactive)).toBe(false);
    expect(table.hasFlag(entry, ConnectionFlag.NoOutput)).toBe(true);
    expect([table.serverOf(entry), table.expires(entry)]).toEqual([0xfffff, 0x7fffffff]);
  });

  test('an entry that is used again has nothing of the one before', () => {
    const table = new ConnectionTable(1, [1, 2]);
    const before = table.insert(packetOf({ version: 6, client: [1, 2, 3, 4] }), 7, 9);
    table.setState(before, 4);
    table.setFlag(before, ConnectionFlag.NoOutput);
    table.remove(before);
    const entry = table.insert(packetOf({}), 8, 1);
    expect([
      table.state(entry),
      table.hasFlag(entry, ConnectionFlag.NoOutput),
      table.clientWord(entry, 3),
    ]).toEqual([0, false, 0]);
    expect(table.ipVersion(entry)).toBe(4);
  });

  test('takes the memory that it states, 64 bytes and 8 to 16 for each connection, and no more as it fills', () => {
    for (const capacity of [1, 7, 8, 1000, 1024, 1025]) {
      const table = new ConnectionTable(capacity, [1, 2]);
      const taken = Object.values(table).reduce<number>(
        (sum, value) => sum + (value instanceof Int32Array ? value.byteLength : 0),
        0,
      );
      expect(taken, String(capacity)).toBe(connectionTableBytes(capacity));
    }
    const perEntry = (capacity: number) => (connectionTableBytes(capacity) - 64) / capacity;
    expect(perEntry(DEFAULT_CONNECTION_TABLE_SIZE)).toBe(72);
    expect(perEntry(DEFAULT_CONNECTION_TABLE_SIZE + 1)).toBeCloseTo(80, 3);
  });
});

describe('the memory of a table that outlives its process', () => {
  const CAPACITY = 12;
  const seed = [1, 2] as const;
  const memoryOf = (buffer: ArrayBuffer) => tableMemoryIn(buffer, 0, CAPACITY);
  const newBuffer = () => new ArrayBuffer(connectionTableBytes(CAPACITY));

  /** The process dies after so many writes. */
  function dyingAfter(writes: number, { index, entries }: TableMemory): TableMemory {
    let left = writes;
    const mortal = (array: Int32Array) =>
      new Proxy(array, {
        get: (target, key) => Reflect.get(target, key),
        set: (target, key, value) => {
          if (left-- <= 0) throw new Death();
          return Reflect.set(target, key, value);
        },
      });
    return { index: mortal(index), entries: mortal(entries) };
  }
  class Death extends Error {}

  test('is taken over whole, whatever the write at which that died', () => {
    fc.assert(
      fc.property(steps, fc.nat(800), (all, writes) => {
        const buffer = newBuffer();
        const model = new SlowConnectionTable(CAPACITY);
        const died = runUntilDeath(
          new ConnectionTable(CAPACITY, seed, dyingAfter(writes, memoryOf(buffer))),
          model,
          all,
        );
        const table = new ConnectionTable(CAPACITY, seed, memoryOf(buffer));
        table.recover(() => true);
        const keys = liveEntries(table).map((entry) => keyOfEntry(table, entry));
        const inDoubt = died === undefined ? undefined : keyOf(packetOf(died));
        const known = (key: string) => key !== inDoubt;
        expect(keys.filter(known).sort()).toEqual(model.keys().filter(known));
        expect(new Set(keys).size).toBe(keys.length);
        expect(table.live).toBe(keys.length);
        expectUsable(table);
      }),
      { numRuns: 500 },
    );
  });

  /** Returns whose step was not finished. */
  function runUntilDeath(table: ConnectionTable, model: SlowConnectionTable, all: Step[]): Ends | undefined {
    for (const { op, ends, number } of all) {
      const packet = packetOf(ends);
      try {
        const found = table.find(packet);
        if (op === 'insert' && found === NO_CONNECTION) {
          if (table.insert(packet, number, 0) !== NO_CONNECTION) model.insert(packet, number, 0);
        } else if (op === 'remove' && found !== NO_CONNECTION) {
          table.remove(found);
          model.remove(packet);
        }
      } catch (error) {
        if (error instanceof Death) return ends;
        throw error;
      }
    }
    return undefined;
  }

  /** Each is found, and there is room for just as many as are missing. */
  function expectUsable(table: ConnectionTable): void {
    let room = 0;
    while (table.insert(packetOf({ client: [1000 + room] }), 1, 0) !== NO_CONNECTION) room++;
    expect(table.live).toBe(CAPACITY);
    const entries = liveEntries(table);
    for (let more = 0; more < room; more++)
      expect(entries).toContain(table.find(packetOf({ client: [1000 + more] })));
    for (const entry of entries) table.remove(entry);
    expect(table.live).toBe(0);
  }

  test('what is not kept goes, and who depends on whom is counted anew', () => {
    const buffer = newBuffer();
    const before = new ConnectionTable(CAPACITY, seed, memoryOf(buffer));
    const template = before.insert(packetOf({ protocol: IpProtocol.Tcp | KeyKind.Template }), 1, 0);
    const gone = before.insert(packetOf({ protocol: IpProtocol.Udp | KeyKind.Template }), 2, 0);
    const dependents = [1, 2, 3].map((clientPort) => before.insert(packetOf({ clientPort }), 1, 0));
    before.dependOn(dependents[0]!, template);
    before.dependOn(dependents[1]!, template);
    before.dependOn(dependents[2]!, gone);
    before.dropDependent(template); // as if its process had died before it removed the entry
    const table = new ConnectionTable(CAPACITY, seed, memoryOf(buffer));
    table.recover((entry) => table.serverOf(entry) === 1);
    expect(table.isLive(gone)).toBe(false);
    expect(table.dependents(template)).toBe(2);
    expect(dependents.map((entry) => table.template(entry))).toEqual([template, template, NO_CONNECTION]);
  });
});
