/** Capture files as people have them: pcap of micro- or nanoseconds, pcapng, each also with gzip, or standard input. */
import { createReadStream } from 'node:fs';
import { DirectorError } from '../errors.ts';
import { reasonOf } from '../text-file.ts';
import { type CapturedFrame, type CaptureParser, Problems } from './captured-frame.ts';
import { ClassicParser, isClassicMagic } from './classic-parser.ts';
import { gunzipped } from './gunzip.ts';
import { BlockType } from './pcapng-format.ts';
import { PcapngParser } from './pcapng-parser.ts';

export const STANDARD_INPUT = '-';
const PIECE_BYTES = 256 * 1024;
const MAGIC_BYTES = 4;
const GZIP_MAGIC = 0x1f8b;

/** A capture that is being read. */
export interface Capture {
  /** Frames in the order of the file, some at a time. Each batch is valid until the next is asked for. To be called once. */
  batches(): AsyncGenerator<readonly CapturedFrame[]>;
  /** What had to be left out so far, each with how often. */
  readonly problems: readonly string[];
}

/** `path` may be - for standard input. Throws CAPTURE_FILE here or from batches(). */
export async function openCapture(path: string): Promise<Capture> {
  const name = path === STANDARD_INPUT ? 'standard input' : path;
  const problems = new Problems();
  const raw = await withMagic(pieces(path, name));
  const isGzip = raw.first.length >= 2 && raw.first.readUInt16BE(0) === GZIP_MAGIC;
  const plain = isGzip ? await withMagic(gunzipped(raw.all(), problems)) : raw;
  const parser = parserFor(plain.first, name, problems.texts);
  return {
    get problems() {
      return [...parser.problems.texts, ...problems.texts];
    },
    async *batches() {
      for await (const piece of plain.all()) {
        const frames = parser.push(piece);
        if (frames.length > 0) yield frames;
      }
      parser.end();
    },
  };
}

async function* pieces(path: string, name: string): AsyncGenerator<Buffer> {
  const stream =
    path === STANDARD_INPUT ? process.stdin : createReadStream(path, { highWaterMark: PIECE_BYTES });
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new DirectorError('CAPTURE_FILE', `cannot read ${name}: ${reasonOf(cause)}`, { path }, cause);
  }
}

interface Begun {
  /** Holds the magic number, unless there is less than that in all. */
  readonly first: Buffer;
  /** `first` and all that follows. */
  all(): AsyncGenerator<Buffer>;
}

async function withMagic(source: AsyncGenerator<Buffer>): Promise<Begun> {
  let first: Buffer = Buffer.alloc(0);
  while (first.length < MAGIC_BYTES) {
    const { done, value } = await source.next();
    if (done === true) break;
    first = first.length === 0 ? value : Buffer.concat([first, value]);
  }
  return {
    first,
    async *all() {
      if (first.length > 0) yield first;
      yield* source;
    },
  };
}

function parserFor(first: Buffer, name: string, problems: readonly string[]): CaptureParser {
  const refuse = (reason: string): never => {
    throw new DirectorError('CAPTURE_FILE', `cannot read ${name}: ${[reason, ...problems].join('; ')}`, {
      path: name,
    });
  };
  if (first.length < MAGIC_BYTES) return refuse(first.length === 0 ? 'it is empty' : 'it is no capture file');
  const magic = first.readUInt32BE(0);
  if (isClassicMagic(magic)) return new ClassicParser(name);
  if (magic === BlockType.Section) return new PcapngParser(name);
  const bytes = first
    .subarray(0, MAGIC_BYTES)
    .toString('hex')
    .replaceAll(/..(?=.)/g, '$& ');
  return refuse(`it is no capture file: it begins with ${bytes}; expected pcap or pcapng, or gzip of them`);
}
