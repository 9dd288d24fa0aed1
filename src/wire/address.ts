/** IP and MAC addresses: text <-> numbers. Nothing here knows about frames. */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * An IP address as four 32-bit words in host order, signed as `| 0` leaves them. IPv4 uses the first word
 * and leaves the others 0.
 */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

/** Dotted quad (four decimal parts) or IPv6 text without a zone; anything else is undefined. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { version: 4, words: [ipv4Word(text), 0, 0, 0] };
  if (isIPv6(text) && !text.includes('%')) return { version: 6, words: ipv6Words(text) };
  return undefined;
}

function ipv4Word(text: string): number {
  return text.split('.').reduce((word, part) => (word << 8) | Number(part), 0);
}

function ipv6Words(text: string): [number, number, number, number] {
  const [head = '', tail] = text.split('::');
  const front = ipv6Groups(head);
  const back = tail === undefined ? [] : ipv6Groups(tail);
  const groups = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  const word = (index: number) => (groups[2 * index]! << 16) | groups[2 * index + 1]!;
  return [word(0), word(1), word(2), word(3)];
}

function ipv6Groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const word = ipv4Word(group);
    return [word >>> 16, word & 0xffff];
  });
}

/** IPv4 dotted quad; IPv6 by RFC 5952, with the dotted tail of inet_ntop(3) for addresses that embed one of IPv4. */
export function renderIp(address: IpAddress): string {
  const [w0, w1, w2, w3] = address.words;
  if (address.version === 4) return renderIpv4(w0);
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return `::ffff:${renderIpv4(w3)}`;
  if (w0 === 0 && w1 === 0 && w2 === 0 && w3 >>> 16 !== 0) return `::${renderIpv4(w3)}`;
  const groups = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** The address as a signed or unsigned 32-bit word, host order. */
export function renderIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The same address in canonical text, or undefined when it is none. */
export function canonicalIp(text: string): string | undefined {
  const address = parseIp(text);
  return address && renderIp(address);
}

export function sameIp(a: IpAddress, b: IpAddress): boolean {
  return a.version === b.version && a.words.every((word, index) => word === b.words[index]);
}

/** A MAC address as its first 16 and last 32 bits, so that it is compared and written in two steps. */
export interface MacAddress {
  /** 0 … 0xffff */
  readonly high: number;
  /** Signed, as `| 0` leaves it. */
  readonly low: number;
}

/** Six hexadecimal pairs with colons; anything else is undefined. */
export function parseMac(text: string): MacAddress | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  const digits = text.replaceAll(':', '');
  return { high: Number.parseInt(digits.slice(0, 4), 16), low: Number.parseInt(digits.slice(4), 16) | 0 };
}

export function renderMac(mac: MacAddress): string {
  const digits = mac.high.toString(16).padStart(4, '0') + (mac.low >>> 0).toString(16).padStart(8, '0');
  return digits.replace(/..(?=.)/g, '$&:');
}
