/** An interpreter of classic BPF: only what the assembler makes. linux/filter.h, net/core/filter.c. */

/** What it returns. A load beyond the frame ends with 0. */
export function runFilter(program: Uint8Array, frame: Uint8Array): number {
  const code = new DataView(program.buffer);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const memory = new Uint32Array(16);
  let [a, x] = [0, 0];
  const load = (at: number, bytes: number): boolean => {
    if (at + bytes > frame.length) return false;
    a = bytes === 4 ? view.getUint32(at) : bytes === 2 ? view.getUint16(at) : view.getUint8(at);
    return true;
  };
  for (let at = 0; at < program.length; at += 8) {
    const [op, ifTrue, ifFalse, k] = [
      code.getUint16(at, true),
      code.getUint8(at + 2),
      code.getUint8(at + 3),
      code.getUint32(at + 4, true),
    ];
    const size = { 0: 4, 8: 2, 16: 1 }[op & 0x18] ?? 0;
    if ((op & 0xe7) === 0x20) {
      if (!load(k, size)) return 0;
    } else if ((op & 0xe7) === 0x40) {
      if (!load(x + k, size)) return 0;
    } else if (op === 0x01) x = k;
    else if (op === 0x61) x = memory[k]!;
    else if (op === 0x02) memory[k] = a;
    else if (op === 0x07) x = a;
    else if (op === 0x87) a = x;
    else if (op === 0x04) a = (a + k) >>> 0;
    else if (op === 0x0c) a = (a + x) >>> 0;
    else if (op === 0x24) a = Math.imul(a, k) >>> 0;
    else if (op === 0x54) a = (a & k) >>> 0;
    else if (op === 0x64) a = (a << k) >>> 0;
    else if (op === 0x74) a >>>= k;
    else if (op === 0x94) a %= k;
    else if (op === 0xac) a = (a ^ x) >>> 0;
    else if (op === 0x05) at += 8 * k;
    else if (op === 0x15) at += 8 * (a === k ? ifTrue : ifFalse);
    else if (op === 0x06) return k;
    else throw new Error(`no such instruction: ${op.toString(16)}`);
  }
  throw new Error('the program has no end');
}
