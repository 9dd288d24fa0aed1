/** Slow and obviously right: what random tests compare the fast parts with. */
import type { Packet } from '../../src/wire/packet.ts';

/** A connection table that is a Map with text keys. */
export class SlowConnectionTable {
  readonly capacity: number;
  private readonly entries = new Map<string, { readonly server: number; readonly expires: number }>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get live(): number {
    return this.entries.size;
  }

  find(packet: Packet): { readonly server: number; readonly expires: number } | undefined {
    return this.entries.get(keyOf(packet));
  }

  /** False: it is full. */
  insert(packet: Packet, server: number, expires: number): boolean {
    if (this.entries.size === this.capacity) return false;
    this.entries.set(keyOf(packet), { server, expires });
    return true;
  }

  remove(packet: Packet): void {
    this.entries.delete(keyOf(packet));
  }

  keys(): string[] {
    return [...this.entries.keys()].sort();
  }
}

export const keyOf = (packet: Packet): string => {
  const { ipVersion, protocol, client0, client1, client2, client3, clientPort } = packet;
  const { virtual0, virtual1, virtual2, virtual3, virtualPort } = packet;
  const client = [client0, client1, client2, client3].join('.');
  const virtual = [virtual0, virtual1, virtual2, virtual3].join('.');
  return `${ipVersion} ${protocol} ${client}:${clientPort} ${virtual}:${virtualPort}`;
};

const rotated = (word: number, bits: number): number => ((word << bits) | (word >>> (32 - bits))) >>> 0;

/**
 * HalfSipHash-1-3 over bytes, after lib/siphash.c of Linux (hsiphash() where a long has 32 bits): words of the message
 * in little-endian order, its length in the top byte of the last one.
 */
export function slowHalfSipHash(message: Uint8Array, key: readonly [number, number]): number {
  let [v0, v1, v2, v3] = [
    key[0] >>> 0,
    key[1] >>> 0,
    (0x6c796765 ^ key[0]) >>> 0,
    (0x74656462 ^ key[1]) >>> 0,
  ];
  const round = () => {
    v0 = (v0 + v1) >>> 0;
    v1 = (rotated(v1, 5) ^ v0) >>> 0;
    v0 = rotated(v0, 16);
    v2 = (v2 + v3) >>> 0;
    v3 = (rotated(v3, 8) ^ v2) >>> 0;
    v0 = (v0 + v3) >>> 0;
    v3 = (rotated(v3, 7) ^ v0) >>> 0;
    v2 = (v2 + v1) >>> 0;
    v1 = (rotated(v1, 13) ^ v2) >>> 0;
    v2 = rotated(v2, 16);
  };
  const absorb = (word: number) => {
    v3 = (v3 ^ word) >>> 0;
    round();
    v0 = (v0 ^ word) >>> 0;
  };
  const wholeBytes = message.length & ~3;
  const padded = new Uint8Array(wholeBytes + 4);
  padded.set(message);
  padded[wholeBytes + 3] = message.length;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 4) absorb(view.getUint32(at, true));
  v2 = (v2 ^ 0xff) >>> 0;
  for (let count = 0; count < 3; count++) round();
  return (v1 ^ v3) >>> 0;
}
