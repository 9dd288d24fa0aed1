/** The program in the kernel as the recordings' runner runs it, by BPF_PROG_TEST_RUN. Needs root. */

import { parseMac } from '../../src/wire/address.ts';
import { decode } from '../../src/wire/decode.ts';
import { Packet } from '../../src/wire/packet.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { XdpDirector } from '../helpers/xdp-director.ts';
import type { Backend, Handled } from './memory-director.ts';
import { CONNECTION_TABLE_SIZE } from './path-in-process.ts';

export const createXdpBackend = (mac: string): Backend => new XdpBackend(mac);

/** One program for all cases: the verifier takes a second for each. */
let shared: XdpDirector | undefined;

function programAsNew(mac: string): XdpDirector {
  if (shared === undefined) shared = new XdpDirector(mac, CONNECTION_TABLE_SIZE);
  else shared.reset(CONNECTION_TABLE_SIZE);
  return shared;
}

/** native/bpf/reply.h: tokens in thousandths, and the share of each client. */
const BURST = 6;
const MAX_TOKENS = 1_000_000;
const CLIENTS_AT = 2;
const CLIENT_WORDS = 3;
const TOKENS_PER_TICK = 10_000;

class XdpBackend implements Backend {
  private readonly director: XdpDirector;
  private readonly mac: NonNullable<ReturnType<typeof parseMac>>;
  private readonly packet = new Packet();

  constructor(mac: string) {
    this.director = programAsNew(mac);
    this.mac = parseMac(mac)!;
  }

  get session() {
    return this.director.session;
  }

  get now(): number {
    return this.director.now;
  }

  set now(ticks: number) {
    this.director.now = ticks;
  }

  handle(frame: Uint8Array): Handled {
    const { verdict, sent, passed } = this.director.handle(frame);
    return { verdict, sent, delivered: passed ? [frame] : [] };
  }

  sweepAll(): void {
    this.director.sweepAll();
  }

  get limitsClients(): boolean {
    return this.director.program.config.get32(0, CONFIG.at.limitsClients) !== 0;
  }

  set limitsClients(limits: boolean) {
    this.director.program.config.set32(0, CONFIG.at.limitsClients, limits ? 1 : 0);
  }

  /** What take_reply() would do, on the program's own memory. */
  takeReply(frame: Uint8Array): boolean {
    const { packet, now } = this;
    decode(packet, new DataView(frame.buffer, frame.byteOffset), frame.length, this.mac);
    const { replies } = this.director.program;
    if (this.limitsClients && !this.takeOfClient(replies, packet, now)) return false;
    const tokens = Math.min(MAX_TOKENS, replies[0]! + ((now - replies[1]!) >>> 0) * TOKENS_PER_TICK);
    replies[1] = now;
    replies[0] = tokens < 1000 ? tokens : tokens - 1000;
    return tokens >= 1000;
  }

  private takeOfClient(replies: Uint32Array, packet: Packet, now: number): boolean {
    const cost = packet.ipVersion === 4 ? 100 : 6;
    const { client0, client1, client2, client3 } = packet;
    const folded = client0 ^ Math.imul(client1, 3) ^ Math.imul(client2, 5) ^ Math.imul(client3, 7);
    const name = (Math.imul(folded, 0x9e3779b1) | 1) >>> 0;
    const at = CLIENTS_AT + CLIENT_WORDS * ((name >>> 16) & 4095);
    const earned = replies[at] === name ? replies[at + 1]! + ((now - replies[at + 2]!) >>> 0) : BURST * cost;
    const credit = Math.min(BURST * cost, earned);
    replies[at] = name;
    replies[at + 1] = credit >= cost ? credit - cost : credit;
    replies[at + 2] = now;
    return credit >= cost;
  }

  close(): void {}
}
