/** Addresses as a model handles them: text, and whole numbers where bits count. */
import type { ServiceAddress } from '../../src/service/model.ts';
import { ipv4Bytes, ipv6Bytes } from '../helpers/frame-builder.ts';

export const serviceName = (address: ServiceAddress): string =>
  'fwmark' in address
    ? `fwmark ${address.fwmark} IPv${address.family}`
    : `${address.protocol} ${address.address} ${address.port}`;

const isIpv6 = (address: string): boolean => address.includes(':');

const numbers = new Map<string, bigint>();

function numberOf(address: string): bigint {
  const known = numbers.get(address);
  if (known !== undefined) return known;
  let number = 0n;
  for (const byte of isIpv6(address) ? ipv6Bytes(address) : ipv4Bytes(address))
    number = number * 256n + BigInt(byte);
  numbers.set(address, number);
  return number;
}

/** `network`: an address, or an address and a prefix length. */
export function networkHas(network: string, address: string): boolean {
  if (isIpv6(network) !== isIpv6(address)) return false;
  const bits = isIpv6(network) ? 128 : 32;
  const [base = '', prefix = bits] = network.split('/');
  const rest = BigInt(bits - Number(prefix));
  return numberOf(base) >> rest === numberOf(address) >> rest;
}

const memo = new Map<string, string>();

function remembered(key: string, make: () => string): string {
  const known = memo.get(key) ?? make();
  memo.set(key, known);
  return known;
}

export const maskedIpv4 = (address: string, mask: number): string =>
  remembered(`${address} ${mask}`, () =>
    ipv4Bytes(address)
      .map((byte, index) => byte & (mask >>> (24 - 8 * index)))
      .join('.'),
  );

/** The address with all bits after the first `prefixLength` as 0. */
export const prefixOf = (address: string, prefixLength: number): string =>
  remembered(`${address} ${prefixLength}`, () => {
    const rest = BigInt(128 - prefixLength);
    return ipv6Text((numberOf(address) >> rest) << rest);
  });

/** A firewall mark stands in the first word of the address: its template's. */
export const markAddress = (mark: number, family: 4 | 6): string =>
  family === 6 ? ipv6Text(BigInt(mark) << 96n) : renderIpv4Mask(mark);

export const renderIpv4Mask = (word: number): string =>
  [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.');

/** RFC 5952 §4: the longest run of two or more zero groups becomes "::". */
function ipv6Text(number: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((number >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  const runs = [...`-${groups.map((group) => (group === '0' ? '0' : 'x')).join('')}`.matchAll(/00+/g)];
  const longest = runs.toSorted((a, b) => b[0].length - a[0].length || a.index - b.index)[0];
  if (longest === undefined) return groups.join(':');
  const start = longest.index - 1;
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest[0].length).join(':')}`;
}
