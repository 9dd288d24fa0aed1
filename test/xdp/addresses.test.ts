/** Addresses as keys of maps and as bits: native/bpf/open.h, is_own_address(). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIp, renderIpv4 } from '../../src/wire/address.ts';
import { addressKey, ownAddressBits, writeOwnAddressBits } from '../../src/xdp/addresses.ts';
import { CONFIG, OWN_ADDRESS_WORDS } from '../../src/xdp/layout.ts';
import { toHex } from '../helpers/frame-builder.ts';
import { memoryOf } from './memory-of.ts';

const BITS = 64 * OWN_ADDRESS_WORDS;

/** As C computes it, with numbers that do not overflow. */
const bitOf = (address: string): number =>
  Number(((BigInt(parseIp(address)!.words[0] >>> 0) * 0x9e3779b1n) & 0xffffffffn) >> 20n);

const setBits = (words: BigUint64Array): number[] =>
  [...Array(BITS).keys()].filter((bit) => (words[bit >> 6]! >> BigInt(bit & 63)) & 1n);

const ipv4 = fc.integer({ min: 0, max: 0xffffffff }).map(renderIpv4);

test('a key is the words in host order and the version', () => {
  expect(toHex(addressKey(parseIp('10.0.0.100')!))).toBe('6400000a00000000000000000000000004000000');
  expect(toHex(addressKey(parseIp('fd00::1')!))).toBe('000000fd00000000000000000100000006000000');
});

test('each IPv4 address has its bit, and nobody else has one', () => {
  fc.assert(
    fc.property(fc.array(ipv4, { maxLength: 20 }), (addresses) => {
      const wanted = [...new Set(addresses.map(bitOf))].sort((a, b) => a - b);
      expect(setBits(ownAddressBits([...addresses, '::1', 'fd00::1']))).toEqual(wanted);
    }),
  );
});

test('one list of addresses after the other leaves the bits of the last', () => {
  const config = memoryOf(CONFIG, 1);
  fc.assert(
    fc.property(fc.array(ipv4, { maxLength: 20 }), (addresses) => {
      writeOwnAddressBits(config, addresses);
      const words = BigUint64Array.from({ length: OWN_ADDRESS_WORDS }, (_, word) =>
        config.get64(0, CONFIG.at.ownAddresses + 8 * word),
      );
      expect(words).toEqual(ownAddressBits(addresses));
    }),
  );
});
