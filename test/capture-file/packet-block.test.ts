/** The block that is written in place is the one that encode-pcapng.ts makes, and says what it was given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeEnhancedPacket, encodeStatistics } from '../../src/capture-file/encode-pcapng.ts';
import { packetBlockBytes, writePacketBlock } from '../../src/capture-file/packet-block.ts';
import { NoteReader } from '../../src/capture-file/pcapng-notes.ts';

const blocks = fc.record({
  seconds: fc.nat({ max: 0xffffffff }),
  nanoseconds: fc.nat({ max: 999_999_999 }),
  originalLength: fc.nat({ max: 65_535 }),
  flags: fc.constantFrom(1, 2),
  data: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  comment: fc.string({ minLength: 1, maxLength: 60 }).map((text) => Buffer.from(text)),
});

test('blocks, with the same bytes as the other writer', () => {
  fc.assert(
    fc.property(blocks, fc.nat({ max: 9 }), (block, at) => {
      const into = Buffer.alloc(at + packetBlockBytes(block), 0xee);
      expect(writePacketBlock(into, at, block)).toBe(into.length);
      const comment = block.comment.toString('utf8');
      expect(into.subarray(at)).toEqual(encodeEnhancedPacket({ ...block, interface: 0, comment }));
      const [note] = new NoteReader().push(into.subarray(at));
      const time = BigInt(block.seconds) * 1_000_000_000n + BigInt(block.nanoseconds);
      expect(note).toEqual({ kind: 'packet', time, data: block.data, comment });
    }),
  );
});

test('statistics, in pieces', () => {
  const block = encodeStatistics({
    timeMs: 1_700_000_000_000,
    received: 2 ** 40,
    accepted: 7,
    dropped: 0,
    delivered: 3,
  });
  const reader = new NoteReader();
  const notes = [block.subarray(0, 13), block.subarray(13)].flatMap((piece) => [...reader.push(piece)]);
  expect(notes).toEqual([{ kind: 'statistics', received: 2 ** 40, accepted: 7, dropped: 0, delivered: 3 }]);
});
