/**
 * What the datapath process tells the daemon of frames: records one behind the other over a socket of their own, words
 * in little-endian order. The frames go unchanged, so that the packet path need only copy.
 *
 *   0   length of the record
 *   4   kind (1 byte), captures (1 byte: a bit for each slot), verdict (2 bytes)
 *
 *   a frame:   8   time: seconds since 1970, nanoseconds
 *              16  as it came: length, bytes kept; 24 as it was sent: the same, or 0 and 0
 *              32  length of the text, then text, frame as it came, frame as it was sent
 *   counts:    5   captures that they are for (1 byte), those of them that end with this (1 byte)
 *              8   frames seen since the last counts (a double)
 *              16  of each slot frames that found no room (doubles)
 */
import { MAX_CAPTURES } from './wish.ts';

export const RecordKind = { Frame: 1, Counts: 2 } as const;

const KIND_AT = 4;
const CAPTURES_AT = 5;
const VERDICT_AT = 6;
const ENDED_AT = 6;
const HEAD_BYTES = 36;
const LOST_AT = 16;
export const COUNTS_BYTES = LOST_AT + 8 * MAX_CAPTURES;

/** What is known of a frame beside its bytes. One object is used again and again. */
export interface FrameFacts {
  captures: number;
  verdict: number;
  seconds: number;
  nanoseconds: number;
  /** Of the frame as it came; 0: one that had waited was sent with another. */
  inLength: number;
  inKept: number;
  /** Of the frame as it was sent; 0: it was not. */
  outLength: number;
  outKept: number;
}

export interface CapturedRecord extends Readonly<FrameFacts> {
  readonly kind: typeof RecordKind.Frame;
  /** For namesIn(). */
  readonly text: string;
  /** Valid until the next piece is read. */
  readonly came: Buffer;
  readonly sent: Buffer;
}

export interface CountsRecord {
  readonly kind: typeof RecordKind.Counts;
  /** Captures that they are for, a bit for each slot. */
  readonly captures: number;
  /** Those of them that end: no frame comes for them any more. */
  readonly ended: number;
  readonly seen: number;
  readonly lost: readonly number[];
}

/** Service and server in a record. */
export const recordText = (service: string, server: string): Buffer =>
  Buffer.from(`${service}\t${server}`, 'latin1');

/** serviceKey() of the service, the real server with its port; empty: none. */
export function namesIn(text: string): { readonly service: string; readonly server: string } {
  const [service = '', server = ''] = text.split('\t');
  return { service, server };
}

export const frameRecordBytes = ({ inKept, outKept }: FrameFacts, text: Buffer): number =>
  HEAD_BYTES + text.length + inKept + outKept;

/** `came` and `sent` have at least as many bytes as are kept. */
export function writeFrameRecord(
  into: Buffer,
  at: number,
  facts: FrameFacts,
  text: Buffer,
  came: Uint8Array,
  cameAt: number,
  sent: Uint8Array,
  sentAt: number,
): void {
  into.writeUInt32LE(frameRecordBytes(facts, text), at);
  into[at + KIND_AT] = RecordKind.Frame;
  into[at + CAPTURES_AT] = facts.captures;
  into.writeUInt16LE(facts.verdict, at + VERDICT_AT);
  into.writeUInt32LE(facts.seconds, at + 8);
  into.writeUInt32LE(facts.nanoseconds, at + 12);
  into.writeUInt32LE(facts.inLength, at + 16);
  into.writeUInt32LE(facts.inKept, at + 20);
  into.writeUInt32LE(facts.outLength, at + 24);
  into.writeUInt32LE(facts.outKept, at + 28);
  into.writeUInt32LE(text.length, at + 32);
  let end = at + HEAD_BYTES;
  into.set(text, end);
  end += text.length;
  into.set(came.subarray(cameAt, cameAt + facts.inKept), end);
  into.set(sent.subarray(sentAt, sentAt + facts.outKept), end + facts.inKept);
}

export function writeCountsRecord(
  into: Buffer,
  at: number,
  { captures, ended, seen, lost }: Omit<CountsRecord, 'kind'>,
): void {
  into.fill(0, at, at + COUNTS_BYTES);
  into.writeUInt32LE(COUNTS_BYTES, at);
  into[at + KIND_AT] = RecordKind.Counts;
  into[at + CAPTURES_AT] = captures;
  into[at + ENDED_AT] = ended;
  into.writeDoubleLE(seen, at + 8);
  for (const [slot, count] of lost.entries()) into.writeDoubleLE(count, at + LOST_AT + 8 * slot);
}

/** Reads what comes in pieces of any size. */
export class RecordReader {
  private rest: Buffer = Buffer.alloc(0);

  /** The records that are whole now. */
  *push(piece: Buffer): Generator<CapturedRecord | CountsRecord> {
    let bytes = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    while (bytes.length >= 4) {
      const length = bytes.readUInt32LE(0);
      if (bytes.length < length) break;
      yield decodeRecord(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
    }
    this.rest = bytes;
  }
}

function decodeRecord(record: Buffer): CapturedRecord | CountsRecord {
  const captures = record[CAPTURES_AT]!;
  if (record[KIND_AT] === RecordKind.Counts) {
    const lost = Array.from({ length: MAX_CAPTURES }, (_, slot) => record.readDoubleLE(LOST_AT + 8 * slot));
    return {
      kind: RecordKind.Counts,
      captures,
      ended: record[ENDED_AT]!,
      seen: record.readDoubleLE(8),
      lost,
    };
  }
  const inKept = record.readUInt32LE(20);
  const outKept = record.readUInt32LE(28);
  const cameAt = HEAD_BYTES + record.readUInt32LE(32);
  return {
    kind: RecordKind.Frame,
    captures,
    verdict: record.readUInt16LE(VERDICT_AT),
    seconds: record.readUInt32LE(8),
    nanoseconds: record.readUInt32LE(12),
    inLength: record.readUInt32LE(16),
    inKept,
    outLength: record.readUInt32LE(24),
    outKept,
    text: record.toString('latin1', HEAD_BYTES, cameAt),
    came: record.subarray(cameAt, cameAt + inKept),
    sent: record.subarray(cameAt + inKept, cameAt + inKept + outKept),
  };
}
