/**
 * What lblc and lblcr remember for each destination address: tables of net/netfilter/ipvs/ip_vs_lblc.c and
 * ip_vs_lblcr.c. A service by address has one entry; a service by firewall mark may have many.
 */
import { ticksFromSec } from '../clock.ts';
import type { Packet } from '../wire/packet.ts';
import { foldedVirtual, goldenHash } from './hash.ts';

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

  get size(): number {
    return this.count;
  }

  /** The entry of the packet's destination, now used again; one not used for EXPIRATION is forgotten. */
  find(packet: Packet, now: number): CacheEntry<Value> | undefined {
    const { virtual0, virtual1, virtual2, virtual3 } = packet;
    const bucket = bucketOf(packet);
    let before: CacheEntry<Value> | undefined;
    let entry = this.buckets[bucket];
    while (
      entry !== undefined &&
      (entry.word0 !== virtual0 ||
        entry.word1 !== virtual1 ||
        entry.word2 !== virtual2 ||
        entry.word3 !== virtual3)
    ) {
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

  /** For a destination that has no entry. */
  insert(packet: Packet, value: Value, now: number): void {
    if (this.count >= MAX_ENTRIES && ((now - this.lastCheck) | 0) >= CHECK_INTERVAL) {
      this.lastCheck = now;
      this.forgetIdle(now);
    }
    if (this.count >= FULL) return;
    const { virtual0: word0, virtual1: word1, virtual2: word2, virtual3: word3 } = packet;
    const bucket = bucketOf(packet);
    const next = this.buckets[bucket];
    this.buckets[bucket] = { word0, word1, word2, word3, value, lastUsed: now, next };
    this.count++;
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

const bucketOf = (packet: Packet): number => goldenHash(foldedVirtual(packet), BUCKET_BITS);
