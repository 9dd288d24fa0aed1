/** SipHash-c-d as its paper has it (Aumasson, Bernstein 2012, section 2.2), with BigInt. */
const MASK = (1n << 64n) - 1n;
const rotated = (word: bigint, bits: bigint): bigint => ((word << bits) | (word >> (64n - bits))) & MASK;

interface Rounds {
  readonly compression: number;
  readonly finalization: number;
}

export function sipHash(rounds: Rounds, key: readonly [bigint, bigint], message: Uint8Array): bigint {
  const [k0, k1] = key;
  const v: [bigint, bigint, bigint, bigint] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  const padded = new DataView(new ArrayBuffer((Math.floor(message.length / 8) + 1) * 8));
  message.forEach((byte, index) => {
    padded.setUint8(index, byte);
  });
  padded.setUint8(padded.byteLength - 1, message.length);
  for (let at = 0; at < padded.byteLength; at += 8) {
    const block = padded.getBigUint64(at, true);
    v[3] ^= block;
    for (let round = 0; round < rounds.compression; round++) sipRound(v);
    v[0] ^= block;
  }
  v[2] ^= 0xffn;
  for (let round = 0; round < rounds.finalization; round++) sipRound(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

function sipRound(v: [bigint, bigint, bigint, bigint]): void {
  v[0] = (v[0] + v[1]) & MASK;
  v[1] = rotated(v[1], 13n) ^ v[0];
  v[0] = rotated(v[0], 32n);
  v[2] = (v[2] + v[3]) & MASK;
  v[3] = rotated(v[3], 16n) ^ v[2];
  v[0] = (v[0] + v[3]) & MASK;
  v[3] = rotated(v[3], 21n) ^ v[0];
  v[2] = (v[2] + v[1]) & MASK;
  v[1] = rotated(v[1], 17n) ^ v[2];
  v[2] = rotated(v[2], 32n);
}

/** What a 64-bit kernel's hsiphash() gives for an unsigned int, with both halves of the key alike. */
export function kernelHash(word: number, key: number): number {
  const message = new Uint8Array(4);
  new DataView(message.buffer).setUint32(0, word, true);
  const halves = [BigInt(key), BigInt(key)] as const;
  return Number(sipHash({ compression: 1, finalization: 3 }, halves, message) & 0xffffffffn);
}
