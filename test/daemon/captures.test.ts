/** Captures as the daemon keeps them: what ends one, who reads slowly, how many there may be. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { recordText } from '../../src/capture/record.ts';
import { RecordQueue } from '../../src/capture/record-queue.ts';
import type { CaptureWish } from '../../src/capture/wish.ts';
import { NoteReader, type PacketNote, type StatisticsNote } from '../../src/capture-file/pcapng-notes.ts';
import { PcapngParser } from '../../src/capture-file/pcapng-parser.ts';
import type { CaptureRequest } from '../../src/control/protocol.ts';
import { Captures } from '../../src/daemon/captures.ts';
import { Verdict } from '../../src/datapath/verdict.ts';

const TEXT = recordText('tcp 10.0.0.100:80', '10.0.0.11:80');
const FRAME = Buffer.alloc(4096);
FRAME.write('020000000b0b0200000001000800', 'hex');
const ASKED: CaptureRequest = { snaplen: 256 };

/** A datapath that captures what it is told to, in memory. */
class Rig {
  readonly asked: (readonly CaptureWish[])[] = [];
  readonly captures: Captures;
  private readonly queue = new RecordQueue();
  private slots = 0;
  /** False: it says nothing any more, as one that hangs. */
  answers = true;
  refusal: { code: 'CAPTURE_UNAVAILABLE'; message: string } | null = null;

  constructor() {
    this.captures = new Captures({
      interface: 'eth0',
      sources: () => 1,
      ask: async (wishes) => {
        this.asked.push(wishes);
        const slots = wishes.reduce((mask, { slot }) => mask | (1 << slot), 0);
        this.queue.addCounts(this.slots, this.slots & ~slots);
        this.slots = slots;
        if (this.answers) setImmediate(() => this.flush());
        return { refusal: this.refusal };
      },
    });
  }

  /** `held`: they leave the datapath with what it says next. */
  frames(count: number, { captures = 1, sent = true, bytes = 64, held = false } = {}): void {
    for (let frame = 0; frame < count; frame++) {
      const facts = { captures, verdict: Verdict.Forward, seconds: 1_700_000_000, nanoseconds: 123_456_789 };
      const lengths = {
        inLength: bytes,
        inKept: bytes,
        outLength: sent ? bytes : 0,
        outKept: sent ? bytes : 0,
      };
      this.queue.add({ ...facts, ...lengths }, TEXT, FRAME, 0, FRAME, 0);
      this.queue.see(2);
    }
    if (!held) this.flush();
  }

  private flush(): void {
    this.queue.flush((bytes) => {
      this.captures.take(0, Buffer.from(bytes), false);
      return bytes.length;
    });
  }
}

/** The whole file. */
async function read(file: ReadableStream<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file) pieces.push(piece);
  return Buffer.concat(pieces);
}

const notesOf = (file: Buffer) => [...new NoteReader().push(file)];
const packetsOf = (file: Buffer) =>
  notesOf(file).filter((note): note is PacketNote => note.kind === 'packet');
const statisticsOf = (file: Buffer) =>
  notesOf(file).find((note): note is StatisticsNote => note.kind === 'statistics');

describe('a capture', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('is a pcapng file of two packets for a frame, with comments, that ends with what was counted', async () => {
    const { id, file } = await rig.captures.begin(ASKED);
    rig.frames(3);
    rig.frames(1, { captures: 2 });
    expect(rig.captures.end(id)).toBe(true);
    const bytes = await read(file);
    const fate = 'Forward, service tcp 10.0.0.100:80, server 10.0.0.11:80, MAC 02:00:00:00:0b:0b';
    expect(packetsOf(bytes).map(({ comment }) => comment)).toEqual(
      [1, 2, 3].flatMap(() => [`came: ${fate}`, `sent: ${fate}`]),
    );
    expect(packetsOf(bytes)[0]!.time).toBe(1_700_000_000_123_456_789n);
    expect(statisticsOf(bytes)).toMatchObject({ received: 8, accepted: 3, dropped: 0, delivered: 3 });
    const parser = new PcapngParser('it');
    expect(parser.push(bytes)).toHaveLength(6);
    expect(parser.problems.texts).toEqual([]);
    expect(rig.captures.end(id)).toBe(false);
  });

  test('has what was on its way when it was told to end', async () => {
    const { id, file } = await rig.captures.begin(ASKED);
    rig.frames(2, { held: true });
    rig.captures.end(id);
    const bytes = await read(file);
    expect(packetsOf(bytes)).toHaveLength(4);
    expect(statisticsOf(bytes)).toMatchObject({ accepted: 2, delivered: 2 });
  });

  test('cuts frames at its own length', async () => {
    const { id, file } = await rig.captures.begin({ snaplen: 20 });
    rig.frames(1, { sent: false });
    rig.captures.end(id);
    expect(packetsOf(await read(file)).map(({ data }) => data.length)).toEqual([20]);
  });

  test('ends after its count, and asks for nothing any more', async () => {
    const { file } = await rig.captures.begin({ ...ASKED, count: 2, verdict: ['Drop'] });
    expect(rig.asked[0]).toMatchObject([
      { slot: 0, snapBytes: 256, filter: { verdicts: expect.any(Array) } },
    ]);
    rig.frames(5);
    expect(statisticsOf(await read(file))).toMatchObject({ accepted: 5, delivered: 2, dropped: 0 });
    expect(rig.asked.at(-1)).toEqual([]);
  });

  test('ends after its time, also when the datapath hangs', async () => {
    vi.useFakeTimers();
    const { file } = await rig.captures.begin({ ...ASKED, seconds: 5 });
    rig.answers = false;
    const reading = read(file);
    await vi.advanceTimersByTimeAsync(4900);
    expect(rig.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1200);
    expect(statisticsOf(await reading)).toMatchObject({ delivered: 0 });
  });

  test('ends when its reader goes, and makes room for another one', async () => {
    const { file } = await rig.captures.begin(ASKED);
    await file.cancel();
    await vi.waitFor(() => expect(rig.asked.at(-1)).toEqual([]));
    rig.frames(2);
    const { id } = await rig.captures.begin(ASKED);
    expect(rig.asked.at(-1)).toMatchObject([{ slot: 0 }]);
    rig.captures.end(id);
  });

  test('loses frames for a reader that does not read, and counts them', async () => {
    const { id, file } = await rig.captures.begin({ snaplen: 4096 });
    for (let round = 0; round < 30; round++) rig.frames(100, { bytes: 4096 });
    rig.captures.end(id);
    const bytes = await read(file);
    expect(bytes.length).toBeLessThan(9 * 1024 * 1024);
    const statistics = statisticsOf(bytes)!;
    expect(statistics.delivered + statistics.dropped).toBe(3000);
    expect(statistics.dropped).toBeGreaterThan(1500);
    expect(packetsOf(bytes)).toHaveLength(2 * statistics.delivered);
  });

  test('shares frames with others, in slots of their own; a fifth is refused', async () => {
    const captures = [];
    for (let number = 0; number < 4; number++) captures.push(await rig.captures.begin(ASKED));
    expect(rig.captures.wishes.map(({ slot }) => slot)).toEqual([0, 1, 2, 3]);
    await expect(rig.captures.begin(ASKED)).rejects.toMatchObject({ code: 'CAPTURE_UNAVAILABLE' });
    rig.frames(1, { captures: 0b1001 });
    rig.captures.finishAll();
    const packets = await Promise.all(captures.map(async ({ file }) => packetsOf(await read(file)).length));
    expect(packets).toEqual([2, 0, 0, 2]);
  });

  test('that the datapath refuses is none', async () => {
    rig.refusal = { code: 'CAPTURE_UNAVAILABLE', message: 'no' };
    await expect(rig.captures.begin(ASKED)).rejects.toMatchObject({
      code: 'CAPTURE_UNAVAILABLE',
      message: 'no',
    });
    expect(rig.captures.wishes).toEqual([]);
    await expect(rig.captures.begin({ ...ASKED, verdict: ['x'] })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});
