/**
 * How much stack the functions of a BPF object file take, one calling the other, as the verifier of older kernels counts:
 * each frame rounded up to 32 bytes, 512 in all (check_max_stack_depth() in kernel/bpf/verifier.c, Linux 6.1).
 */
import { readFileSync } from 'node:fs';

export const STACK_BYTES = 512;
const FRAME_BYTES = 32;

/** ELF-64, little-endian; R_BPF_64_64 of a function is a callback's address, R_BPF_64_32 a call. */
const SHT_SYMTAB = 2;
const SHT_REL = 9;
const SHF_EXECINSTR = 4n;
const STT_FUNC = 2;
const R_BPF_64_64 = 1;

const INSTRUCTION_BYTES = 8;
const FRAME_POINTER = 10;
const CALL = 0x85;
const PSEUDO_CALL = 1;
const MOVE = 0xbf;
const ADD_CONSTANT = 0x07;
/** Classes of instructions that read or write memory. */
const LDX = 1;
const ST = 2;
const STX = 3;

interface Section {
  readonly type: number;
  readonly isCode: boolean;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

interface Symbol {
  readonly name: string;
  readonly type: number;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

interface Instruction {
  /** In its section. */
  readonly place: number;
  readonly code: number;
  readonly target: number;
  readonly source: number;
  readonly displacement: number;
  readonly constant: number;
}

interface Function {
  readonly name: string;
  readonly frameBytes: number;
  /** `section:offset` of functions that it calls, or hands to a helper. */
  readonly calls: readonly string[];
}

export interface Chain {
  readonly bytes: number;
  /** Each with the size of its frame. */
  readonly functions: readonly string[];
}

/** The chain of calls with the most stack that begins in `entry`. */
export function deepestChain(file: string, entry: string): Chain {
  const functions = readFunctions(new DataView(new Uint8Array(readFileSync(file)).buffer));
  const first = [...functions.values()].find(({ name }) => name === entry);
  if (first === undefined) throw new Error(`${file} has no function ${entry}`);
  return deepestFrom(first, functions);
}

/** BPF programs do not recurse. */
function deepestFrom({ name, frameBytes, calls }: Function, functions: ReadonlyMap<string, Function>): Chain {
  const chains = calls.map((place) => {
    const called = functions.get(place);
    if (called === undefined) throw new Error(`${name} calls no function at ${place}`);
    return deepestFrom(called, functions);
  });
  const deepest = chains.reduce((a, b) => (b.bytes > a.bytes ? b : a), { bytes: 0, functions: [] });
  return {
    bytes: Math.max(1, Math.ceil(frameBytes / FRAME_BYTES)) * FRAME_BYTES + deepest.bytes,
    functions: [`${name} ${frameBytes}`, ...deepest.functions],
  };
}

/** By `section:offset`. */
function readFunctions(elf: DataView): Map<string, Function> {
  const sections = readSections(elf);
  const symbols = readSymbols(elf, sections);
  const relocations = readRelocations(elf, sections);
  const isCode = ({ section }: Symbol) => sections[section]?.isCode === true;

  const instructionsOf = ({ section, value, size }: Symbol): Instruction[] =>
    Array.from({ length: size / INSTRUCTION_BYTES }, (_, index) => {
      const place = value + index * INSTRUCTION_BYTES;
      const at = sections[section]!.offset + place;
      return {
        place,
        code: elf.getUint8(at),
        target: elf.getUint8(at + 1) & 15,
        source: elf.getUint8(at + 1) >> 4,
        displacement: elf.getInt16(at + 2, true),
        constant: elf.getInt32(at + 4, true),
      };
    });

  /** The place that an instruction calls, or makes a callback of. */
  const calledBy = ({ section }: Symbol, instruction: Instruction): string[] => {
    const { place, code, source, constant } = instruction;
    const relocation = relocations.get(`${section}:${place}`);
    const symbol = relocation && symbols[relocation.symbol]!;
    if (code === CALL && source === PSEUDO_CALL) {
      const after = (constant + 1) * INSTRUCTION_BYTES;
      return [symbol ? `${symbol.section}:${symbol.value + after}` : `${section}:${place + after}`];
    }
    const isCallback = symbol && relocation.type === R_BPF_64_64 && isCode(symbol);
    return isCallback ? [`${symbol.section}:${symbol.value + constant}`] : [];
  };

  return new Map(
    symbols
      .filter((symbol) => symbol.type === STT_FUNC && isCode(symbol))
      .map((symbol) => {
        const instructions = instructionsOf(symbol);
        const calls = new Set(instructions.flatMap((instruction) => calledBy(symbol, instruction)));
        const place = `${symbol.section}:${symbol.value}`;
        return [place, { name: symbol.name, frameBytes: frameOf(instructions), calls: [...calls] }];
      }),
  );
}

/** How far below the frame pointer memory is used, there and then or by its address. */
function frameOf(instructions: readonly Instruction[]): number {
  let bytes = 0;
  const addresses = new Set<number>();
  for (const { code, target, source, displacement, constant } of instructions) {
    const kind = code & 7;
    const base = kind === LDX ? source : kind === ST || kind === STX ? target : undefined;
    if (base === FRAME_POINTER) bytes = Math.max(bytes, -displacement);
    if (code === ADD_CONSTANT && addresses.has(target)) bytes = Math.max(bytes, -constant);
    addresses.delete(target);
    if (code === MOVE && source === FRAME_POINTER) addresses.add(target);
  }
  return bytes;
}

function readSections(elf: DataView): Section[] {
  const first = Number(elf.getBigUint64(40, true));
  const [bytes, count] = [elf.getUint16(58, true), elf.getUint16(60, true)];
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * bytes;
    return {
      type: elf.getUint32(at + 4, true),
      isCode: (elf.getBigUint64(at + 8, true) & SHF_EXECINSTR) !== 0n,
      offset: Number(elf.getBigUint64(at + 24, true)),
      size: Number(elf.getBigUint64(at + 32, true)),
      link: elf.getUint32(at + 40, true),
      info: elf.getUint32(at + 44, true),
    };
  });
}

function readSymbols(elf: DataView, sections: readonly Section[]): Symbol[] {
  const table = sections.find(({ type }) => type === SHT_SYMTAB)!;
  const strings = sections[table.link]!;
  return Array.from({ length: table.size / 24 }, (_, index) => {
    const at = table.offset + 24 * index;
    return {
      name: textAt(elf, strings.offset + elf.getUint32(at, true)),
      type: elf.getUint8(at + 4) & 15,
      section: elf.getUint16(at + 6, true),
      value: Number(elf.getBigUint64(at + 8, true)),
      size: Number(elf.getBigUint64(at + 16, true)),
    };
  });
}

/** By the `section:offset` of what they are for. */
function readRelocations(
  elf: DataView,
  sections: readonly Section[],
): Map<string, { type: number; symbol: number }> {
  return new Map(
    sections
      .filter(({ type }) => type === SHT_REL)
      .flatMap(({ offset, size, info }) =>
        Array.from({ length: size / 16 }, (_, index) => {
          const at = offset + 16 * index;
          const place = `${info}:${elf.getBigUint64(at, true)}`;
          return [
            place,
            { type: elf.getUint32(at + 8, true), symbol: elf.getUint32(at + 12, true) },
          ] as const;
        }),
      ),
  );
}

function textAt(elf: DataView, offset: number): string {
  let end = offset;
  while (elf.getUint8(end) !== 0) end++;
  return new TextDecoder().decode(new Uint8Array(elf.buffer, offset, end - offset));
}
