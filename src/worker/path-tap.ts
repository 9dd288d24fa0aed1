/**
 * What the path in this process does, for those who capture: copies of each frame before and after it. There is a tap
 * only while somebody captures.
 */
import { FrameFilter, hasEnds } from '../capture/frame-filter.ts';
import type { FrameFacts } from '../capture/record.ts';
import { RecordTexts } from '../capture/record-texts.ts';
import { type CaptureWish, MAX_SNAP_BYTES } from '../capture/wish.ts';
import type { Path } from '../datapath/path.ts';
import { Verdict } from '../datapath/verdict.ts';
import type { CaptureLine } from './capture-line.ts';

type Line = Pick<CaptureLine, 'queue' | 'budget' | 'look'>;

interface Tapped {
  readonly slot: number;
  readonly filter: FrameFilter;
}

/** Of the frames that one call of forward() sends, those that had waited for the first of them, at most. */
const MAX_SENT = 16;
/**
 * What the path and the engine change of a frame is in its first bytes: MACs, TTL, options, and the TCP checksum where
 * its sender left that to the card.
 */
const HEAD_WORDS = 32;
const WORD_BYTES = 4;
const NONE = -1;

export class PathTap {
  private readonly path: Path;
  private readonly line: Line;
  private readonly texts = new RecordTexts();
  /** The frame that the path handles, and its first bytes as they came. */
  private frame: DataView = new DataView(new ArrayBuffer(0));
  private readonly head = Buffer.alloc(HEAD_WORDS * WORD_BYTES);
  private readonly headWords = new DataView(this.head.buffer, this.head.byteOffset, this.head.length);
  private readonly came = Buffer.alloc(MAX_SNAP_BYTES);
  /** Frames that it sent, but for the one that came, of which there is no copy. */
  private readonly sent = Buffer.alloc(MAX_SENT * MAX_SNAP_BYTES);
  private readonly sentLengths = new Uint32Array(MAX_SENT);
  private sentCount = 0;
  /** Which of them is the one that came. */
  private ownIndex = NONE;
  private captures: readonly Tapped[] = [];
  private keepBytes = 0;
  /** From this process's clock to the time of day. */
  private offsetMs = 0;
  private readonly facts: FrameFacts = {
    captures: 0,
    verdict: 0,
    seconds: 0,
    nanoseconds: 0,
    inLength: 0,
    inKept: 0,
    outLength: 0,
    outKept: 0,
  };

  constructor(path: Path, line: Line) {
    this.path = path;
    this.line = line;
  }

  follow(wishes: readonly CaptureWish[]): void {
    this.captures = wishes.map(({ slot, filter }) => ({ slot, filter: new FrameFilter(filter) }));
    this.offsetMs = Date.now() - performance.now();
    this.keepBytes = Math.max(...wishes.map(({ snapBytes }) => snapBytes));
  }

  /** A frame has come; the path has not seen it yet. */
  begin(frame: DataView, lengthBytes: number): void {
    this.sentCount = 0;
    this.ownIndex = NONE;
    if (this.line.budget.isSpent) return;
    this.frame = frame;
    this.facts.inLength = lengthBytes;
    const end = Math.min(lengthBytes, this.head.length);
    const { headWords } = this;
    let at = 0;
    // A word at a time: a call of set() costs more than all of this.
    for (; at + WORD_BYTES <= end; at += WORD_BYTES) headWords.setInt32(at, frame.getInt32(at));
    for (; at < end; at++) headWords.setUint8(at, frame.getUint8(at));
  }

  /** The path sends a frame: that one, an answer, or one that had waited for it. */
  send(frame: DataView, lengthBytes: number): void {
    if (this.sentCount === MAX_SENT || this.line.budget.isSpent) return;
    const index = this.sentCount++;
    this.sentLengths[index] = lengthBytes;
    if (frame === this.frame) this.ownIndex = index;
    else bytesOf(frame, Math.min(lengthBytes, this.keepBytes)).copy(this.sent, index * MAX_SNAP_BYTES);
  }

  /** The path is done with it. */
  end(verdict: Verdict): void {
    const { path, facts } = this;
    this.line.queue.see(1);
    facts.captures = this.wantedBy(verdict);
    if (facts.captures === 0) return;
    if (this.line.budget.isSpent) {
      for (const { slot } of this.captures) if (facts.captures & (1 << slot)) this.line.queue.lose(slot, 1);
      return;
    }
    this.line.budget.spend(1);
    const milliseconds = this.offsetMs + performance.now();
    facts.seconds = Math.floor(milliseconds / 1000);
    facts.nanoseconds = Math.floor((milliseconds % 1000) * 1e6);
    facts.verdict = verdict;
    const service =
      path.server === undefined && hasEnds(verdict) && path.packet.hasPorts
        ? path.services.match(path.packet)
        : undefined;
    const text = this.texts.of(path.server, service);
    this.restoreCame();
    this.add(0, text);
    facts.inLength = facts.inKept = 0;
    facts.verdict = Verdict.ForwardFragment;
    for (let index = 1; index < this.sentCount; index++) this.add(index, text);
  }

  /** For a path whose load lets no clock run. */
  look(nowMs: number): void {
    this.line.look(nowMs);
  }

  private wantedBy(verdict: Verdict): number {
    const { packet, server } = this.path;
    let captures = 0;
    for (const { slot, filter } of this.captures)
      if (filter.wants(verdict, packet, server)) captures |= 1 << slot;
    return captures;
  }

  private restoreCame(): void {
    const { facts, head } = this;
    facts.inKept = Math.min(facts.inLength, this.keepBytes);
    bytesOf(this.frame, facts.inKept).copy(this.came);
    head.copy(this.came, 0, 0, Math.min(facts.inKept, head.length));
  }

  private add(index: number, text: Buffer): void {
    const { facts, came } = this;
    facts.outLength = index < this.sentCount ? this.sentLengths[index]! : 0;
    facts.outKept = Math.min(facts.outLength, this.keepBytes);
    if (index === this.ownIndex)
      this.line.queue.add(facts, text, came, 0, bytesOf(this.frame, facts.outKept), 0);
    else this.line.queue.add(facts, text, came, 0, this.sent, index * MAX_SNAP_BYTES);
  }
}

const bytesOf = (frame: DataView, lengthBytes: number): Buffer =>
  Buffer.from(frame.buffer, frame.byteOffset, lengthBytes);
