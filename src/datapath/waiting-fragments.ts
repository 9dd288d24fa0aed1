/** Fragments that came before the first one of their datagram (fragments.ts), kept for a while. */
import { ticksFromSec } from '../clock.ts';
import type { Packet } from '../wire/packet.ts';

const MAX_WAITING = 64;
const MAX_FRAME_BYTES = 2048;

/** As long as Linux waits for the rest, net.ipv4.ipfrag_time. */
const WAIT_SEC = 30;

/** Copies of fragments that came before their first one. A ring: the oldest makes place. */
export class WaitingFragments {
  private readonly bytes = new Uint8Array(MAX_WAITING * MAX_FRAME_BYTES);
  private readonly lengths = new Int32Array(MAX_WAITING);
  private readonly identifications = new Int32Array(MAX_WAITING);
  private readonly clients = new Int32Array(MAX_WAITING);
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
    this.identifications[slot] = packet.identification;
    this.clients[slot] = packet.client0;
    this.expires[slot] = now + ticksFromSec(WAIT_SEC);
    return true;
  }

  /**
   * Puts one that may belong to this datagram at the start of `into` and gives its place up. Returns its length, or
   * 0 when there is none. Whether it does belong, its own handling finds out.
   */
  take(client0: number, identification: number, now: number, into: DataView): number {
    for (let slot = 0; slot < MAX_WAITING; slot++) {
      const lengthBytes = this.lengths[slot]!;
      if (
        lengthBytes === 0 ||
        this.identifications[slot] !== identification ||
        this.clients[slot] !== client0
      )
        continue;
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
}

export const createWaitingBuffer = (): DataView => new DataView(new ArrayBuffer(MAX_FRAME_BYTES));
