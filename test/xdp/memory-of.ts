/** Memory like that of a map, without a kernel. */
import { Memory } from '../../src/xdp/memory.ts';
import type { Struct } from '../../src/xdp/struct.ts';

export const memoryOf = ({ bytes }: Pick<Struct<string>, 'bytes'>, count: number): Memory =>
  new Memory(new ArrayBuffer(bytes * count), bytes);

/** Filled with what nobody wrote: a reader that looks at more than was written is found out. */
export function poisonedMemoryOf(struct: Pick<Struct<string>, 'bytes'>, count: number): Memory {
  const buffer = new ArrayBuffer(struct.bytes * count);
  new Uint8Array(buffer).fill(0xa5);
  return new Memory(buffer, struct.bytes);
}
