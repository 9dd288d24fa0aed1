/**
 * SipHash-1-3 of one 32-bit word, as 64-bit kernels hash with hsiphash(): lib/siphash.c, hsiphash_1u32(). The
 * four 64-bit numbers of its state are pairs of 32-bit words, because a BigInt would be garbage for each packet.
 */

const V0 = 0;
const V1 = 2;
const V2 = 4;
const V3 = 6;
/** High word, low word of each. */
const state = new Int32Array(8);

/** Length of what is hashed, where the last block has it: the highest byte. */
const LENGTH = 4 << 24;

/** The lower 32 bits, unsigned. Both 64-bit halves of the key are `key`, whose upper 32 bits are 0. */
export function sipHash13(word: number, key: number): number {
  state[V0] = 0x736f6d65;
  state[V0 + 1] = 0x70736575 ^ key;
  state[V1] = 0x646f7261;
  state[V1 + 1] = 0x6e646f6d ^ key;
  state[V2] = 0x6c796765;
  state[V2 + 1] = 0x6e657261 ^ key;
  state[V3] = 0x74656462 ^ LENGTH;
  state[V3 + 1] = 0x79746573 ^ key ^ word;
  sipRound();
  state[V0]! ^= LENGTH;
  state[V0 + 1]! ^= word;
  state[V2 + 1]! ^= 0xff;
  sipRound();
  sipRound();
  sipRound();
  return (state[V0 + 1]! ^ state[V1 + 1]! ^ state[V2 + 1]! ^ state[V3 + 1]!) >>> 0;
}

function sipRound(): void {
  mix(V0, V1, 13);
  swapHalves(V0);
  mix(V2, V3, 16);
  mix(V0, V3, 21);
  mix(V2, V1, 17);
  swapHalves(V2);
}

/** a += b; b = (b rotated left) ^ a. 0 < bits < 32. */
function mix(a: number, b: number, bits: number): void {
  const high = state[b]!;
  const low = state[b + 1]!;
  const lowSum = (state[a + 1]! >>> 0) + (low >>> 0);
  state[a] = state[a]! + high + (lowSum > 0xffffffff ? 1 : 0);
  state[a + 1] = lowSum;
  state[b] = ((high << bits) | (low >>> (32 - bits))) ^ state[a]!;
  state[b + 1] = ((low << bits) | (high >>> (32 - bits))) ^ state[a + 1]!;
}

/** Rotated by 32. */
function swapHalves(v: number): void {
  const high = state[v]!;
  state[v] = state[v + 1]!;
  state[v + 1] = high;
}
