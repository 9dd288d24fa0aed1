/** Records on the line: whole whatever the pieces, bounded whatever the reader. */
import { describe, expect, test } from 'vitest';
import {
  type CapturedRecord,
  type FrameFacts,
  RecordKind,
  RecordReader,
  recordText,
} from '../../src/capture/record.ts';
import { RecordQueue } from '../../src/capture/record-queue.ts';
import { recordsIn } from './tapped-path.ts';

const TEXT = recordText('tcp 10.0.0.100:80', '10.0.0.11:80');
const FACTS: FrameFacts = {
  captures: 0b101,
  verdict: 32,
  seconds: 4_000_000_000,
  nanoseconds: 999_999_999,
  inLength: 70_000,
  inKept: 5,
  outLength: 60,
  outKept: 3,
};
const bytes = Buffer.from([9, 1, 2, 3, 4, 5, 6, 7, 8]);

const add = (queue: RecordQueue, facts: Partial<FrameFacts> = {}): void =>
  queue.add({ ...FACTS, ...facts }, TEXT, bytes, 1, bytes, 6);

describe('records', () => {
  test('come out as they went in', () => {
    const queue = new RecordQueue(4096);
    add(queue);
    queue.see(12);
    queue.lose(2, 3);
    queue.addCounts(0b0101, 0b0100);
    const [frame, counts] = recordsIn(queue);
    expect(frame).toEqual({
      ...FACTS,
      kind: RecordKind.Frame,
      text: 'tcp 10.0.0.100:80\t10.0.0.11:80',
      came: Buffer.from([1, 2, 3, 4, 5]),
      sent: Buffer.from([6, 7, 8]),
    });
    expect(counts).toEqual({ kind: RecordKind.Counts, captures: 5, ended: 4, seen: 12, lost: [0, 0, 3, 0] });
    expect(queue.isEmpty).toBe(true);
  });

  test('are read from pieces of any size', () => {
    const queue = new RecordQueue(4096);
    for (let verdict = 0; verdict < 5; verdict++) add(queue, { verdict });
    const reader = new RecordReader();
    const verdicts: number[] = [];
    queue.flush((all) => {
      for (let at = 0; at < all.length; at += 7)
        for (const record of reader.push(Buffer.from(all.subarray(at, at + 7))))
          verdicts.push((record as CapturedRecord).verdict);
      return all.length;
    });
    expect(verdicts).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('a full queue', () => {
  test('loses frames, counts them for whom they were, and has room for the counts', () => {
    const queue = new RecordQueue(1024);
    for (let frame = 0; frame < 100; frame++) add(queue);
    queue.addCounts(0b0101, 0b0101);
    const records = recordsIn(queue);
    const counts = records.pop();
    const kept = records.length;
    expect(kept).toBeGreaterThan(5);
    expect(counts).toMatchObject({ lost: [100 - kept, 0, 100 - kept, 0] });
  });

  test('takes frames again as the reader goes on, in order', () => {
    const queue = new RecordQueue(2048);
    const reader = new RecordReader();
    const read: number[] = [];
    let lost = 0;
    for (let frame = 0; frame < 500; frame++) {
      add(queue, { seconds: frame });
      // Takes 100 bytes each time, then nothing more.
      let isReady = frame % 2 === 0;
      queue.flush((waiting) => {
        if (!isReady) return undefined;
        isReady = false;
        const taken = Buffer.from(waiting.subarray(0, 100));
        for (const record of reader.push(taken)) read.push((record as CapturedRecord).seconds);
        return taken.length;
      });
    }
    queue.addCounts(1, 1);
    queue.flush((waiting) => {
      for (const record of reader.push(Buffer.from(waiting))) {
        if (record.kind === RecordKind.Frame) read.push(record.seconds);
        else lost = record.lost[0]!;
      }
      return waiting.length;
    });
    expect(read).toEqual([...read].sort((a, b) => a - b));
    expect(read.length + lost).toBe(500);
    expect(read.length).toBeGreaterThan(100);
  });
});
