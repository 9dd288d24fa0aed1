/**
 * The program in the kernel with its session, without an interface: edits and frames in, frames out, a clock that is
 * set by hand. What happens to a frame is what BPF_PROG_TEST_RUN says. Needs root.
 */
import { ticksFromSec } from '../../src/clock.ts';
import { type Verdict, verdictNames } from '../../src/datapath/verdict.ts';
import { parseMac } from '../../src/wire/address.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { Packet } from '../../src/wire/packet.ts';
import { decodeEvent, type ProgramEvent } from '../../src/xdp/events.ts';
import { CONFIG, CONNECTION, CONNECTION4, CONNECTION6, Kind } from '../../src/xdp/layout.ts';
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

export const TEST_SIZES: XdpSizes = { connections: 4096, services: 256, servers: 1024 };

export const SHARED =
  'config services service_index servers cells mark_rules connections4 connections6 groups4 groups6 server_traffic servers_zeroed services_zeroed verdicts replies notes'.split(
    ' ',
  );
export const HASHED = ['virtual_addresses', 'own_addresses', 'datagrams', 'destination_cache'];

export interface XdpHandled {
  readonly verdict: keyof typeof Verdict;
  readonly sent: readonly Uint8Array[];
  /** The frame went on to the host's own stack. */
  readonly passed: boolean;
}

export class XdpDirector {
  readonly program: Program;
  session: XdpSession;
  private readonly out = new Uint8Array(8192);
  private readonly in = new Uint8Array(8192);
  private waiting = new WaitingRoom();
  private sent: Uint8Array[] = [];
  private readonly packet = new Packet();
  private readonly mac: NonNullable<ReturnType<typeof parseMac>>;

  constructor(mac: string, capacity: number, sizes: XdpSizes = TEST_SIZES) {
    this.mac = parseMac(mac)!;
    this.program = new Program({ sizes, pinFolder: null, clockIsGiven: true });
    this.program.object.onEvents('events', (record) => this.onEvent(decodeEvent(record)));
    this.session = this.begin(capacity);
  }

  /** As new, without loading the program again, which takes the verifier a while. */
  reset(capacity: number): void {
    const { object } = this.program;
    for (const map of SHARED) new Uint8Array(object.map(map)).fill(0);
    for (const map of HASHED) {
      const { keyBytes } = object.mapInfo(map);
      const key = new Uint8Array(keyBytes);
      while (object.nextKey(map, null, key)) object.remove(map, key);
    }
    this.waiting = new WaitingRoom();
    this.session = this.begin(capacity);
  }

  /** With the same places for the same connections each time. */
  private begin(capacity: number): XdpSession {
    const { config, replies } = this.program;
    replies[0] = 1_000_000;
    const session = new XdpSession(this.program, capacity);
    for (let word = 0; word < 11; word++)
      config.set64(
        0,
        CONFIG.at.seed + 8 * word,
        (BigInt(2 * word + 1) * 0x9e3779b97f4a7c15n) & (2n ** 64n - 1n),
      );
    return session;
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
    const ended = ([4, 6] as const).map((version) => this.program.sweep(version).ended);
    return ended[0]! + ended[1]!;
  }

  /** Ends connections whose time is up, and leaves templates alone. */
  endExpired(): void {
    const tables = [
      { version: 4, memory: this.program.connections4, at: CONNECTION4.at.connection },
      { version: 6, memory: this.program.connections6, at: CONNECTION6.at.connection },
    ] as const;
    for (const { version, memory, at } of tables) {
      for (let slot = 0; slot < memory.count; slot++) {
        const kind = memory.get32(slot, at + CONNECTION.at.kind);
        const left = (memory.get32(slot, at + CONNECTION.at.expires) - this.now) | 0;
        const isConnection = (kind & Kind.Live) !== 0 && (kind & Kind.Template) === 0;
        if (isConnection && left <= 0) this.program.endConnection(version, slot);
      }
    }
  }

  handle(frame: Uint8Array): XdpHandled {
    const { verdict, action, bytes } = this.run(frame);
    this.sent = bytes === undefined ? [] : [bytes];
    this.program.object.readEvents();
    return { verdict, sent: this.sent, passed: action === XDP_PASS };
  }

  close(): void {
    this.program.object.close();
  }

  /** As the daemon does it (src/xdp/datapath.ts). */
  private onEvent(event: ProgramEvent | undefined): void {
    const nowMs = this.now * MS_PER_TICK;
    if (event?.kind === 'waiting-fragment') this.waiting.add(event.frame, nowMs);
    if (event?.kind !== 'first-fragment') return;
    for (const { frame } of this.waiting.take(event.datagram, nowMs)) {
      const { bytes } = this.run(frame);
      if (bytes !== undefined) this.sent.push(bytes);
    }
  }

  /** One run. `bytes`: what leaves, without the padding of Ethernet. */
  private run(frame: Uint8Array): {
    verdict: keyof typeof Verdict;
    action: number;
    bytes: Uint8Array | undefined;
  } {
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

  private decoded(frame: Uint8Array): number {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    return decode(this.packet, view, frame.length, this.mac);
  }
}
