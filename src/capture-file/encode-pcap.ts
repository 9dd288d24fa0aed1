/** Classic pcap files, to write: https://www.tcpdump.org/manpages/pcap-savefile.5.html. Little-endian. */
import { type CapturedFrame, MAX_CAPTURED_BYTES, NANOSECONDS_PER_MICROSECOND } from './captured-frame.ts';
import { MICROSECOND_MAGIC, NANOSECOND_MAGIC } from './classic-parser.ts';
import { LINK_TYPE_ETHERNET } from './link-type.ts';

export type PcapPrecision = 'microseconds' | 'nanoseconds';

export function encodePcapFileHeader(precision: PcapPrecision): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(precision === 'nanoseconds' ? NANOSECOND_MAGIC : MICROSECOND_MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(MAX_CAPTURED_BYTES, 16);
  header.writeUInt32LE(LINK_TYPE_ETHERNET, 20);
  return header;
}

/** What stands before the frame's data. */
export function encodePcapFrameHeader(
  { seconds, nanoseconds, data, originalLength }: Omit<CapturedFrame, 'interface'>,
  precision: PcapPrecision,
): Buffer {
  const header = Buffer.allocUnsafe(16);
  const fraction =
    precision === 'nanoseconds' ? nanoseconds : Math.floor(nanoseconds / NANOSECONDS_PER_MICROSECOND);
  header.writeUInt32LE(seconds >>> 0, 0);
  header.writeUInt32LE(fraction, 4);
  header.writeUInt32LE(data.length, 8);
  header.writeUInt32LE(originalLength, 12);
  return header;
}
