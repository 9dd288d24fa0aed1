/**
 * Classic pcap files (https://www.tcpdump.org/manpages/pcap-savefile.5.html), read by the pcap-parser package. It gets
 * the pieces of the file by hand instead of from a stream: it has emitted all frames of a piece when the call returns,
 * so that memory is bounded by what the piece holds. What it does not do is done here: files with nanoseconds, which
 * differ by their first four bytes; a bound for lengths; a last frame that is cut.
 */
import pcap, { type GlobalHeader, type PacketHeader } from 'pcap-parser';
import { DirectorError } from '../errors.ts';
import {
  type CapturedFrame,
  type CaptureParser,
  MAX_CAPTURED_BYTES,
  NANOSECONDS_PER_MICROSECOND,
  NANOSECONDS_PER_SECOND,
  Problems,
} from './captured-frame.ts';
import { requireEthernet } from './link-type.ts';

const FILE_HEADER_BYTES = 24;
const FRAME_HEADER_BYTES = 16;

/** The first word of the file, as big-endian bytes have it. */
export const MICROSECOND_MAGIC = 0xa1b2c3d4;
const MICROSECOND_MAGIC_SWAPPED = 0xd4c3b2a1;
export const NANOSECOND_MAGIC = 0xa1b23c4d;
const NANOSECOND_MAGIC_SWAPPED = 0x4d3cb2a1;

export const isClassicMagic = (magic: number): boolean =>
  magic === MICROSECOND_MAGIC || magic === MICROSECOND_MAGIC_SWAPPED || isNanosecondMagic(magic);

const isNanosecondMagic = (magic: number): boolean =>
  magic === NANOSECOND_MAGIC || magic === NANOSECOND_MAGIC_SWAPPED;

/** Thrown through the package, which has no other way to stop. */
const DAMAGED = Symbol('damaged');

export class ClassicParser implements CaptureParser {
  readonly problems = new Problems();
  private readonly name: string;
  private readonly feed: (piece: Buffer) => void;
  private frames: CapturedFrame[] = [];
  /** How many nanoseconds the second word of a frame's time counts. */
  private unitNs = NANOSECONDS_PER_MICROSECOND;
  private fedBytes = 0;
  private readBytes = 0;
  private isDamaged = false;

  constructor(name: string) {
    this.name = name;
    let feed = (_piece: Buffer): void => {};
    const input = {
      pause: () => {},
      resume: () => {},
      on: (event: string, listener: (piece: Buffer) => void) => {
        if (event === 'data') feed = listener;
      },
    };
    pcap
      .parse(input)
      .on('globalHeader', (header) => this.takeFileHeader(header))
      .on('packetHeader', (header) => this.checkFrameHeader(header))
      .on('packet', ({ header, data }) => this.takeFrame(header, data))
      .on('error', (cause) => this.refuse(cause.message, cause));
    this.feed = feed;
  }

  /** The first piece holds the magic number at least. */
  push(piece: Buffer): CapturedFrame[] {
    if (this.isDamaged) return [];
    if (this.fedBytes === 0) this.takeMagic(piece);
    this.fedBytes += piece.length;
    this.frames = [];
    try {
      this.feed(piece);
    } catch (error) {
      if (error !== DAMAGED) throw error;
    }
    return this.frames;
  }

  end(): void {
    if (this.readBytes === 0) this.refuse(`it ends after ${this.fedBytes} bytes, within its header`);
    const leftBytes = this.fedBytes - this.readBytes;
    if (this.isDamaged || leftBytes === 0) return;
    this.problems.add(`it ends in the middle of a frame, whose ${leftBytes} bytes were left out`);
  }

  /** To the package a file with nanoseconds is one with microseconds. */
  private takeMagic(piece: Buffer): void {
    const magic = piece.readUInt32BE(0);
    if (!isNanosecondMagic(magic)) return;
    this.unitNs = 1;
    piece.writeUInt32BE(magic === NANOSECOND_MAGIC ? MICROSECOND_MAGIC : MICROSECOND_MAGIC_SWAPPED, 0);
  }

  private takeFileHeader({ majorVersion, minorVersion, linkLayerType }: GlobalHeader): void {
    if (majorVersion !== 2 || minorVersion !== 4)
      this.refuse(`its format has version ${majorVersion}.${minorVersion}; expected 2.4`);
    // Above are the length of the frame check sequence and reserved bits.
    requireEthernet(linkLayerType & 0xffff, this.name);
    this.readBytes = FILE_HEADER_BYTES;
  }

  private checkFrameHeader({ capturedLength }: PacketHeader): void {
    if (capturedLength <= MAX_CAPTURED_BYTES) return;
    this.isDamaged = true;
    this.problems.add(
      `it is damaged at byte ${this.readBytes}: a frame of ${capturedLength} bytes, where at most ` +
        `${MAX_CAPTURED_BYTES} are possible; what follows was left out`,
    );
    throw DAMAGED;
  }

  private takeFrame(header: PacketHeader, data: Buffer): void {
    const { originalLength } = header;
    this.readBytes += FRAME_HEADER_BYTES + data.length;
    let seconds = header.timestampSeconds;
    let nanoseconds = header.timestampMicroseconds * this.unitNs;
    if (nanoseconds >= NANOSECONDS_PER_SECOND) {
      seconds += Math.floor(nanoseconds / NANOSECONDS_PER_SECOND);
      nanoseconds %= NANOSECONDS_PER_SECOND;
    }
    this.frames.push({ seconds, nanoseconds, data, originalLength, interface: 0 });
  }

  private refuse(reason: string, cause?: unknown): never {
    throw new DirectorError(
      'CAPTURE_FILE',
      `cannot read ${this.name}: ${reason}`,
      { path: this.name },
      cause,
    );
  }
}
