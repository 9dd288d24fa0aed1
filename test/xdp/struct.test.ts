/** Layouts against the rules of C, worked out the slow way: a field at a time, from the first byte on. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Field, struct, U8, U16, U32, U64 } from '../../src/xdp/struct.ts';

const width = fc.constantFrom(U8, U16, U32, U64);
const row = fc.tuple(width, fc.integer({ min: 1, max: 5 }));
const plain = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.oneof(width, row), {
  minKeys: 1,
  maxKeys: 8,
});

test('each field begins at the next multiple of its width, and the whole is a multiple of the widest', () => {
  fc.assert(
    fc.property(plain, (fields) => {
      const laidOut = struct(fields);
      let at = 0;
      let widest = 1;
      for (const [name, field] of Object.entries(fields)) {
        const [each, count] = typeof field === 'number' ? [field, 1] : field;
        while (at % each !== 0) at++;
        expect(laidOut.at[name]).toBe(at);
        at += each * count;
        widest = Math.max(widest, each);
      }
      while (at % widest !== 0) at++;
      expect(laidOut).toMatchObject({ bytes: at, alignment: widest });
    }),
  );
});

test('a struct in a struct is aligned as its widest field', () => {
  const inner = struct({ byte: U8, word: U32 });
  const fields: Readonly<Record<string, Field>> = { first: U8, inner, last: U8 };
  expect(struct(fields)).toEqual({ bytes: 16, alignment: 4, at: { first: 0, inner: 4, last: 12 } });
});
