/** pcapng files, to write (draft-ietf-opsawg-pcapng, section 4). Little-endian, timestamps in nanoseconds. */
import { type CapturedFrame, MAX_CAPTURED_BYTES, NANOSECONDS_PER_SECOND } from './captured-frame.ts';
import { LINK_TYPE_ETHERNET } from './link-type.ts';
import { BlockType, BYTE_ORDER_MAGIC, OptionCode } from './pcapng-format.ts';

/** if_tsresol: 10 to the power of minus this. */
const NANOSECOND_RESOLUTION = 9;
const UNKNOWN_LENGTH = 0xffff_ffff_ffff_ffffn;
const MAX_OPTION_BYTES = 0xffff;

/** A file begins with one. `application`: what wrote it, such as director 0.1.0. */
export function encodeSection(application: string): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  header.writeUInt16LE(1, 4);
  header.writeBigUInt64LE(UNKNOWN_LENGTH, 8);
  return block(BlockType.Section, [header, ...options([[OptionCode.UserApplication, text(application)]])]);
}

/** The first one after the section is interface 0, and so on. */
export function encodeInterface(name: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(LINK_TYPE_ETHERNET, 0);
  header.writeUInt32LE(MAX_CAPTURED_BYTES, 4);
  return block(BlockType.Interface, [
    header,
    ...options([
      [OptionCode.InterfaceName, text(name)],
      [OptionCode.InterfaceTimeResolution, Buffer.of(NANOSECOND_RESOLUTION)],
    ]),
  ]);
}

export interface AnnotatedFrame extends CapturedFrame {
  readonly comment?: string;
  /** Of PacketFlag. */
  readonly flags?: number;
}

export function encodeEnhancedPacket(frame: AnnotatedFrame): Buffer {
  const { seconds, nanoseconds, data, originalLength, comment, flags } = frame;
  const header = Buffer.allocUnsafe(20);
  const time = BigInt(seconds) * BigInt(NANOSECONDS_PER_SECOND) + BigInt(nanoseconds);
  header.writeUInt32LE(frame.interface, 0);
  header.writeUInt32LE(Number((time >> 32n) & 0xffff_ffffn), 4);
  header.writeUInt32LE(Number(time & 0xffff_ffffn), 8);
  header.writeUInt32LE(data.length, 12);
  header.writeUInt32LE(originalLength, 16);
  const said: Option[] = [];
  if (flags !== undefined) said.push([OptionCode.PacketFlags, word(flags)]);
  if (comment !== undefined) said.push([OptionCode.Comment, text(comment)]);
  return block(BlockType.EnhancedPacket, [header, ...padded(data), ...options(said)]);
}

export interface CaptureStatistics {
  /** Milliseconds since 1970, UTC. */
  readonly timeMs: number;
  /** Frames that came. */
  readonly received: number;
  /** Those of them that the filter let through. */
  readonly accepted: number;
  /** Those of these that found no room. */
  readonly dropped: number;
  /** Those of these that are in the file. */
  readonly delivered: number;
}

/** Of interface 0. */
export function encodeStatistics(statistics: CaptureStatistics): Buffer {
  const header = Buffer.alloc(12);
  const time = BigInt(Math.round(statistics.timeMs)) * 1_000_000n;
  header.writeUInt32LE(Number(time >> 32n), 4);
  header.writeUInt32LE(Number(time & 0xffff_ffffn), 8);
  return block(BlockType.InterfaceStatistics, [
    header,
    ...options([
      [OptionCode.ReceivedFrames, count(statistics.received)],
      [OptionCode.AcceptedByFilter, count(statistics.accepted)],
      [OptionCode.DroppedFrames, count(statistics.dropped)],
      [OptionCode.DeliveredFrames, count(statistics.delivered)],
    ]),
  ]);
}

type Option = readonly [code: number, value: Buffer];

function options(list: readonly Option[]): Uint8Array[] {
  if (list.length === 0) return [];
  const end = Buffer.alloc(4);
  return [
    ...list.flatMap(([code, value]) => {
      const header = Buffer.allocUnsafe(4);
      header.writeUInt16LE(code, 0);
      header.writeUInt16LE(value.length, 2);
      return [header, ...padded(value)];
    }),
    end,
  ];
}

/** UTF-8, as long as an option may be; nothing is cut within a character. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length <= MAX_OPTION_BYTES) return bytes;
  let length = MAX_OPTION_BYTES;
  while ((bytes[length]! & 0xc0) === 0x80) length--;
  return bytes.subarray(0, length);
}

function word(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value, 0);
  return bytes;
}

function count(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

const padded = (bytes: Uint8Array): Uint8Array[] => [bytes, Buffer.alloc(-bytes.length & 3)];

function block(type: number, body: readonly Uint8Array[]): Buffer {
  const length = 12 + body.reduce((sum, { length }) => sum + length, 0);
  const header = Buffer.allocUnsafe(8);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(length, 4);
  return Buffer.concat([header, ...body, word(length)]);
}
