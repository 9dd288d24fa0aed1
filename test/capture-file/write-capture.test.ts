/** What we write, as tcpdump and our own readers read it. */
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CaptureSink } from '../../src/capture-file/capture-sink.ts';
import { encodePcapFileHeader, encodePcapFrameHeader } from '../../src/capture-file/encode-pcap.ts';
import {
  encodeEnhancedPacket,
  encodeInterface,
  encodeSection,
} from '../../src/capture-file/encode-pcapng.ts';
import { PacketFlag } from '../../src/capture-file/pcapng-format.ts';
import { eth, payloadOf } from '../helpers/frame-builder.ts';
import { readBack } from './files.ts';

const syn = eth().ipv4('10.0.0.9', '10.0.0.1').tcp(31337, 80, 0x02).bytes();
const FRAMES = [
  { seconds: 1_700_000_000, nanoseconds: 123_456_789, data: syn, originalLength: syn.length, interface: 0 },
  { seconds: 1_700_000_001, nanoseconds: 0, data: payloadOf(61), originalLength: 1514, interface: 0 },
];

const pcapng = (comment?: string) =>
  Buffer.concat([
    encodeSection('director test'),
    encodeInterface('eth0'),
    ...FRAMES.map((frame) =>
      encodeEnhancedPacket({
        ...frame,
        flags: PacketFlag.Inbound,
        ...(comment === undefined ? {} : { comment }),
      }),
    ),
  ]);
const pcap = (precision: 'microseconds' | 'nanoseconds') =>
  Buffer.concat([
    encodePcapFileHeader(precision),
    ...FRAMES.flatMap((frame) => [encodePcapFrameHeader(frame, precision), frame.data]),
  ]);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'director-capture-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;
const tcpdump = (file: Buffer): string => {
  const { stdout, stderr, status } = spawnSync('tcpdump', ['-n', '-tt', '--nano', '-r', '-'], {
    input: file,
    encoding: 'utf8',
  });
  expect(stderr).toMatch(/^reading from file -, link-type EN10MB \(Ethernet\)/);
  expect(status).toBe(0);
  return stdout;
};

describe('a file that we write', () => {
  test.each([
    ['pcapng', pcapng('Forward to 10.0.0.11: "rr" – ✓'), 123_456_789],
    ['pcap of nanoseconds', pcap('nanoseconds'), 123_456_789],
    ['pcap of microseconds', pcap('microseconds'), 123_456_000],
  ])('%s is read back as it was', async (_name, file, nanoseconds) => {
    const { frames, problems } = await readBack(join(folder, 'back'), file);
    expect(problems).toEqual([]);
    expect(frames).toEqual([{ ...FRAMES[0], nanoseconds }, FRAMES[1]]);
  });

  test.skipIf(!hasTcpdump).each([
    ['pcapng', pcapng('a comment'), '1700000000.123456789'],
    ['pcapng without comments', pcapng(), '1700000000.123456789'],
    ['pcap of nanoseconds', pcap('nanoseconds'), '1700000000.123456789'],
    ['pcap of microseconds', pcap('microseconds'), '1700000000.123456000'],
  ])('%s is read by tcpdump', (_name, file, time) => {
    const lines = tcpdump(file).trim().split('\n');
    expect(lines[0]).toContain(`${time} IP 10.0.0.9.31337 > 10.0.0.1.80: Flags [S]`);
    expect(lines.filter((line) => line.startsWith('1700000001.000000000 '))).toHaveLength(1);
  });

  test('has the comment where the format has it, as long as it can be', () => {
    const long = encodeEnhancedPacket({ ...FRAMES[0]!, data: new Uint8Array(), comment: '✓'.repeat(30_000) });
    expect(long.readUInt16LE(28)).toBe(1);
    const bytes = long.readUInt16LE(30);
    expect(bytes).toBe(65_535);
    expect(long.subarray(32, 32 + bytes).toString()).toBe('✓'.repeat(21_845));
    const cut = encodeEnhancedPacket({
      ...FRAMES[0]!,
      data: new Uint8Array(),
      comment: `a${'✓'.repeat(30_000)}`,
    });
    expect(cut.subarray(32, 32 + cut.readUInt16LE(30)).toString()).toBe(`a${'✓'.repeat(21_844)}`);
    expect(cut.length % 4).toBe(0);
  });
});

describe('a capture sink', { timeout: 30_000 }, () => {
  test('writes all, in order, however large the pieces are', async () => {
    const path = join(folder, 'sink');
    const sink = new CaptureSink(createWriteStream(path), path);
    const pieces = Array.from({ length: 2000 }, (_, index) => payloadOf(index === 7 ? 600_000 : index));
    for (const piece of pieces) {
      const copy = Uint8Array.from(piece);
      sink.add(copy);
      copy.fill(0);
      await sink.settle();
    }
    await sink.close();
    expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
  });

  test('waits for a slow stream instead of filling memory', async () => {
    const slow = new Writable({ write: (_piece, _encoding, done) => void setImmediate(done) });
    const sink = new CaptureSink(slow, 'slow');
    for (let index = 0; index < 2000; index++) {
      sink.add(payloadOf(10_000));
      await sink.settle();
      expect(sink.waitingBytes).toBeLessThan(1 << 20);
    }
    await sink.close();
  });

  test('says what the system said', async () => {
    const path = join(folder, 'missing/file');
    const sink = new CaptureSink(createWriteStream(path), path);
    sink.add(Uint8Array.of(1));
    await expect(sink.close()).rejects.toThrow(`cannot write ${path}: there is no such file`);
  });

  test.skipIf(process.getuid?.() !== 0)('says that the disk is full', async () => {
    const sink = new CaptureSink(createWriteStream('/dev/full'), '/dev/full');
    const writing = async () => {
      for (let index = 0; index < 1000; index++) {
        sink.add(payloadOf(10_000));
        await sink.settle();
      }
      await sink.close();
    };
    await expect(writing()).rejects.toThrow('cannot write /dev/full: the disk is full');
  });
});
