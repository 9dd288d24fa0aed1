/** An enhanced packet block with a comment, written in place: for whoever writes very many. encode-pcapng.ts has the rest. */
import { BlockType, OptionCode } from './pcapng-format.ts';

const HEADER_BYTES = 28;
const FLAGS_BYTES = 8;
const OPTION_HEADER_BYTES = 4;
const END_BYTES = 4;
const TRAILER_BYTES = 4;

export interface PacketBlock {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly originalLength: number;
  /** Of PacketFlag. */
  readonly flags: number;
  readonly data: Buffer;
  /** UTF-8, less than 64 KiB. */
  readonly comment: Buffer;
}

const padded = (length: number): number => (length + 3) & ~3;

export const packetBlockBytes = ({ data, comment }: Pick<PacketBlock, 'data' | 'comment'>): number =>
  HEADER_BYTES +
  padded(data.length) +
  FLAGS_BYTES +
  OPTION_HEADER_BYTES +
  padded(comment.length) +
  END_BYTES +
  TRAILER_BYTES;

/** Of interface 0. Writes packetBlockBytes(); returns where the next block begins. */
export function writePacketBlock(into: Buffer, start: number, block: PacketBlock): number {
  const { data, comment } = block;
  const length = packetBlockBytes(block);
  into.writeUInt32LE(BlockType.EnhancedPacket, start);
  into.writeUInt32LE(length, start + 4);
  into.writeUInt32LE(0, start + 8);
  writeTime(into, start + 12, block);
  into.writeUInt32LE(data.length, start + 20);
  into.writeUInt32LE(block.originalLength, start + 24);
  let at = writePadded(into, start + HEADER_BYTES, data);
  into.writeUInt16LE(OptionCode.PacketFlags, at);
  into.writeUInt16LE(4, at + 2);
  into.writeUInt32LE(block.flags, at + 4);
  at += FLAGS_BYTES;
  into.writeUInt16LE(OptionCode.Comment, at);
  into.writeUInt16LE(comment.length, at + 2);
  at = writePadded(into, at + OPTION_HEADER_BYTES, comment);
  into.writeUInt32LE(0, at);
  into.writeUInt32LE(length, at + END_BYTES);
  return start + length;
}

function writePadded(into: Buffer, at: number, bytes: Buffer): number {
  const end = at + padded(bytes.length);
  into.fill(0, at + bytes.length, end);
  into.set(bytes, at);
  return end;
}

/** 64 bits of nanoseconds, the upper half first. Numbers are exact to 2^53, so seconds go in two halves. */
function writeTime(into: Buffer, at: number, { seconds, nanoseconds }: PacketBlock): void {
  const upper = Math.floor(seconds / 0x10000) * 1e9;
  const rest = (seconds % 0x10000) * 1e9 + nanoseconds + (upper % 0x10000) * 0x10000;
  into.writeUInt32LE(Math.floor(upper / 0x10000) + Math.floor(rest / 2 ** 32), at);
  into.writeUInt32LE(rest % 2 ** 32, at + 4);
}
