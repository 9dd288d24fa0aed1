/** Fragments that came before the first one of their datagram (fragments.ts), kept for a while. */
import { ticksFromSec } from '../clock.ts';
import type { Packet } from '../wire/packet.ts';

const MAX_WAITING = 64;
const MAX_FRAME_BYTES = 2048;

/** Both addresses, protocol and identification: RFC 791 §3.2. */
const KEY_WORDS = 10;

/** As long as Linux waits for the rest, net.ipv4.ipfrag_time. */
const WAIT_SEC = 30;

/** Copies of fragments that came before their first one. A ring: the oldest makes place. */
export class WaitingFragments {
  private readonly bytes = new Uint8Array(MAX_WAITING * MAX_FRAME_BYTES);
  private readonly lengths = new Int32Array(MAX_WAITING);
  private readonly keys = new Int32Array(MAX_WAITING * KEY_WORDS);
  private readonly wanted = new Int32Array(KEY_WORDS);
  private readonly expires = new Int32Array(MAX_WAITING);
  private next = 0;
  private count = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** False: it is too long to be kept. */
  add(packet: Packet, frame: DataView, lengthBytes: number, now: number): boolean {
    if (lengthBytes > MAX_FRAME_BYTES) return false;
    const slot = this.next;
    this.next = (slot + 1) % MAX_WAITING;
    if (this.lengths[slot] === 0) this.count++;
    this.bytes.set(new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes), slot * MAX_FRAME_BYTES);
    this.lengths[slot] = lengthBytes;
    writeKey(this.keys, slot * KEY_WORDS, packet);
    this.expires[slot] = now + ticksFromSec(WAIT_SEC);
    return true;
  }

  /**
   * Puts one of the packet's datagram at the start of `into` and gives its place up. Returns its length, or 0 when there
   * is none.
   */
  take(packet: Packet, now: number, into: DataView): number {
    writeKey(this.wanted, 0, packet);
    for (let slot = 0; slot < MAX_WAITING; slot++) {
      const lengthBytes = this.lengths[slot]!;
      if (lengthBytes === 0 || !this.isWanted(slot)) continue;
      this.lengths[slot] = 0;
      this.count--;
      if (((this.expires[slot]! - now) | 0) <= 0) continue;
      const start = slot * MAX_FRAME_BYTES;
      new Uint8Array(into.buffer, into.byteOffset, lengthBytes).set(
        this.bytes.subarray(start, start + lengthBytes),
      );
      return lengthBytes;
    }
    return 0;
  }

  private isWanted(slot: number): boolean {
    for (let word = 0; word < KEY_WORDS; word++) {
      if (this.keys[slot * KEY_WORDS + word] !== this.wanted[word]) return false;
    }
    return true;
  }
}

function writeKey(keys: Int32Array, at: number, packet: Packet): void {
  keys[at] = packet.client0;
  keys[at + 1] = packet.client1;
  keys[at + 2] = packet.client2;
  keys[at + 3] = packet.client3;
  keys[at + 4] = packet.virtual0;
  keys[at + 5] = packet.virtual1;
  keys[at + 6] = packet.virtual2;
  keys[at + 7] = packet.virtual3;
  keys[at + 8] = packet.protocol;
  keys[at + 9] = packet.identification;
}

export const createWaitingBuffer = (): DataView => new DataView(new ArrayBuffer(MAX_FRAME_BYTES));
