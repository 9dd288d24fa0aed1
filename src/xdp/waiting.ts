/**
 * Fragments that came before the first one of their datagram, kept for a while: the program hands over a copy of each
 * (native/bpf/fragment.h), and says when the first one of some datagram has come. Then those that wait go through the
 * program again; one whose first fragment is another comes back here.
 */

const MAX_WAITING = 64;
/** As long as Linux waits for the rest, net.ipv4.ipfrag_time. */
const WAIT_MS = 30_000;

export interface WaitingFrame {
  readonly frame: Uint8Array;
  /** Interface that it came in by. */
  readonly ifindex: number;
}

export class WaitingRoom {
  private waiting: { readonly frame: WaitingFrame; readonly untilMs: number }[] = [];

  /** The oldest makes place. */
  add(frame: WaitingFrame, nowMs: number): void {
    if (this.waiting.length === MAX_WAITING) this.waiting.shift();
    this.waiting.push({ frame, untilMs: nowMs + WAIT_MS });
  }

  /** Takes out all that still wait. */
  takeAll(nowMs: number): readonly WaitingFrame[] {
    const waiting = this.waiting.filter(({ untilMs }) => untilMs > nowMs);
    this.waiting = [];
    return waiting.map(({ frame }) => frame);
  }
}
