/**
 * Against SYN floods, as long as one is on: the first SYN of a connection is remembered and dropped. A client's TCP sends
 * it again after a second, and then it goes its way; a flood's forged addresses do not. So what the clients send is not
 * lost in front of a path that cannot keep up: a SYN of a flood costs it 190 ns, against 690 with a connection of its
 * own, and 1,800 where somebody must make room for that (Node 20, 2026-11, decoding and all). Not in the program of
 * native/bpf, which keeps up without.
 */
import { TICKS_PER_SECOND } from '../clock.ts';
import { FirstSyns } from './first-syns.ts';

/** While there is no flood it takes no memory. */
const NO_PAIRS = 1;

export class SynFlood {
  isOn = false;
  /**
   * In this second: connections that became half-open, less those that became established. While a flood is on, first
   * SYNs stand for the former, since each that comes again has been counted.
   */
  private unanswered = 0;
  private secondBegan = 0;
  private firstSyns = new FirstSyns(0, NO_PAIRS);
  private readonly pairs: number | undefined;

  /** `pairs`: of FirstSyns. */
  constructor(pairs?: number) {
    this.pairs = pairs;
  }

  countHalfOpen(): void {
    if (!this.isOn) this.unanswered++;
  }

  countEstablished(): void {
    this.unanswered--;
  }

  /** While a flood is on, of a SYN's hash: whether it has come for the first time. */
  isFirst(hash: number): boolean {
    if (this.firstSyns.add(hash)) return false;
    this.unanswered++;
    return true;
  }

  /** What isFirst() would say; false while no flood is on. */
  wouldBeFirst(hash: number): boolean {
    return this.isOn && !this.firstSyns.has(hash);
  }

  /**
   * Many times a second. `rate`: the setting syn_flood_rate. A whole second's count is waited for at the end only: a flood
   * that is fast enough to drown the path begins within a look or two. The rate is not broken down to a look, since the
   * ACKs of a burst of clients are a round trip away.
   */
  look(now: number, rate: number): void {
    if (!this.isOn) {
      if (rate > 0 && this.unanswered > rate) this.begin(now);
      else if (this.isSecondOver(now)) this.beginSecond(now);
      return;
    }
    this.firstSyns.age(now);
    if (!this.isSecondOver(now)) return;
    if (this.unanswered < rate / 2 || rate === 0) this.end();
    this.beginSecond(now);
  }

  private begin(now: number): void {
    this.isOn = true;
    this.firstSyns = new FirstSyns(now, this.pairs);
    this.beginSecond(now);
  }

  private end(): void {
    this.isOn = false;
    this.firstSyns = new FirstSyns(0, NO_PAIRS);
  }

  private beginSecond(now: number): void {
    this.unanswered = 0;
    this.secondBegan = now;
  }

  private isSecondOver(now: number): boolean {
    return (now - this.secondBegan) >>> 0 >= TICKS_PER_SECOND;
  }
}
