import { describe, expect, test } from 'vitest';
import { BodySearch, MAX_BODY_BYTES } from '../../src/health/body-search.ts';

describe('a text in a body', () => {
  test.each([1, 2, 3, 5, 100])('is found in pieces of %i bytes', (size) => {
    const search = new BodySearch('pöng');
    const body = Buffer.from('ping pön pöpöng pang');
    const seen: boolean[] = [];
    for (let at = 0; at < body.length; at += size) seen.push(search.add(body.subarray(at, at + size)));
    expect(seen).toContain(true);
  });

  test('is not found where it is not', () => {
    const search = new BodySearch('pong');
    expect(['po', 'n', '', 'pong'.slice(0, 3)].map((part) => search.add(Buffer.from(part)))).not.toContain(
      true,
    );
  });

  test('of one character is found', () => {
    expect(new BodySearch('x').add(Buffer.from('abcx'))).toBe(true);
  });

  test('is looked for in the first 64 KiB', () => {
    const last = new BodySearch('end');
    expect(last.add(Buffer.alloc(MAX_BODY_BYTES - 3))).toBe(false);
    expect(last.isExhausted).toBe(false);
    expect(last.add(Buffer.from('end of it'))).toBe(true);
    const behind = new BodySearch('end');
    behind.add(Buffer.alloc(MAX_BODY_BYTES - 2));
    expect(behind.add(Buffer.from('end'))).toBe(false);
    expect(behind.isExhausted).toBe(true);
  });
});
