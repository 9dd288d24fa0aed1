/**
 * Fragments that came before the first one of their datagram, kept for a while: the program hands over a copy of each
 * (native/bpf/fragment.h), and says when the first one of its datagram has come. Then it goes through the program again.
 */

const MAX_WAITING = 64;
/** As long as Linux waits for the rest, net.ipv4.ipfrag_time. */
const WAIT_MS = 30_000;

export interface WaitingFrame {
  readonly frame: Uint8Array;
  /** Interface that it came in by. */
  readonly ifindex: number;
  /** Names its datagram: RFC 791 §3.2. */
  readonly datagram: string;
}

export class WaitingRoom {
  private waiting: { readonly frame: WaitingFrame; readonly untilMs: number }[] = [];

  /** The oldest makes place. */
  add(frame: WaitingFrame, nowMs: number): void {
    if (this.waiting.length === MAX_WAITING) this.waiting.shift();
    this.waiting.push({ frame, untilMs: nowMs + WAIT_MS });
  }

  /** Takes out what still waits of a datagram, in the order of coming. */
  take(datagram: string, nowMs: number): readonly WaitingFrame[] {
    const isOf = ({ frame }: { frame: WaitingFrame }) => frame.datagram === datagram;
    const taken = this.waiting.filter(isOf);
    this.waiting = this.waiting.filter((each) => !isOf(each));
    return taken.filter(({ untilMs }) => untilMs > nowMs).map(({ frame }) => frame);
  }
}
