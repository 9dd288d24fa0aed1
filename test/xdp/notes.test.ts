/** Settings as the next daemon finds them: whole, wherever the one that wrote them died. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SyncDaemon } from '../../src/service/model.ts';
import { DEFAULT_SETTINGS, SETTING_NAMES, SETTINGS, type Settings } from '../../src/service/settings.ts';
import { NOTES } from '../../src/xdp/layout.ts';
import { type Notes, readNotes, writeNotes } from '../../src/xdp/notes.ts';

const settings = fc
  .record(
    Object.fromEntries(SETTING_NAMES.map((name) => [name, fc.integer({ min: 0, max: SETTINGS[name].max })])),
  )
  .map((values) => ({ ...DEFAULT_SETTINGS, ...values }) as Settings);
const seconds = fc.integer({ min: 0, max: 2_678_400 });
const syncDaemon = (role: SyncDaemon['role']) =>
  fc.record({
    role: fc.constant(role),
    interface: fc.string({ minLength: 1, maxLength: 15 }),
    syncId: fc.nat(255),
    maxLengthBytes: fc.nat(65507),
    group: fc.constantFrom('224.0.0.81', 'ff02::81', ''),
    port: fc.nat(65535),
    ttl: fc.nat(255),
  });
const notes: fc.Arbitrary<Notes> = fc.record({
  timeouts: fc.record({ tcpSec: seconds, tcpFinSec: seconds, udpSec: seconds }),
  settings,
  syncDaemons: fc.oneof(fc.constant([]), fc.tuple(syncDaemon('master'), syncDaemon('backup'))),
});

test('what was written is read', () => {
  const memory = new Uint8Array(NOTES.bytes);
  fc.assert(
    fc.property(notes, (written) => {
      writeNotes(memory, written);
      expect(readNotes(memory)).toEqual(written);
    }),
  );
});

test('without a writer there is nothing to read', () => {
  expect(readNotes(new Uint8Array(NOTES.bytes))).toBeUndefined();
});

/** The memory after each store of a writer, which may be its last. */
function* memoriesOfWriting(before: Uint8Array, written: Notes): Generator<Uint8Array> {
  const after = before.slice();
  writeNotes(after, written);
  const partly = before.slice();
  const differing = [...after.keys()].filter((at) => after[at] !== before[at]);
  // The word that says which part is in force is written last, and in one store.
  const inForce = differing.filter((at) => at < NOTES.at.note0);
  for (const at of differing.filter((each) => each >= NOTES.at.note0)) {
    partly[at] = after[at]!;
    yield partly.slice();
  }
  for (const at of inForce) partly[at] = after[at]!;
  yield partly;
}

test('a writer that dies at any byte leaves what was there before, or what it wrote', () => {
  fc.assert(
    fc.property(notes, notes, notes, (first, second, third) => {
      const memory = new Uint8Array(NOTES.bytes);
      writeNotes(memory, first);
      writeNotes(memory, second);
      const found = [...memoriesOfWriting(memory, third)].map((partly) => JSON.stringify(readNotes(partly)));
      expect(found.pop()).toBe(JSON.stringify(third));
      expect(new Set(found)).toEqual(new Set(found.length === 0 ? [] : [JSON.stringify(second)]));
    }),
    { numRuns: 20 },
  );
});

test('who begins after a writer that died writes over what it left', () => {
  const memory = new Uint8Array(NOTES.bytes);
  const [first, second, third] = fc.sample(notes, { numRuns: 3, seed: 1 }) as [Notes, Notes, Notes];
  writeNotes(memory, first);
  const [partly] = memoriesOfWriting(memory, second);
  writeNotes(partly!, third);
  expect(readNotes(partly!)).toEqual(third);
});

test('the longest settings that there can be find room', () => {
  const longest = Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].max])) as Settings;
  const daemon = (role: SyncDaemon['role']): SyncDaemon => ({
    role,
    interface: '"'.repeat(15),
    syncId: 255,
    maxLengthBytes: 65507,
    group: 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255',
    port: 65535,
    ttl: 255,
  });
  const written: Notes = {
    timeouts: { tcpSec: 2_678_400, tcpFinSec: 2_678_400, udpSec: 2_678_400 },
    settings: longest,
    syncDaemons: [daemon('master'), daemon('backup')],
  };
  const memory = new Uint8Array(NOTES.bytes);
  writeNotes(memory, written);
  expect(readNotes(memory)).toEqual(written);
});

test('what finds no room is refused, and what was there before stays', () => {
  const memory = new Uint8Array(NOTES.bytes);
  const [small] = fc.sample(notes, { numRuns: 1, seed: 2 }) as [Notes];
  writeNotes(memory, small);
  const large = {
    ...small,
    syncDaemons: [{ ...small.syncDaemons[0], group: 'x'.repeat(3000) } as SyncDaemon],
  };
  expect(() => writeNotes(memory, large)).toThrow(RangeError);
  expect(readNotes(memory)).toEqual(small);
});
