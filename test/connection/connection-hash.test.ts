/** The hash against a plain model of it, and the model against the kernel's own vectors. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConnectionHash } from '../../src/connection/connection-hash.ts';
import { slowHalfSipHash } from '../helpers/slow-models.ts';

/** Of lib/test_siphash.c in Linux, test_vectors_hsiphash for 32 bits: lengths 0 … 21 of the bytes 0, 1, 2 … */
const KERNEL_VECTORS = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
  0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04, 0x8b31d501, 0x2b1cd04b,
  0x06712339, 0x522aca67, 0x911bb605, 0x90a65f0e,
];
const KERNEL_KEY = [0x03020100, 0x07060504] as const;

/** The words as bytes, little-endian, and three bytes: protocol, IP version, kind of key. */
function message(words: readonly number[], kind: number): Uint8Array {
  const bytes = new Uint8Array(4 * words.length + 3);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setInt32(4 * index, word, true);
  view.setUint16(4 * words.length, kind & 0xffff, true);
  view.setUint8(4 * words.length + 2, kind >> 16);
  return bytes;
}

describe('HalfSipHash-1-3', () => {
  test.each([...KERNEL_VECTORS.entries()])('model: %d bytes', (lengthBytes, hash) => {
    expect(
      slowHalfSipHash(
        Uint8Array.from({ length: lengthBytes }, (_, index) => index),
        KERNEL_KEY,
      ),
    ).toBe(hash);
  });

  test('of an IPv4 connection is the vector of 15 bytes, when its words are those bytes', () => {
    const hash = new ConnectionHash(...KERNEL_KEY).of4(0x03020100, 0x07060504, 0x0b0a0908, 0x0e0d0c);
    expect(hash >>> 0).toBe(KERNEL_VECTORS[15]);
  });

  const words = (count: number) => fc.array(fc.integer(), { minLength: count, maxLength: count });
  const key = fc.tuple(fc.integer(), fc.integer());
  const kind = fc
    .tuple(fc.constantFrom(6, 17, 132), fc.constantFrom(4, 6), fc.nat(2))
    .map(([protocol, version, keyKind]) => protocol | (version << 8) | (keyKind << 16));

  test('of4() is that of the model', () => {
    fc.assert(
      fc.property(key, words(3), kind, ([key0, key1], [client, virtual, ports], kindOf) => {
        const fast = new ConnectionHash(key0, key1).of4(client!, virtual!, ports!, kindOf);
        return fast >>> 0 === slowHalfSipHash(message([client!, virtual!, ports!], kindOf), [key0, key1]);
      }),
      { numRuns: 1000 },
    );
  });

  test('of6() is that of the model', () => {
    fc.assert(
      fc.property(key, words(9), kind, ([key0, key1], all, kindOf) => {
        const [a, b, c, d, e, f, g, h, ports] = all as [
          number,
          number,
          number,
          number,
          number,
          number,
          number,
          number,
          number,
        ];
        const fast = new ConnectionHash(key0, key1).of6(a, b, c, d, e, f, g, h, ports, kindOf);
        return fast >>> 0 === slowHalfSipHash(message(all, kindOf), [key0, key1]);
      }),
      { numRuns: 1000 },
    );
  });

  test('is a signed 32-bit number, and another one under another key', () => {
    const [a, b] = [new ConnectionHash(1, 2), new ConnectionHash(1, 3)].map((hash) => hash.of4(9, 8, 7, 6));
    expect(a).toBe(a! | 0);
    expect(a).not.toBe(b);
  });
});
