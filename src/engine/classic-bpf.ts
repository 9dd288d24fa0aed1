/** An assembler for classic BPF, as far as packet-filter.ts and slice-filter.ts need it. linux/filter.h, linux/bpf_common.h. */

/** BPF_CLASS | BPF_SIZE | BPF_MODE, or BPF_CLASS | BPF_OP | BPF_SRC. */
const Code = {
  LoadWord: 0x20,
  LoadHalf: 0x28,
  LoadByte: 0x30,
  LoadWordAtX: 0x40,
  LoadHalfAtX: 0x48,
  LoadByteAtX: 0x50,
  SetX: 0x01,
  XFromMemory: 0x61,
  Store: 0x02,
  XFromA: 0x07,
  AFromX: 0x87,
  Add: 0x04,
  AddX: 0x0c,
  Multiply: 0x24,
  And: 0x54,
  ShiftLeft: 0x64,
  ShiftRight: 0x74,
  Modulo: 0x94,
  XorX: 0xac,
  Jump: 0x05,
  JumpIfEqual: 0x15,
  Return: 0x06,
} as const;

interface Instruction {
  readonly code: number;
  /** Instructions that are skipped if it is equal, and if not. */
  readonly ifTrue: number;
  readonly ifFalse: number;
  /** A label: the way to it. */
  readonly k: number | string;
}

/** Instructions that belong together, or the name of the place where it stands. */
export type Line = readonly Instruction[] | { readonly label: string };

/** A program's length is bounded: BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4096;
const INSTRUCTION_BYTES = 8;
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const instruction = (code: number, k: number | string, ifTrue = 0, ifFalse = 0): Instruction => ({
  code,
  k,
  ifTrue,
  ifFalse,
});

const LOADS = {
  frame: { word: Code.LoadWord, half: Code.LoadHalf, byte: Code.LoadByte },
  X: { word: Code.LoadWordAtX, half: Code.LoadHalfAtX, byte: Code.LoadByteAtX },
} as const;

export const label = (name: string): Line => ({ label: name });
export const goto = (name: string): Line => [instruction(Code.Jump, name)];
export const setX = (value: number): Line => [instruction(Code.SetX, value)];
/** X += value, by way of A. */
export const advanceX = (value: number): Line => [
  instruction(Code.AFromX, 0),
  instruction(Code.Add, value),
  instruction(Code.XFromA, 0),
];
export const setXToA: Line = [instruction(Code.XFromA, 0)];
/** One of the sixteen words of a program's own: A into it, and it into X. */
export const keep = (word: number): Line => [instruction(Code.Store, word)];
export const recallX = (word: number): Line => [instruction(Code.XFromMemory, word)];
/** What is done to A, a word without sign. */
export const addX: Line = [instruction(Code.AddX, 0)];
export const xorX: Line = [instruction(Code.XorX, 0)];
export const multiply = (factor: number): Line => [instruction(Code.Multiply, factor)];
export const modulo = (divisor: number): Line => [instruction(Code.Modulo, divisor)];
export const shiftLeft = (bits: number): Line => [instruction(Code.ShiftLeft, bits)];
export const shiftRight = (bits: number): Line => [instruction(Code.ShiftRight, bits)];
export const returnBytes = (count: number): Line => [instruction(Code.Return, count)];

/** A = what stands there, in network byte order, as far as it is in the mask. A frame that is too short is refused. */
export const load = (
  size: 'word' | 'half' | 'byte',
  offset: number,
  from: 'frame' | 'X' = 'frame',
  mask = -1,
): Line => [instruction(LOADS[from][size], offset), ...(mask === -1 ? [] : [instruction(Code.And, mask)])];

/** Goes elsewhere unless A is that. A conditional jump reaches 255 instructions, one without condition everything. */
export const unless = (value: number, elsewhere: string): Line[] => unlessOneOf([value], elsewhere);

export const unlessOneOf = (values: readonly number[], elsewhere: string): Line[] => [
  values.map((value, index) => instruction(Code.JumpIfEqual, value, values.length - index)),
  goto(elsewhere),
];

/** As struct sock_filter has it, in this host's byte order. */
export function assemble(lines: readonly Line[]): Uint8Array {
  const places = new Map<string, number>();
  const program: Instruction[] = [];
  for (const line of lines) {
    if ('label' in line) places.set(line.label, program.length);
    else program.push(...line);
  }
  if (program.length > MAX_INSTRUCTIONS) throw new Error(`${program.length} instructions are too many`);
  const bytes = new DataView(new ArrayBuffer(program.length * INSTRUCTION_BYTES));
  program.forEach(({ code, ifTrue, ifFalse, k }, index) => {
    const at = index * INSTRUCTION_BYTES;
    bytes.setUint16(at, code, IS_LITTLE_ENDIAN);
    bytes.setUint8(at + 2, ifTrue);
    bytes.setUint8(at + 3, ifFalse);
    bytes.setInt32(at + 4, typeof k === 'string' ? places.get(k)! - index - 1 : k | 0, IS_LITTLE_ENDIAN);
  });
  return new Uint8Array(bytes.buffer);
}
