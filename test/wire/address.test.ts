/** Addresses: text to numbers and back, by RFC 4291 §2.2 and RFC 5952. */
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalIp, parseIp, parseMac, renderIp, renderMac, sameIp } from '../../src/wire/address.ts';

describe('IPv4 text', () => {
  test.each([
    ['0.0.0.0', 0],
    ['10.0.0.100', 0x0a000064],
    ['127.255.255.255', 0x7fffffff],
    ['128.0.0.0', 0x80000000 | 0],
    ['255.255.255.255', -1],
  ])('%s is %d', (text, word) => {
    expect(parseIp(text)).toEqual({ version: 4, words: [word, 0, 0, 0] });
    expect(canonicalIp(text)).toBe(text);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x7f.0.0.1',
    'localhost',
    '1.2.3.-4',
  ])('%j is none', (text) => expect(parseIp(text)).toBeUndefined());

  test('any word comes back from its text', () => {
    fc.assert(
      fc.property(fc.integer(), (word) => {
        const address = { version: 4 as const, words: [word, 0, 0, 0] as const };
        expect(parseIp(renderIp(address))).toEqual(address);
      }),
    );
  });
});

describe('IPv6 text', () => {
  test.each([
    // RFC 5952 §1, §2 and §4: many texts of one address, and the one to print.
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8::0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8:0:0:1::1', '2001:db8::1:0:0:1'],
    ['2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:1:0:0:0:0:0:0', '0:1::'],
    ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0'],
    ['0:2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s prints as %s', (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
    expect(sameIp(parseIp(text)!, parseIp(canonical)!)).toBe(true);
  });

  test.each([
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    'fe80::1%eth0',
    '12345::',
    'g::',
    '[::1]',
    '::1.2.3',
    '::/0',
  ])('%j is none', (text) => expect(parseIp(text)).toBeUndefined());

  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });

  test('any address comes back from its text, which node:net takes, and which is the shortest', () => {
    fc.assert(
      fc.property(groups, (parts) => {
        const long = parts.map((part) => part.toString(16).padStart(4, '0')).join(':');
        const address = parseIp(long)!;
        const text = renderIp(address);
        expect(isIPv6(text)).toBe(true);
        expect(parseIp(text)).toEqual(address);
        // The URL parser is an independent implementation of RFC 5952, but for the dotted tail.
        if (!text.includes('.')) expect(`[${text}]`).toBe(new URL(`http://[${long}]`).hostname);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('MAC addresses', () => {
  test('come back from their text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
        expect(renderMac(parseMac(text)!)).toBe(text);
        expect(parseMac(text.toUpperCase())).toEqual(parseMac(text));
      }),
    );
  });

  test.each([
    '',
    '02:00:00:00:01',
    '02:00:00:00:01:00:00',
    '2:0:0:0:1:0',
    '02-00-00-00-01-00',
    '02:00:00:00:01:0g',
    '02:00:00:00:01:00 ',
  ])('%j is none', (text) => expect(parseMac(text)).toBeUndefined());
});
