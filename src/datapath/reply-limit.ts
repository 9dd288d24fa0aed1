/** How many ICMP answers the director sends, and where they are built (icmp-reply.ts). */
import { TICKS_PER_SECOND } from '../clock.ts';

/** As many as Linux sends, net.ipv4.icmp_msgs_per_sec. */
const REPLIES_PER_SECOND = 1000;
/** The minimum IPv6 MTU, which no answer exceeds (RFC 4443 §2.4 (c)), and a link header with two VLAN tags. */
const MAX_REPLY_FRAME_BYTES = 1280 + 22;

/** A token bucket, and the buffer that replies are built in. */
export class ReplyLimit {
  readonly frame = new DataView(new ArrayBuffer(MAX_REPLY_FRAME_BYTES));
  private tokens = REPLIES_PER_SECOND;
  private refilled = 0;

  /** False: enough were sent in the last second. */
  take(now: number): boolean {
    // Unsigned: the last answer may have been more than half a round of the clock ago.
    const elapsed = (now - this.refilled) >>> 0;
    this.tokens = Math.min(
      REPLIES_PER_SECOND,
      this.tokens + (elapsed * REPLIES_PER_SECOND) / TICKS_PER_SECOND,
    );
    this.refilled = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}
