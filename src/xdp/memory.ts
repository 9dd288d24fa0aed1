/** A memory-mapped array of structs, read and written by element and byte offset. One store a field: no frame sees half of one. */

export class Memory {
  private readonly bytes: number;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly u32: Uint32Array;
  private readonly u64: BigUint64Array;

  /** `bytes`: of one element, a multiple of 8. */
  constructor(buffer: ArrayBuffer, bytes: number) {
    this.bytes = bytes;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
  }

  get count(): number {
    return this.u8.length / this.bytes;
  }

  get8(element: number, offset: number): number {
    return this.u8[element * this.bytes + offset]!;
  }

  set8(element: number, offset: number, value: number): void {
    this.u8[element * this.bytes + offset] = value;
  }

  get16(element: number, offset: number): number {
    return this.u16[(element * this.bytes + offset) / 2]!;
  }

  set16(element: number, offset: number, value: number): void {
    this.u16[(element * this.bytes + offset) / 2] = value;
  }

  get32(element: number, offset: number): number {
    return this.u32[(element * this.bytes + offset) / 4]!;
  }

  set32(element: number, offset: number, value: number): void {
    this.u32[(element * this.bytes + offset) / 4] = value;
  }

  get64(element: number, offset: number): bigint {
    return this.u64[(element * this.bytes + offset) / 8]!;
  }

  /** A word that counts, exact below 2^53, of which another processor may just be writing a half. */
  getCount(element: number, offset: number): number {
    const at = (element * this.bytes + offset) / 4;
    for (;;) {
      const high = Atomics.load(this.u32, at + 1);
      const low = Atomics.load(this.u32, at);
      if (Atomics.load(this.u32, at + 1) === high) return high * 2 ** 32 + low;
    }
  }

  set64(element: number, offset: number, value: bigint): void {
    this.u64[(element * this.bytes + offset) / 8] = value;
  }

  /** A word below or above 0, exact below 2^53. */
  getSigned(element: number, offset: number): number {
    const at = (element * this.bytes + offset) / 4;
    return (this.u32[at + 1]! | 0) * 2 ** 32 + this.u32[at]!;
  }

  /** Four words of an address, signed as src/wire has them. */
  words(element: number, offset: number): [number, number, number, number] {
    const word = (index: number) => this.get32(element, offset + 4 * index) | 0;
    return [word(0), word(1), word(2), word(3)];
  }

  setWords(element: number, offset: number, words: readonly number[]): void {
    for (let index = 0; index < 4; index++) this.set32(element, offset + 4 * index, words[index] ?? 0);
  }

  clear(element: number): void {
    this.u8.fill(0, element * this.bytes, (element + 1) * this.bytes);
  }

  copy(from: number, to: number): void {
    this.u8.copyWithin(to * this.bytes, from * this.bytes, (from + 1) * this.bytes);
  }
}
