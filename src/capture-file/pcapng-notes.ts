/** What a pcapng file of ours says beside the frames, read as it grows: comments of packets, and statistics at the end. */
import { BlockType, OptionCode } from './pcapng-format.ts';

const OVERHEAD_BYTES = 12;
const BODY_AT = 8;
const PACKET_HEADER_BYTES = 20;
const STATISTICS_HEADER_BYTES = 12;

export interface PacketNote {
  readonly kind: 'packet';
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly data: Buffer;
  readonly comment: string;
}

export interface StatisticsNote {
  readonly kind: 'statistics';
  readonly received: number;
  readonly accepted: number;
  readonly dropped: number;
  readonly delivered: number;
}

/** Of what encode-pcapng.ts writes: little-endian, nanoseconds, each block whole and sound. */
export class NoteReader {
  private rest: Buffer = Buffer.alloc(0);

  /** What is whole now. Valid until the next piece. */
  *push(piece: Buffer): Generator<PacketNote | StatisticsNote> {
    let bytes = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    while (bytes.length >= OVERHEAD_BYTES) {
      const length = bytes.readUInt32LE(4);
      if (bytes.length < length) break;
      const body = bytes.subarray(BODY_AT, length - 4);
      const type = bytes.readUInt32LE(0);
      if (type === BlockType.EnhancedPacket) yield packetNote(body);
      else if (type === BlockType.InterfaceStatistics) yield statisticsNote(body);
      bytes = bytes.subarray(length);
    }
    this.rest = bytes;
  }
}

function packetNote(body: Buffer): PacketNote {
  const time = (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8));
  const end = PACKET_HEADER_BYTES + body.readUInt32LE(12);
  const comment =
    optionsFrom(body, (end + 3) & ~3)
      .get(OptionCode.Comment)
      ?.toString('utf8') ?? '';
  return { kind: 'packet', time, data: body.subarray(PACKET_HEADER_BYTES, end), comment };
}

function statisticsNote(body: Buffer): StatisticsNote {
  const options = optionsFrom(body, STATISTICS_HEADER_BYTES);
  const count = (code: number) => Number(options.get(code)?.readBigUInt64LE() ?? 0n);
  return {
    kind: 'statistics',
    received: count(OptionCode.ReceivedFrames),
    accepted: count(OptionCode.AcceptedByFilter),
    dropped: count(OptionCode.DroppedFrames),
    delivered: count(OptionCode.DeliveredFrames),
  };
}

function optionsFrom(body: Buffer, start: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = start; at + 4 <= body.length; ) {
    const [code, length] = [body.readUInt16LE(at), body.readUInt16LE(at + 2)];
    if (code === OptionCode.End) break;
    found.set(code, body.subarray(at + 4, at + 4 + length));
    at += 4 + ((length + 3) & ~3);
  }
  return found;
}
