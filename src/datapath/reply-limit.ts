/** How many ICMP answers the director sends, and where they are built (icmp-reply.ts). */
import { TICKS_PER_SECOND } from '../clock.ts';
import type { Packet } from '../wire/packet.ts';

/** As many as Linux sends, net.ipv4.icmp_msgs_per_sec. */
export const REPLIES_PER_SECOND = 1000;
/**
 * To each client one a second, or in IPv6 one in 62 ms, after so many at once: net.ipv4.icmp_ratelimit,
 * net.ipv6.icmp.ratelimit by a default route, and XRLIM_BURST_FACTOR (net/ipv4/inetpeer.c, inet_peer_xrlim_allow()).
 */
export const CLIENT_BURST = 6;
const CLIENT_TICKS = TICKS_PER_SECOND;
const CLIENT_TICKS_IPV6 = Math.floor(TICKS_PER_SECOND / 16);
/** Clients that are known at most; a power of two. One whose place another takes begins anew. */
const CLIENTS = 4096;

/** The minimum IPv6 MTU, which no answer exceeds (RFC 4443 §2.4 (c)), and a link header with two VLAN tags. */
const MAX_REPLY_FRAME_BYTES = 1280 + 22;

/** A token bucket for all and one for each client, and the buffer that replies are built in. */
export class ReplyLimit {
  limitsClients = true;
  private readonly clients = new Int32Array(CLIENTS);
  private readonly clientCredit = new Int32Array(CLIENTS);
  private readonly clientRefilled = new Int32Array(CLIENTS);
  readonly frame = new DataView(new ArrayBuffer(MAX_REPLY_FRAME_BYTES));
  private tokens = REPLIES_PER_SECOND;
  private refilled = 0;

  /** False: enough were sent in the last second, or to this packet's client. */
  take(now: number, packet: Packet): boolean {
    return (!this.limitsClients || this.takeOfClient(now, packet)) && this.takeOne(now);
  }

  /** What take() would say. */
  allows(now: number, packet: Packet): boolean {
    const isEnoughOfClient =
      !this.limitsClients || this.creditOf(nameOf(packet), now, packet) >= costOf(packet);
    return isEnoughOfClient && this.tokensAt(now) >= 1;
  }

  private takeOfClient(now: number, packet: Packet): boolean {
    const client = nameOf(packet);
    const place = placeOf(client);
    const cost = costOf(packet);
    const credit = this.creditOf(client, now, packet);
    const isEnough = credit >= cost;
    this.clients[place] = client;
    this.clientRefilled[place] = now;
    this.clientCredit[place] = isEnough ? credit - cost : credit;
    return isEnough;
  }

  private creditOf(client: number, now: number, packet: Packet): number {
    const place = placeOf(client);
    const most = CLIENT_BURST * costOf(packet);
    if (this.clients[place] !== client) return most;
    return Math.min(most, this.clientCredit[place]! + ((now - this.clientRefilled[place]!) >>> 0));
  }

  private takeOne(now: number): boolean {
    this.tokens = this.tokensAt(now);
    this.refilled = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  private tokensAt(now: number): number {
    // Unsigned: the last answer may have been more than half a round of the clock ago.
    const elapsed = (now - this.refilled) >>> 0;
    return Math.min(REPLIES_PER_SECOND, this.tokens + (elapsed * REPLIES_PER_SECOND) / TICKS_PER_SECOND);
  }
}

const costOf = ({ ipVersion }: Packet): number => (ipVersion === 4 ? CLIENT_TICKS : CLIENT_TICKS_IPV6);

/** A word that stands for the packet's client, never 0. */
export function nameOf({ client0, client1, client2, client3 }: Packet): number {
  const folded = client0 ^ Math.imul(client1, 3) ^ Math.imul(client2, 5) ^ Math.imul(client3, 7);
  return Math.imul(folded, 0x9e3779b1) | 1;
}

export const placeOf = (client: number): number => (client >>> 16) & (CLIENTS - 1);
