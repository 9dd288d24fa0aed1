/**
 * pcapng files (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces with clocks of their own, frames
 * in enhanced and in simple packet blocks. All other blocks are passed by.
 */
import { DirectorError } from '../errors.ts';
import { type CapturedFrame, type CaptureParser, MAX_CAPTURED_BYTES, Problems } from './captured-frame.ts';
import { requireEthernet } from './link-type.ts';
import { type PcapngClock, readClock } from './pcapng-clock.ts';
import { BlockType, BYTE_ORDER_MAGIC, OptionCode } from './pcapng-format.ts';

/** Type and length before a block's body, the length again behind it. */
const BLOCK_HEADER_BYTES = 8;
const BLOCK_OVERHEAD_BYTES = 12;
const ENHANCED_HEADER_BYTES = 20;
const SIMPLE_HEADER_BYTES = 4;
const INTERFACE_HEADER_BYTES = 8;
/** Of a block that is needed whole: a frame and many comments. */
const MAX_BLOCK_BYTES = 2 * MAX_CAPTURED_BYTES;

interface CaptureInterface {
  /** In the file. */
  readonly number: number;
  readonly linkType: number;
  /** 0: no limit. */
  readonly snapBytes: number;
  readonly clock: PcapngClock;
}

export class PcapngParser implements CaptureParser {
  readonly problems = new Problems();
  private readonly name: string;
  private rest: Buffer = Buffer.alloc(0);
  /** Bytes of a block that is passed by, still to come. */
  private skipBytes = 0;
  private readBytes = 0;
  private isLittleEndian = true;
  /** Of this section. */
  private interfaces: CaptureInterface[] = [];
  private interfaceCount = 0;
  private isDamaged = false;
  private lastSeconds = 0;
  private lastNanoseconds = 0;

  constructor(name: string) {
    this.name = name;
  }

  push(piece: Buffer): CapturedFrame[] {
    const frames: CapturedFrame[] = [];
    if (this.isDamaged) return frames;
    const skipped = Math.min(this.skipBytes, piece.length);
    this.skipBytes -= skipped;
    this.readBytes += skipped;
    const fresh = piece.subarray(skipped);
    let bytes: Buffer = this.rest.length === 0 ? fresh : Buffer.concat([this.rest, fresh]);
    while (!this.isDamaged) {
      const length = this.takeBlock(bytes, frames);
      if (length === 0) break;
      this.skipBytes = Math.max(0, length - bytes.length);
      this.readBytes += length - this.skipBytes;
      bytes = bytes.subarray(length);
    }
    this.rest = bytes;
    return frames;
  }

  end(): void {
    if (this.isDamaged || (this.rest.length === 0 && this.skipBytes === 0)) return;
    if (this.readBytes === 0) this.refuse('it ends within its first block');
    this.problems.add(`it ends in the middle of a block, whose ${this.rest.length} bytes were left out`);
  }

  /** Takes the block that `bytes` begin with. Returns its length; 0 if more of it is needed, or if it is damaged. */
  private takeBlock(bytes: Buffer, frames: CapturedFrame[]): number {
    if (bytes.length < BLOCK_OVERHEAD_BYTES) return 0;
    const isSection = bytes.readUInt32BE(0) === BlockType.Section;
    if (isSection && !this.takeByteOrder(bytes)) return this.damaged('no byte order mark');
    const type = isSection ? BlockType.Section : this.word(bytes, 0);
    const length = this.word(bytes, 4);
    if (length < BLOCK_OVERHEAD_BYTES || length % 4 !== 0) return this.damaged(`a block of ${length} bytes`);
    if (!NEEDED.has(type)) return length;
    if (length > MAX_BLOCK_BYTES) {
      if (type === BlockType.Section || type === BlockType.Interface)
        return this.damaged(`a header of ${length} bytes`);
      this.problems.add(`a frame longer than ${MAX_CAPTURED_BYTES} bytes was left out`);
      return length;
    }
    if (bytes.length < length) return 0;
    if (this.word(bytes, length - 4) !== length) return this.damaged('a block whose two lengths differ');
    const body = bytes.subarray(BLOCK_HEADER_BYTES, length - 4);
    if (type === BlockType.Section) this.takeSection(body);
    else if (type === BlockType.Interface) this.takeInterface(body);
    else this.takeFrame(type === BlockType.EnhancedPacket ? this.enhanced(body) : this.simple(body), frames);
    return this.isDamaged ? 0 : length;
  }

  private takeByteOrder(bytes: Buffer): boolean {
    this.isLittleEndian = bytes.readUInt32LE(8) === BYTE_ORDER_MAGIC;
    return this.isLittleEndian || bytes.readUInt32BE(8) === BYTE_ORDER_MAGIC;
  }

  private takeSection(body: Buffer): void {
    this.interfaces = [];
    const major = body.length < 6 ? 0 : this.half(body, 4);
    if (major !== 1) this.refuse(`its format has version ${major}; expected 1`);
  }

  private takeInterface(body: Buffer): void {
    if (body.length < INTERFACE_HEADER_BYTES) {
      this.damaged('an interface without its header');
      return;
    }
    this.interfaces.push({
      number: this.interfaceCount++,
      linkType: this.half(body, 0),
      snapBytes: this.word(body, 4),
      clock: readClock(this.options(body, INTERFACE_HEADER_BYTES), this.isLittleEndian),
    });
  }

  private takeFrame(frame: CapturedFrame | undefined, frames: CapturedFrame[]): void {
    if (frame !== undefined) frames.push(frame);
    else this.problems.add('a frame was left out, as its block does not hold what it says');
  }

  private enhanced(body: Buffer): CapturedFrame | undefined {
    if (body.length < ENHANCED_HEADER_BYTES) return undefined;
    const on = this.interfaces[this.word(body, 0)];
    const capturedLength = this.word(body, 12);
    const roomBytes = Math.min(MAX_CAPTURED_BYTES, body.length - ENHANCED_HEADER_BYTES);
    if (on === undefined || capturedLength > roomBytes) return undefined;
    this.requireEthernet(on);
    const [seconds, nanoseconds] = on.clock(this.word(body, 4), this.word(body, 8));
    this.lastSeconds = seconds;
    this.lastNanoseconds = nanoseconds;
    const data = body.subarray(ENHANCED_HEADER_BYTES, ENHANCED_HEADER_BYTES + capturedLength);
    return { seconds, nanoseconds, data, originalLength: this.word(body, 16), interface: on.number };
  }

  /** On the section's first interface, cut at its limit, and without a time: that of the frame before stands for it. */
  private simple(body: Buffer): CapturedFrame | undefined {
    const on = this.interfaces[0];
    if (on === undefined || body.length < SIMPLE_HEADER_BYTES) return undefined;
    this.requireEthernet(on);
    const originalLength = this.word(body, 0);
    const limit = Math.min(on.snapBytes || MAX_CAPTURED_BYTES, body.length - SIMPLE_HEADER_BYTES);
    const data = body.subarray(SIMPLE_HEADER_BYTES, SIMPLE_HEADER_BYTES + Math.min(limit, originalLength));
    const { lastSeconds: seconds, lastNanoseconds: nanoseconds } = this;
    this.problems.add('a frame has no time; it was given that of the frame before');
    return { seconds, nanoseconds, data, originalLength, interface: on.number };
  }

  /** Values by code, the first of each. A list that is cut ends there. */
  private options(body: Buffer, start: number): Map<number, Buffer> {
    const found = new Map<number, Buffer>();
    for (let at = start; at + 4 <= body.length; ) {
      const [code, length] = [this.half(body, at), this.half(body, at + 2)];
      at += 4;
      if (code === OptionCode.End || at + length > body.length) break;
      if (!found.has(code)) found.set(code, body.subarray(at, at + length));
      at += (length + 3) & ~3;
    }
    return found;
  }

  private requireEthernet({ linkType, number }: CaptureInterface): void {
    requireEthernet(linkType, `interface ${number} of ${this.name}`);
  }

  private damaged(what: string): 0 {
    this.isDamaged = true;
    this.problems.add(`it is damaged at byte ${this.readBytes}: ${what}; what follows was left out`);
    return 0;
  }

  private word(bytes: Buffer, at: number): number {
    return this.isLittleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  private half(bytes: Buffer, at: number): number {
    return this.isLittleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  private refuse(reason: string): never {
    throw new DirectorError('CAPTURE_FILE', `cannot read ${this.name}: ${reason}`, { path: this.name });
  }
}

const NEEDED: ReadonlySet<number> = new Set([
  BlockType.Section,
  BlockType.Interface,
  BlockType.EnhancedPacket,
  BlockType.SimplePacket,
]);
