/**
 * The capturing program (native/bpf/capture.bpf.c): loaded over the maps of the program that it stands in for, told
 * what is wanted, read by the clock. Knows nothing of interfaces.
 */
import type { CaptureFilter, CaptureWish } from '../capture/wish.ts';
import { MAX_CAPTURES, MAX_SNAP_BYTES } from '../capture/wish.ts';
import type { EndpointFilter } from '../control/protocol.ts';
import { type BpfObject, bpfObjectPath, loadBpfAddon } from '../host/bpf.ts';
import { parseIp } from '../wire/address.ts';
import { CAPTURE_CONTROL, CAPTURE_COUNTS, CAPTURE_END, CAPTURE_WISH, CAPTURED } from './capture-layout.ts';
import { Memory } from './memory.ts';
import { type ProgramOptions, programLoadOptions } from './program.ts';

const OWN_MAPS = ['capture_control', 'capture_counts', 'captured_frames', 'watched'];
/** Enough of a frame to tell its service, however little of it is wanted. */
const MIN_KEPT_BYTES = 128;
/** Of the ring buffer at a time. */
const READ_BYTES = 64 * 1024;
const LENGTH_BYTES = 4;
const ALL_VERDICTS = 2n ** 64n - 1n;

/** One record of the ring: `at` is where struct captured begins in `bytes`, and the frames follow it. */
export type OnCaptured = (bytes: Buffer, at: number) => void;

export class Tap {
  readonly object: BpfObject;
  /** Its number, for the calls of `object`. */
  readonly program: number;
  private readonly control: Memory;
  private readonly counts: Memory;
  private readonly buffer = Buffer.alloc(READ_BYTES);
  private seen = 0;
  private readonly lost = new Array<number>(MAX_CAPTURES).fill(0);

  /** Those of the program whose maps are pinned there. */
  constructor(options: Pick<ProgramOptions, 'sizes' | 'pinFolder' | 'clockIsGiven'>) {
    const addon = loadBpfAddon();
    const shared = programLoadOptions(options);
    this.object = new addon.BpfObject(bpfObjectPath('capture'), {
      ...shared,
      maxEntries: { ...shared.maxEntries, capture_counts: addon.possibleCpus() },
      ownMaps: OWN_MAPS,
    });
    this.program = this.object.program('director_tap');
    this.control = new Memory(this.object.map('capture_control'), CAPTURE_CONTROL.bytes);
    this.counts = new Memory(this.object.map('capture_counts'), CAPTURE_COUNTS.bytes);
  }

  get programId(): number {
    return this.object.programId(this.program);
  }

  /** What is captured from now on. */
  follow(wishes: readonly CaptureWish[]): void {
    const { control } = this;
    const kept = Math.max(MIN_KEPT_BYTES, ...wishes.map(({ snapBytes }) => snapBytes));
    control.set32(0, CAPTURE_CONTROL.at.keepBytes, kept);
    for (let slot = 0; slot < MAX_CAPTURES; slot++) {
      const at = CAPTURE_CONTROL.at.wish + slot * CAPTURE_WISH.bytes;
      const wish = wishes.find((each) => each.slot === slot);
      control.set32(0, at + CAPTURE_WISH.at.inUse, 0);
      if (wish === undefined) continue;
      this.writeFilter(at, wish.filter);
      control.set32(0, at + CAPTURE_WISH.at.inUse, 1);
    }
  }

  /** Ticks of the program's clock: after this it captures no more. */
  set until(ticks: number) {
    this.control.set32(0, CAPTURE_CONTROL.at.until, ticks);
  }

  /** Some of what has come. Returns how many frames; 0: there is nothing. */
  read(onCaptured: OnCaptured): number {
    const longest = CAPTURED.bytes + 2 * MAX_SNAP_BYTES;
    const end = this.object.readRing('captured_frames', this.buffer, longest);
    let frames = 0;
    for (let at = 0; at < end; at += LENGTH_BYTES + this.buffer.readUInt32LE(at), frames++)
      onCaptured(this.buffer, at + LENGTH_BYTES);
    return frames;
  }

  /** Frames since the last time: those that the program saw, those of each slot that the ring had no room for. */
  takeCounts(): { readonly seen: number; readonly lost: readonly number[] } {
    const seen = this.sum(CAPTURE_COUNTS.at.seen);
    const lost = this.lost.map((_, slot) => this.sum(CAPTURE_COUNTS.at.lost + 8 * slot));
    const taken = { seen: seen - this.seen, lost: lost.map((count, slot) => count - this.lost[slot]!) };
    this.seen = seen;
    for (const [slot, count] of lost.entries()) this.lost[slot] = count;
    return taken;
  }

  close(): void {
    this.object.close();
  }

  private sum(offset: number): number {
    let sum = 0;
    for (let cpu = 0; cpu < this.counts.count; cpu++) sum += this.counts.getCount(cpu, offset);
    return sum;
  }

  private writeFilter(at: number, { client, virtual, server, verdicts }: CaptureFilter): void {
    const bits = verdicts === undefined ? ALL_VERDICTS | (ALL_VERDICTS << 64n) : maskOf(verdicts);
    const { control } = this;
    control.set64(0, at + CAPTURE_WISH.at.verdicts, bits & ALL_VERDICTS);
    control.set64(0, at + CAPTURE_WISH.at.verdicts + 8, bits >> 64n);
    this.writeEnd(at + CAPTURE_WISH.at.client, client);
    this.writeEnd(at + CAPTURE_WISH.at.virtual, virtual);
    this.writeEnd(at + CAPTURE_WISH.at.server, server);
  }

  private writeEnd(at: number, end: EndpointFilter | undefined): void {
    const { control } = this;
    const ip = end && parseIp(end.address);
    control.setWords(0, at + CAPTURE_END.at.address, ip?.words ?? []);
    control.set16(0, at + CAPTURE_END.at.port, end?.port ?? 0);
    control.set8(0, at + CAPTURE_END.at.version, ip?.version ?? 0);
  }
}

const maskOf = (verdicts: readonly number[]): bigint =>
  verdicts.reduce((mask, verdict) => mask | (1n << BigInt(verdict)), 0n);
