/** Capture files of every kind that is read, and the damage that files have. */
import { describe, expect, test } from 'vitest';
import { ClassicParser } from '../../src/capture-file/classic-parser.ts';
import { PcapngParser } from '../../src/capture-file/pcapng-parser.ts';
import { payloadOf } from '../helpers/frame-builder.ts';
import {
  type ByteOrder,
  Bytes,
  block,
  classicFile,
  enhanced,
  interfaceBlock,
  parseAll,
  section,
} from './files.ts';

const ORDERS: readonly ByteOrder[] = ['LE', 'BE'];
const A = payloadOf(60);
const B = payloadOf(1514);

describe.each(ORDERS)('a classic file, %s', (order) => {
  const frames = [
    { time: [1_700_000_000, 999_999] as [number, number], data: A },
    { time: [1_700_000_001, 1] as [number, number], data: B.subarray(0, 96), originalLength: 1514 },
  ];

  test.each([undefined, 1000, 7, 4])('gives its frames, in pieces of %s bytes', (pieceBytes) => {
    const parser = new ClassicParser('x');
    expect(parseAll(parser, classicFile(frames, { order }), pieceBytes)).toEqual([
      { seconds: 1_700_000_000, nanoseconds: 999_999_000, data: A, originalLength: 60, interface: 0 },
      {
        seconds: 1_700_000_001,
        nanoseconds: 1000,
        data: B.subarray(0, 96),
        originalLength: 1514,
        interface: 0,
      },
    ]);
    expect(parser.problems.texts).toEqual([]);
  });

  test('may count nanoseconds', () => {
    const file = classicFile(frames, { order, magic: 0xa1b23c4d });
    const read = parseAll(new ClassicParser('x'), file);
    expect(read.map(({ nanoseconds }) => nanoseconds)).toEqual([999_999, 1]);
  });

  test('with more than a second of microseconds has its time put right', () => {
    const [frame] = parseAll(new ClassicParser('x'), classicFile([{ time: [5, 2_000_001] }], { order }));
    expect(frame).toMatchObject({ seconds: 7, nanoseconds: 1000 });
  });

  test('cut at any byte gives the frames that are whole, and says how much is left', () => {
    const file = classicFile([{ data: A }, { data: A }], { order });
    for (let length = 24; length < file.length; length++) {
      const parser = new ClassicParser('x');
      const wholeFrames = Math.floor((length - 24) / 76);
      const leftBytes = (length - 24) % 76;
      expect(parseAll(parser, file.subarray(0, length))).toHaveLength(wholeFrames);
      expect(parser.problems.texts).toEqual(
        leftBytes === 0 ? [] : [`it ends in the middle of a frame, whose ${leftBytes} bytes were left out`],
      );
    }
  });

  test('cut within its header is none', () => {
    expect(() => parseAll(new ClassicParser('x'), classicFile([], { order }).subarray(0, 23))).toThrow(
      'cannot read x: it ends after 23 bytes, within its header',
    );
  });

  test('with an impossible length ends there', () => {
    const parser = new ClassicParser('x');
    const file = classicFile([{ data: A }, { data: A, capturedLength: 0x7fffffff }, { data: A }], { order });
    expect(parseAll(parser, file, 50)).toHaveLength(1);
    expect(parser.problems.texts).toEqual([
      'it is damaged at byte 100: a frame of 2147483647 bytes, where at most 262144 are possible; what follows was left out',
    ]);
  });

  test('may have frames without a byte', () => {
    const empty = new Uint8Array();
    expect(
      parseAll(new ClassicParser('x'), classicFile([{ data: empty }, { data: A }], { order })),
    ).toMatchObject([{ data: empty }, { data: A }]);
  });

  test('of another link type or version is refused', () => {
    expect(() => parseAll(new ClassicParser('x'), classicFile([], { order, linkType: 113 }))).toThrow(
      'x has link type 113 (Linux cooked, of tcpdump -i any); expected Ethernet (1): capture on an Ethernet interface by its name, such as tcpdump -i eth0',
    );
    expect(() => parseAll(new ClassicParser('x'), classicFile([], { order, version: [2, 3] }))).toThrow(
      'cannot read x: its format has version 2.3; expected 2.4',
    );
  });
});

describe.each(ORDERS)('a pcapng file, %s', (order) => {
  const time = 1_700_000_000_999_999n;
  const option = (code: number, value: Uint8Array | readonly number[]) =>
    new Bytes(order).u16(code, value.length).padded(value).done();
  const read = (...blocks: Buffer[]) => {
    const parser = new PcapngParser('x');
    const frames = parseAll(parser, Buffer.concat([section(order), ...blocks]));
    return { frames, problems: parser.problems.texts };
  };

  test.each([undefined, 1000, 7, 1])('gives its frames, in pieces of %s bytes', (pieceBytes) => {
    const unknown = block(order, 0xbad, Buffer.alloc(5000));
    const parser = new PcapngParser('x');
    const file = Buffer.concat([
      section(order),
      unknown,
      interfaceBlock(order),
      enhanced(order, A, { time }),
      unknown,
      enhanced(order, B.subarray(0, 61), { time, originalLength: 1514 }),
    ]);
    expect(parseAll(parser, file, pieceBytes)).toEqual([
      { seconds: 1_700_000_000, nanoseconds: 999_999_000, data: A, originalLength: 60, interface: 0 },
      {
        seconds: 1_700_000_000,
        nanoseconds: 999_999_000,
        data: B.subarray(0, 61),
        originalLength: 1514,
        interface: 0,
      },
    ]);
    expect(parser.problems.texts).toEqual([]);
  });

  test.each([
    ['nanoseconds', option(9, [9]), 1_700_000_000_123_456_789n, 1_700_000_000, 123_456_789],
    ['seconds', option(9, [0]), 1_700_000_000n, 1_700_000_000, 0],
    ['picoseconds', option(9, [12]), 1_700_000_123_456_789_999n, 1_700_000, 123_456_789],
    [
      'halves to the power of 10',
      option(9, [0x8a]),
      1_700_000_000n * 1024n + 512n,
      1_700_000_000,
      500_000_000,
    ],
    [
      'microseconds, from an hour later',
      option(14, new Bytes(order).i64(3600n).done()),
      time,
      1_700_003_600,
      999_999_000,
    ],
    [
      'microseconds, from an hour earlier',
      option(14, new Bytes(order).i64(-3600n).done()),
      time,
      1_699_996_400,
      999_999_000,
    ],
  ])('may have a clock of %s', (_name, options, ticks, seconds, nanoseconds) => {
    const { frames } = read(interfaceBlock(order, { options }), enhanced(order, A, { time: ticks }));
    expect(frames).toMatchObject([{ seconds, nanoseconds }]);
  });

  test('may have several interfaces and sections, each of its own byte order', () => {
    const other = order === 'LE' ? 'BE' : 'LE';
    const { frames, problems } = read(
      interfaceBlock(order),
      interfaceBlock(order, { options: option(9, [9]) }),
      enhanced(order, A, { on: 1, time: 5_000_000_000n }),
      section(other),
      interfaceBlock(other),
      enhanced(other, A, { time: 6_000_000n }),
      enhanced(other, A, { on: 1 }),
    );
    expect(frames).toMatchObject([
      { interface: 1, seconds: 5 },
      { interface: 2, seconds: 6 },
    ]);
    expect(problems).toEqual(['a frame was left out, as its block does not hold what it says']);
  });

  test('may have simple packets, which have no time and end at the snap length', () => {
    const simple = block(order, 3, new Bytes(order).u32(1514).padded(B.subarray(0, 90)).done());
    const { frames, problems } = read(
      interfaceBlock(order, { snapBytes: 90 }),
      enhanced(order, A, { time }),
      simple,
      simple,
    );
    expect(frames.slice(1)).toEqual(
      [1, 2].map(() => ({
        seconds: 1_700_000_000,
        nanoseconds: 999_999_000,
        data: B.subarray(0, 90),
        originalLength: 1514,
        interface: 0,
      })),
    );
    expect(problems).toEqual(['a frame has no time; it was given that of the frame before (2 times)']);
  });

  test('cut at any byte gives the frames that are whole', () => {
    const head = Buffer.concat([section(order), interfaceBlock(order)]);
    const one = enhanced(order, A);
    const file = Buffer.concat([head, one, one]);
    for (let length = head.length; length < file.length; length++) {
      const parser = new PcapngParser('x');
      const frames = parseAll(parser, file.subarray(0, length));
      expect(frames).toHaveLength(Math.floor((length - head.length) / one.length));
      expect(parser.problems.texts).toHaveLength((length - head.length) % one.length === 0 ? 0 : 1);
    }
  });

  test('leaves out frames that do not hold what they say, and goes on', () => {
    const { frames, problems } = read(
      interfaceBlock(order),
      enhanced(order, A, { capturedLength: 61 }),
      enhanced(order, A, { capturedLength: 0xffffffff }),
      enhanced(order, A, { on: 7 }),
      block(order, 6, Buffer.alloc(8)),
      block(order, 6, Buffer.alloc(600_000)),
      enhanced(order, A),
    );
    expect(frames).toHaveLength(1);
    expect(problems).toEqual([
      'a frame was left out, as its block does not hold what it says (4 times)',
      'a frame longer than 262144 bytes was left out',
    ]);
  });

  test('ends where a block says something impossible', () => {
    for (const wrong of [
      block(order, 6, Buffer.alloc(20), 8),
      block(order, 6, Buffer.alloc(20), 33),
      new Bytes(order).u32(6, 32).raw(Buffer.alloc(20)).u32(36).done(),
      block(order, 1, Buffer.alloc(4)),
      block(order, 0x0a0d0d0a, Buffer.alloc(16)),
    ]) {
      const { frames, problems } = read(interfaceBlock(order), enhanced(order, A), wrong, enhanced(order, A));
      expect(frames).toHaveLength(1);
      expect(problems).toEqual([
        expect.stringMatching(/^it is damaged at byte 140: .*; what follows was left out$/),
      ]);
    }
  });

  test('of another link type is refused at its first frame', () => {
    const cooked = interfaceBlock(order, { linkType: 113 });
    expect(read(cooked, interfaceBlock(order), enhanced(order, A, { on: 1 })).frames).toHaveLength(1);
    expect(() => read(cooked, enhanced(order, A))).toThrow('interface 0 of x has link type 113');
  });

  test('passes by a block of four gigabytes without keeping it', () => {
    const head = Buffer.concat([section(order), new Bytes(order).u32(0xbad, 0xfffffffc).done()]);
    const parser = new PcapngParser('x');
    parser.push(head);
    for (let fed = 0; fed < 64; fed++) parser.push(Buffer.alloc(1 << 20));
    parser.end();
    expect(parser.problems.texts).toEqual(['it ends in the middle of a block, whose 0 bytes were left out']);
  });
});
