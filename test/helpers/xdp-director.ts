/**
 * The program in the kernel with its session, without an interface: edits and frames in, frames out, a clock that is
 * set by hand. What happens to a frame is what BPF_PROG_TEST_RUN says. Needs root.
 */
import { ticksFromSec } from '../../src/clock.ts';
import { type Verdict, verdictNames } from '../../src/datapath/verdict.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { Packet } from '../../src/wire/packet.ts';
import { parseMac } from '../../src/wire/address.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { Program } from '../../src/xdp/program.ts';
import { XdpSession } from '../../src/xdp/session.ts';
import type { XdpSizes } from '../../src/xdp/sizes.ts';
import { WaitingRoom } from '../../src/xdp/waiting.ts';

const XDP_DROP = 1;
const XDP_PASS = 2;
const XDP_TX = 3;
const XDP_REDIRECT = 4;
const LENGTH_BITS = 20;
/** What BPF_PROG_TEST_RUN takes. */
export const MIN_FRAME_BYTES = 14;
export const MAX_FRAME_BYTES = 3300;
const MS_PER_TICK = 10;

export const TEST_SIZES: XdpSizes = { connections: 8192, services: 256, servers: 2048 };

export interface XdpHandled {
  readonly verdict: keyof typeof Verdict;
  readonly sent: readonly Uint8Array[];
  /** The frame went on to the host's own stack. */
  readonly passed: boolean;
}

export class XdpDirector {
  readonly program: Program;
  readonly session: XdpSession;
  private readonly out = new Uint8Array(8192);
  private readonly in = new Uint8Array(8192);
  private readonly waiting = new WaitingRoom();
  private readonly packet = new Packet();
  private readonly mac: NonNullable<ReturnType<typeof parseMac>>;

  constructor(mac: string, capacity: number, sizes: XdpSizes = TEST_SIZES) {
    this.mac = parseMac(mac)!;
    this.program = new Program({ sizes, pinFolder: null, clockIsGiven: true });
    this.program.replies[0] = 1_000_000;
    this.session = new XdpSession(this.program, capacity);
  }

  get now(): number {
    return this.program.config.get32(0, CONFIG.at.ticks) | 0;
  }

  set now(ticks: number) {
    this.program.config.set32(0, CONFIG.at.ticks, ticks);
  }

  wait(seconds: number): void {
    this.now += ticksFromSec(seconds);
  }

  /** Looks at all connections once. Returns how many ended. */
  sweepAll(): number {
    const ended = ([4, 6] as const).map(
      (version) => this.program.sweep(version, 0, this.program.bucketCount(version)).ended,
    );
    return ended[0]! + ended[1]!;
  }

  handle(frame: Uint8Array): XdpHandled {
    const { verdict, action, bytes } = this.run(frame);
    const sent = bytes === undefined ? [] : [bytes];
    if (verdict === 'PassWaiting') this.waiting.add({ frame: frame.slice(), ifindex: 0 }, this.now * MS_PER_TICK);
    if (verdict === 'Forward' && this.isFirstFragment(frame)) sent.push(...this.releaseWaiting());
    return { verdict, sent, passed: action === XDP_PASS };
  }

  close(): void {
    this.program.object.close();
  }

  private releaseWaiting(): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (const { frame } of this.waiting.takeAll(this.now * MS_PER_TICK)) {
      const { verdict, bytes } = this.run(frame);
      if (bytes !== undefined) sent.push(bytes);
      if (verdict === 'PassWaiting') this.waiting.add({ frame, ifindex: 0 }, this.now * MS_PER_TICK);
    }
    return sent;
  }

  /** One run. `bytes`: what leaves, without the padding of Ethernet. */
  private run(frame: Uint8Array): { verdict: keyof typeof Verdict; action: number; bytes: Uint8Array | undefined } {
    const { program, out } = this;
    this.in.set(frame);
    const result = program.object.runXdp(program.director, this.in, frame.length, out, 0);
    const action = result >>> LENGTH_BITS;
    const length = result & ((1 << LENGTH_BITS) - 1);
    const verdict = verdictNames.get(program.config.get32(0, CONFIG.at.lastVerdict)) as keyof typeof Verdict;
    if (action !== XDP_TX && action !== XDP_REDIRECT && action !== XDP_DROP && action !== XDP_PASS)
      throw new Error(`${verdict} ended with action ${action}`);
    const leaves = action === XDP_TX || action === XDP_REDIRECT;
    return { verdict, action, bytes: leaves ? out.slice(0, this.endOf(frame, verdict, length)) : undefined };
  }

  /** Padding is sent on as it came; other datapaths cut it off. */
  private endOf(frame: Uint8Array, verdict: string, length: number): number {
    if (!verdict.startsWith('Forward')) return length;
    if (this.decoded(frame) !== DecodeResult.Continue) return length;
    return Math.min(length, this.packet.ipEnd);
  }

  private isFirstFragment(frame: Uint8Array): boolean {
    return this.decoded(frame) === DecodeResult.Continue && this.packet.moreFragments;
  }

  private decoded(frame: Uint8Array): number {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    return decode(this.packet, view, frame.length, this.mac);
  }
}
