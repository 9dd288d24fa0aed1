import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sipHash13 } from '../../src/schedule/siphash.ts';
import { kernelHash, sipHash } from './siphash-model.ts';

test('The model gives the test vectors of SipHash-2-4 (its paper, appendix A, and reference code)', () => {
  const rounds = { compression: 2, finalization: 4 };
  const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
  const message = (length: number) => Uint8Array.from({ length }, (_, index) => index);
  expect(sipHash(rounds, key, message(0))).toBe(0x726fdb47dd0e0e31n);
  expect(sipHash(rounds, key, message(15))).toBe(0xa129ca6149be45e5n);
});

const WORDS = [0, 1, -1, 0x7fffffff, 0x80000000, 0x0a0a0064, 0x0a0a0109 + 40001, 0xffffffff + 65535 + 4092];
const KEYS = [2654435761, 2654446892, 0, 0xffffffff];

test.each(KEYS)('Hashes like the model, key %i', (key) => {
  for (const word of WORDS) expect(sipHash13(word, key), `${word}`).toBe(kernelHash(word, key));
});

test('Hashes like the model', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(word, word, (value, key) => {
      expect(sipHash13(value, key)).toBe(kernelHash(value, key));
    }),
  );
});
