/** Capture files made byte by byte, of either byte order, and what is read from them. */
import { writeFileSync } from 'node:fs';
import type { CapturedFrame, CaptureParser } from '../../src/capture-file/captured-frame.ts';
import { openCapture } from '../../src/capture-file/read-capture.ts';

export type ByteOrder = 'LE' | 'BE';

export class Bytes {
  private readonly order: ByteOrder;
  private readonly parts: Uint8Array[] = [];

  constructor(order: ByteOrder) {
    this.order = order;
  }

  u16(...values: number[]): this {
    for (const value of values) {
      const bytes = Buffer.alloc(2);
      bytes[`writeUInt16${this.order}`](value);
      this.parts.push(bytes);
    }
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) {
      const bytes = Buffer.alloc(4);
      bytes[`writeUInt32${this.order}`](value >>> 0);
      this.parts.push(bytes);
    }
    return this;
  }

  i64(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes[`writeBigInt64${this.order}`](value);
    this.parts.push(bytes);
    return this;
  }

  raw(bytes: Uint8Array | readonly number[]): this {
    this.parts.push(Uint8Array.from(bytes));
    return this;
  }

  /** Zeroes up to a multiple of four. */
  padded(bytes: Uint8Array | readonly number[]): this {
    return this.raw(bytes).raw(new Uint8Array(-bytes.length & 3));
  }

  done(): Buffer {
    return Buffer.concat(this.parts);
  }
}

export interface ClassicFrame {
  time?: [seconds: number, fraction: number];
  data?: Uint8Array;
  capturedLength?: number;
  originalLength?: number;
}

export function classicFile(
  frames: readonly ClassicFrame[],
  { order = 'LE', magic = 0xa1b2c3d4, version = [2, 4], linkType = 1 }: ClassicOptions = {},
): Buffer {
  const bytes = new Bytes(order)
    .u32(magic)
    .u16(...version)
    .u32(0, 0, 65535, linkType);
  for (const { time = [1, 0], data = new Uint8Array(60), ...lengths } of frames) {
    bytes
      .u32(...time, lengths.capturedLength ?? data.length, lengths.originalLength ?? data.length)
      .raw(data);
  }
  return bytes.done();
}

export interface ClassicOptions {
  order?: ByteOrder;
  magic?: number;
  version?: [number, number];
  linkType?: number;
}

export const block = (order: ByteOrder, type: number, body: Buffer, length = body.length + 12): Buffer =>
  new Bytes(order).u32(type, length).raw(body).u32(length).done();

export const section = (order: ByteOrder): Buffer =>
  block(order, 0x0a0d0d0a, new Bytes(order).u32(0x1a2b3c4d).u16(1, 0).i64(-1n).done());

export function interfaceBlock(
  order: ByteOrder,
  { linkType = 1, snapBytes = 0, options = Buffer.alloc(0) as Buffer } = {},
): Buffer {
  return block(order, 1, new Bytes(order).u16(linkType, 0).u32(snapBytes).raw(options).done());
}

export function enhanced(
  order: ByteOrder,
  data: Uint8Array,
  { on = 0, time = 0n, capturedLength = data.length, originalLength = data.length } = {},
): Buffer {
  const body = new Bytes(order)
    .u32(on, Number(time >> 32n), Number(time & 0xffffffffn), capturedLength, originalLength)
    .padded(data)
    .done();
  return block(order, 6, body);
}

/** All frames, copied; the pieces have `pieceBytes`. */
export function parseAll(parser: CaptureParser, file: Buffer, pieceBytes = file.length): CapturedFrame[] {
  const frames: CapturedFrame[] = [];
  for (let at = 0; at < file.length; at += pieceBytes) {
    const piece = Buffer.from(file.subarray(at, at + pieceBytes));
    for (const frame of parser.push(piece)) frames.push({ ...frame, data: Uint8Array.from(frame.data) });
  }
  parser.end();
  return frames;
}

/** Through a file named `path`. */
export async function readBack(
  path: string,
  file?: Uint8Array,
): Promise<{ frames: CapturedFrame[]; problems: readonly string[] }> {
  if (file !== undefined) writeFileSync(path, file);
  const capture = await openCapture(path);
  const frames: CapturedFrame[] = [];
  for await (const batch of capture.batches())
    for (const frame of batch) frames.push({ ...frame, data: Uint8Array.from(frame.data) });
  return { frames, problems: capture.problems };
}
