/** Maps of IP addresses that the program looks something up in: hash maps with a key of address and version. */
import type { BpfObject } from '../host/bpf.ts';
import { type IpAddress, parseIp, renderIp } from '../wire/address.ts';
import { ADDRESS_KEY, CONFIG, OWN_ADDRESS_WORDS } from './layout.ts';
import type { Memory } from './memory.ts';

const PRESENT = new Uint8Array(4);

export function addressKey({ version, words }: IpAddress): Uint8Array {
  const key = new Uint32Array(ADDRESS_KEY.bytes / 4);
  key.set(words);
  key[4] = version;
  return new Uint8Array(key.buffer);
}

/** A set that follows a list of addresses. */
export class AddressSet {
  private readonly object: BpfObject;
  private readonly map: string;
  private present = new Map<string, IpAddress>();

  constructor(object: BpfObject, map: string) {
    this.object = object;
    this.map = map;
    // What an earlier daemon has put there stays known, so that it can go.
    const next = new Uint8Array(ADDRESS_KEY.bytes);
    for (let key: Uint8Array | null = null; object.nextKey(map, key, next); key = next.slice()) {
      const words = new Int32Array(next.slice().buffer);
      const ip: IpAddress = {
        version: words[4] === 6 ? 6 : 4,
        words: [words[0]!, words[1]!, words[2]!, words[3]!],
      };
      this.present.set(renderIp(ip), ip);
    }
  }

  add(text: string): void {
    const ip = this.present.has(text) ? undefined : parseIp(text);
    if (ip === undefined) return;
    this.object.update(this.map, addressKey(ip), PRESENT);
    this.present.set(text, ip);
  }

  remove(text: string): void {
    const ip = this.present.get(text);
    if (ip === undefined) return;
    this.object.remove(this.map, addressKey(ip));
    this.present.delete(text);
  }

  /** Those of IPv4, as signed words. */
  get ipv4Words(): number[] {
    return [...this.present.values()].filter(({ version }) => version === 4).map(({ words }) => words[0]);
  }

  /** Makes `wanted` the whole set: what is new comes before what is old goes. */
  follow(wanted: ReadonlySet<string>): void {
    for (const text of wanted) this.add(text);
    for (const text of [...this.present.keys()]) if (!wanted.has(text)) this.remove(text);
  }
}

/** is_own_address() of native/bpf/open.h looks at one bit before it asks the map. */
export function ownAddressBits(addresses: Iterable<string>): BigUint64Array {
  const bits = new BigUint64Array(OWN_ADDRESS_WORDS);
  for (const text of addresses) {
    const ip = parseIp(text);
    if (ip?.version !== 4) continue;
    const bit = Math.imul(ip.words[0], 0x9e3779b1) >>> 20;
    bits[bit >>> 6]! |= 1n << BigInt(bit & 63);
  }
  return bits;
}

/** Bits that are to be set are set before those that are not go. */
export function writeOwnAddressBits(config: Memory, addresses: Iterable<string>): void {
  const bits = ownAddressBits(addresses);
  const offset = (word: number) => CONFIG.at.ownAddresses + 8 * word;
  for (const [word, wanted] of bits.entries()) {
    config.set64(0, offset(word), config.get64(0, offset(word)) | wanted);
    config.set64(0, offset(word), wanted);
  }
}
