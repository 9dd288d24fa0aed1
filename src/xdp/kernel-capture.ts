/**
 * A capture over the program in the kernel: while somebody captures, the capturing program stands on the interface in
 * the director's place, by one atomic exchange and back by another. Both do the same over the same maps.
 */

import type { FrameBudget } from '../capture/frame-budget.ts';
import { hasEnds } from '../capture/frame-filter.ts';
import type { FrameFacts } from '../capture/record.ts';
import type { RecordQueue } from '../capture/record-queue.ts';
import { RecordTexts } from '../capture/record-texts.ts';
import type { CaptureWish } from '../capture/wish.ts';
import type { Verdict } from '../datapath/verdict.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import type { MacAddress } from '../wire/address.ts';
import { decode } from '../wire/decode.ts';
import { Packet } from '../wire/packet.ts';
import { CAPTURED, NO_NUMBER } from './capture-layout.ts';
import type { ServerOf } from './connections.ts';
import type { Tap } from './tap.ts';

/** Without word from us for so long, the program stops to copy frames. */
const LEASE_SEC = 2;
const RENEW_MS = 500;
const MAX_FRAME_BYTES = 65_536;
/** The whole ring, and what comes while it is read. */
const MAX_READS = 128;

/** What tells whom a frame is for, as it is now. */
export interface CaptureContext {
  ownMac(): MacAddress;
  serverOf: ServerOf;
  serviceOf(packet: Packet): VirtualService | undefined;
  readonly ticksPerSecond: number;
  /** The program's clock. */
  now(): number;
}

/** Where records go, and how many may. */
export interface CaptureSink {
  readonly queue: RecordQueue;
  readonly budget: FrameBudget;
}

export class KernelCapture {
  readonly tap: Tap;
  private readonly context: CaptureContext;
  private readonly queue: RecordQueue;
  private readonly budget: FrameBudget;
  private readonly texts = new RecordTexts();
  private readonly packet = new Packet();
  /** Whole frames to decode: of what was not kept there are zeroes. */
  private readonly frame = Buffer.alloc(MAX_FRAME_BYTES);
  private readonly view = new DataView(this.frame.buffer, this.frame.byteOffset, MAX_FRAME_BYTES);
  private renewedMs = Number.NEGATIVE_INFINITY;
  /** From the monotonic clock to the time of day, whole milliseconds. */
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

  constructor(tap: Tap, context: CaptureContext, { queue, budget }: CaptureSink) {
    this.tap = tap;
    this.context = context;
    this.queue = queue;
    this.budget = budget;
  }

  follow(wishes: readonly CaptureWish[]): void {
    this.tap.follow(wishes);
    this.renew();
    // All that was captured until now, so that a capture which ends has it.
    this.read(MAX_READS);
    this.takeCounts();
  }

  /** By the clock: takes out what has come. */
  tend(): void {
    if (performance.now() - this.renewedMs > RENEW_MS) this.renew();
    // What is beyond waits in the ring, and when that is full the program loses it.
    while (!this.budget.isSpent && this.read(1) > 0);
    this.takeCounts();
  }

  /** So many times, or until there is nothing. Returns how many frames the last one had. */
  private read(times: number): number {
    let frames = 0;
    for (let turn = 0; turn < times; turn++) {
      frames = this.tap.read((bytes, at) => this.take(bytes, at));
      this.budget.spend(frames);
      if (frames === 0) break;
    }
    return frames;
  }

  private takeCounts(): void {
    const { seen, lost } = this.tap.takeCounts();
    this.queue.see(seen);
    for (const [slot, frames] of lost.entries()) this.queue.lose(slot, frames);
  }

  private renew(): void {
    const { context, tap } = this;
    this.renewedMs = performance.now();
    this.offsetMs = Date.now() - Math.round(Number(process.hrtime.bigint()) / 1e6);
    tap.until = (context.now() + LEASE_SEC * context.ticksPerSecond) >>> 0;
  }

  private take(bytes: Buffer, at: number): void {
    const { facts } = this;
    const word = (name: keyof typeof CAPTURED.at) => bytes.readUInt32LE(at + CAPTURED.at[name]);
    facts.captures = word('captures');
    facts.verdict = word('verdict');
    facts.inLength = word('inLength');
    facts.inKept = word('inKept');
    facts.outLength = word('outLength');
    facts.outKept = word('outKept');
    this.setTime(word('time') + bytes.readUInt32LE(at + CAPTURED.at.time + 4) * 2 ** 32);
    const cameAt = at + CAPTURED.bytes;
    const number = word('server');
    const server = number === NO_NUMBER ? undefined : this.context.serverOf(number);
    const service = server === undefined ? this.serviceOf(bytes, cameAt) : undefined;
    this.queue.add(facts, this.texts.of(server, service), bytes, cameAt, bytes, cameAt + facts.inKept);
  }

  /** In whole milliseconds and the rest, so that no digit is lost. */
  private setTime(monotonicNs: number): void {
    const { facts } = this;
    const milliseconds = Math.floor(monotonicNs / 1e6) + this.offsetMs;
    facts.seconds = Math.floor(milliseconds / 1000);
    facts.nanoseconds = (milliseconds - facts.seconds * 1000) * 1e6 + (monotonicNs % 1e6);
  }

  /** Of a frame that has no server, by the rules as they are. */
  private serviceOf(bytes: Buffer, cameAt: number): VirtualService | undefined {
    const { facts, frame, view, packet, context } = this;
    if (!hasEnds(facts.verdict as Verdict) || facts.inLength > MAX_FRAME_BYTES) return undefined;
    bytes.copy(frame, 0, cameAt, cameAt + facts.inKept);
    frame.fill(0, facts.inKept, facts.inLength);
    decode(packet, view, facts.inLength, context.ownMac());
    return packet.hasPorts ? context.serviceOf(packet) : undefined;
  }
}
