/** Files on disk, gzip, what is no capture at all, and files changed at random. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClassicParser } from '../../src/capture-file/classic-parser.ts';
import { PcapngParser } from '../../src/capture-file/pcapng-parser.ts';
import { DirectorError } from '../../src/errors.ts';
import { payloadOf } from '../helpers/frame-builder.ts';
import { classicFile, enhanced, interfaceBlock, parseAll, readBack, section } from './files.ts';

const A = payloadOf(60);
const classic = classicFile(Array.from({ length: 300 }, (_, index) => ({ time: [index, 0], data: A })));
const pcapng = Buffer.concat([
  section('LE'),
  interfaceBlock('LE'),
  ...Array.from({ length: 300 }, () => enhanced('LE', A)),
]);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'director-capture-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a capture file', { timeout: 30_000 }, () => {
  const at = (name: string) => join(folder, name);

  test.each([
    ['pcap', classic],
    ['pcapng', pcapng],
  ])('%s is read, with gzip and without', async (name, file) => {
    const plain = await readBack(at(name), file);
    expect(plain.frames).toHaveLength(300);
    expect(plain.problems).toEqual([]);
    expect(await readBack(at(`${name}.gz`), gzipSync(file))).toEqual(plain);
    // As cat puts two together.
    const halves = [file.subarray(0, 1000), file.subarray(1000)].map((half) => gzipSync(half));
    expect(await readBack(at(`${name}.gz`), Buffer.concat(halves))).toEqual(plain);
  });

  test('whose gzip data is cut gives what was there', async () => {
    const zipped = gzipSync(classic, { level: 0 });
    const { frames, problems } = await readBack(at('cut.gz'), zipped.subarray(0, zipped.length / 2));
    expect(frames.length).toBeGreaterThan(140);
    expect(problems).toEqual([
      expect.stringMatching(/^it ends in the middle of a frame/),
      'its gzip data ends too early',
    ]);
    // Only the check sum is missing.
    const whole = await readBack(at('cut.gz'), zipped.subarray(0, -8));
    expect(whole.frames).toHaveLength(300);
    expect(whole.problems).toEqual(['its gzip data ends too early']);
  });

  test('whose gzip data is damaged gives what came before', async () => {
    const zipped = gzipSync(classic, { level: 0 });
    zipped[zipped.length - 6]! ^= 1;
    const { frames, problems } = await readBack(at('damaged.gz'), zipped);
    // But for what came of the last 4 KiB of it.
    expect(frames.length).toBeGreaterThan(300 - 4096 / 76);
    expect(problems.at(-1)).toBe(
      'its gzip data is damaged (incorrect data check); what follows was left out',
    );
  });

  test.each([
    ['nothing', Buffer.alloc(0), 'it is empty'],
    ['two bytes', Buffer.alloc(2), 'it is no capture file'],
    [
      'text',
      Buffer.from('#!/bin/sh\n'),
      'it is no capture file: it begins with 23 21 2f 62; expected pcap or pcapng, or gzip of them',
    ],
    ['gzip of text', gzipSync('hello'), 'it is no capture file: it begins with 68 65 6c 6c'],
    ['half a gzip header', gzipSync('').subarray(0, 5), 'it is empty; its gzip data ends too early'],
    [
      'a gzip magic only',
      Buffer.from([0x1f, 0x8b, 9, 9, 9, 9]),
      'it is empty; its gzip data is damaged (unknown compression method)',
    ],
  ])('with %s in it is refused', async (_name, file, message) => {
    const error = await readBack(at('bad'), file).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'CAPTURE_FILE' });
    expect(error.message).toContain(`cannot read ${at('bad')}: ${message}`);
  });

  test('that is not there, or is a folder, is refused', async () => {
    await expect(readBack(at('none'))).rejects.toThrow(`cannot read ${at('none')}: there is no such file`);
    await expect(readBack(folder)).rejects.toThrow(`cannot read ${folder}: it is a directory`);
  });

  test('that would grow a thousand times is read in bounded memory', async () => {
    // Two hundred megabytes of one block that is passed by.
    const zeroes = Buffer.alloc(200 << 20);
    const head = Buffer.concat([section('LE'), Buffer.from('ad0b0000f0ffffff', 'hex')]);
    const file = gzipSync(Buffer.concat([head, zeroes]), { level: 1 });
    const before = process.memoryUsage().rss;
    const { frames } = await readBack(at('bomb.gz'), file);
    expect(frames).toEqual([]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
  });

  test('comes by standard input too', () => {
    const script = `
      const { openCapture } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/capture-file/read-capture.ts'))});
      const capture = await openCapture('-');
      let frames = 0;
      for await (const batch of capture.batches()) frames += batch.length;
      console.log(frames);`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      { input: gzipSync(pcapng), encoding: 'utf8', cwd: join(import.meta.dirname, '../..') },
    );
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe('300');
  });
});

describe('files changed at random', { timeout: 30_000 }, () => {
  const changes = fc.array(
    fc.tuple(fc.nat(1000), fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff, 0x7f, 0x80))),
    { minLength: 1, maxLength: 12 },
  );

  test.each([
    ['pcap', classic, () => new ClassicParser('x')],
    ['pcapng', pcapng, () => new PcapngParser('x')],
  ])('%s: end with frames or with an error that says why', (_name, file, parser) => {
    fc.assert(
      fc.property(changes, fc.integer({ min: 4, max: 2000 }), (edits, pieceBytes) => {
        const changed = Buffer.from(file.subarray(0, 1000));
        for (const [at, value] of edits) changed[at % changed.length] = value;
        try {
          const frames = parseAll(parser(), changed, pieceBytes);
          for (const { data, seconds, nanoseconds, originalLength } of frames) {
            expect(data.length).toBeLessThanOrEqual(1000);
            expect(Number.isSafeInteger(seconds) && Number.isInteger(originalLength)).toBe(true);
            expect(nanoseconds >= 0 && nanoseconds < 1e9 && Number.isInteger(nanoseconds)).toBe(true);
          }
        } catch (error) {
          if (!(error instanceof DirectorError) || error.code !== 'CAPTURE_FILE') throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
