/**
 * Which SYNs came in the last 2 to 4 seconds, a cache line for each look: two generations of a blocked Bloom filter
 * (Putze, Sanders, Singler 2007), whose words stand side by side. A connection is one bit in each half of a word. Of
 * those that came none is forgotten sooner. Of 1.4 million others a second 4 in 100 are taken for one that came, 6 when
 * both generations are full: more than it is made for let more through, and hold up nobody for longer.
 */
import { ticksFromSec } from '../clock.ts';

/** Of a word for each generation, 8 bytes: 8 MiB. A power of two, 2^20 at most. */
export const PAIRS = 2 ** 20;
/** A client sends its SYN again after 1 s (RFC 6298, 2.1). */
const GENERATION_TICKS = ticksFromSec(2);

export class FirstSyns {
  /** Word 2 i + generation. */
  private readonly words: Int32Array;
  private readonly mask: number;
  /** The younger one: 0 or 1. */
  private generation = 0;
  private began: number;

  /** `now`: ticks. */
  constructor(now: number, pairs: number = PAIRS) {
    this.words = new Int32Array(2 * pairs);
    this.mask = pairs - 1;
    this.began = now;
  }

  /** Of a connection's hash: whether it has come. From now on it has. */
  add(hash: number): boolean {
    const { words, generation } = this;
    const at = (hash & this.mask) << 1;
    const bits = bitsOf(hash);
    const younger = words[at | generation]!;
    const older = words[at | (generation ^ 1)]!;
    words[at | generation] = younger | bits;
    return (younger & bits) === bits || (older & bits) === bits;
  }

  /** As add(), and nothing changes. */
  has(hash: number): boolean {
    const { words } = this;
    const at = (hash & this.mask) << 1;
    const bits = bitsOf(hash);
    return (words[at]! & bits) === bits || (words[at | 1]! & bits) === bits;
  }

  /** Several times a second: when its time is up, the younger generation is the older one, which is forgotten. */
  age(now: number): void {
    if (((now - this.began) | 0) < GENERATION_TICKS) return;
    this.began = now;
    this.generation ^= 1;
    const { words } = this;
    for (let at = this.generation; at < words.length; at += 2) words[at] = 0;
  }
}

/** From bits of the hash that do not choose the word. */
const bitsOf = (hash: number): number => (1 << ((hash >>> 20) & 15)) | (0x10000 << ((hash >>> 24) & 15));
