/**
 * What lblc and lblcr remember for each destination address: tables of net/netfilter/ipvs/ip_vs_lblc.c and
 * ip_vs_lblcr.c. A service by address has one entry; a service by firewall mark may have many.
 */
import { ticksFromSec } from '../clock.ts';
import type { Packet } from '../wire/packet.ts';
import { foldedDestination, goldenHash } from './hash.ts';

/** Default of net.ipv4.vs.lblc_expiration and lblcr_expiration. */
export const EXPIRATION = ticksFromSec(24 * 60 * 60);

const BUCKET_BITS = 10;
/** More entries than this are too many: those idle for a while go. */
const MAX_ENTRIES = 16 * 2 ** BUCKET_BITS;
const CHECK_INTERVAL = ticksFromSec(60);
const IDLE = ticksFromSec(6 * 60);
/** No more than this even for a moment. The kernel has no such limit but its memory. */
const FULL = 2 * MAX_ENTRIES;

export interface CacheEntry<Value> {
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;
  value: Value;
  /** Ticks. */
  lastUsed: number;
  next: CacheEntry<Value> | undefined;
}

export class DestinationCache<Value> {
  private readonly buckets = new Array<CacheEntry<Value> | undefined>(2 ** BUCKET_BITS).fill(undefined);
  private count = 0;
  private lastCheck = 0;
  /** The destination that is looked for. */
  private word0 = 0;
  private word1 = 0;
  private word2 = 0;
  private word3 = 0;

  get size(): number {
    return this.count;
  }

  /** The entry of the packet's destination, now used again; one not used for EXPIRATION is forgotten. */
  find(packet: Packet, now: number): CacheEntry<Value> | undefined {
    const bucket = this.lookFor(packet);
    let before: CacheEntry<Value> | undefined;
    let entry = this.buckets[bucket];
    while (entry !== undefined && !this.isOf(entry)) {
      before = entry;
      entry = entry.next;
    }
    if (entry === undefined) return undefined;
    if (((now - entry.lastUsed) | 0) >= EXPIRATION) {
      if (before === undefined) this.buckets[bucket] = entry.next;
      else before.next = entry.next;
      this.count--;
      return undefined;
    }
    entry.lastUsed = now;
    return entry;
  }

  /** The entry of the packet's destination, as it is. */
  peek(packet: Packet): CacheEntry<Value> | undefined {
    let entry = this.buckets[this.lookFor(packet)];
    while (entry !== undefined && !this.isOf(entry)) entry = entry.next;
    return entry;
  }

  /** For a destination that has no entry. */
  insert(packet: Packet, value: Value, now: number): void {
    if (this.count >= MAX_ENTRIES && ((now - this.lastCheck) | 0) >= CHECK_INTERVAL) {
      this.lastCheck = now;
      this.forgetIdle(now);
    }
    if (this.count >= FULL) return;
    const bucket = this.lookFor(packet);
    const { word0, word1, word2, word3 } = this;
    const next = this.buckets[bucket];
    this.buckets[bucket] = { word0, word1, word2, word3, value, lastUsed: now, next };
    this.count++;
  }

  /** Returns the bucket of the packet's destination. */
  private lookFor(packet: Packet): number {
    const { isIcmpError } = packet;
    this.word0 = isIcmpError ? packet.client0 : packet.virtual0;
    this.word1 = isIcmpError ? packet.client1 : packet.virtual1;
    this.word2 = isIcmpError ? packet.client2 : packet.virtual2;
    this.word3 = isIcmpError ? packet.client3 : packet.virtual3;
    return goldenHash(foldedDestination(packet), BUCKET_BITS);
  }

  private isOf({ word0, word1, word2, word3 }: CacheEntry<Value>): boolean {
    return word0 === this.word0 && word1 === this.word1 && word2 === this.word2 && word3 === this.word3;
  }

  private forgetIdle(now: number): void {
    for (let bucket = 0; bucket < this.buckets.length; bucket++) {
      let kept: CacheEntry<Value> | undefined;
      let next: CacheEntry<Value> | undefined;
      for (let entry = this.buckets[bucket]; entry !== undefined; entry = next) {
        next = entry.next;
        if (((now - entry.lastUsed) | 0) >= IDLE) {
          this.count--;
          continue;
        }
        entry.next = kept;
        kept = entry;
      }
      this.buckets[bucket] = kept;
    }
  }
}
