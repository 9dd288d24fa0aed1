/**
 * The end of the second line to the daemon, for captures alone: requests and answers on the first one do not wait for
 * frames. Written without waiting, by the clock and from within the packet callback.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { FrameBudget } from '../capture/frame-budget.ts';
import { RecordQueue } from '../capture/record-queue.ts';
import type { CaptureWish } from '../capture/wish.ts';

/** Each time wakes the daemon, which costs more than some frames do. */
const TURN_MS = 50;

export class CaptureLine {
  private readonly fd: number;
  private readonly socket: Socket;
  readonly budget = new FrameBudget(performance.now());
  private waiting: RecordQueue | undefined;
  private slots = 0;
  private timer: NodeJS.Timeout | undefined;
  private tend: () => void = () => {};
  private lastTurnMs = 0;
  private lastUse = performance.eventLoopUtilization();

  constructor(fd: number) {
    this.fd = fd;
    // It makes the descriptor one that does not block.
    this.socket = new Socket({ fd, readable: false, writable: true }).unref();
    this.socket.on('error', () => {});
  }

  get queue(): RecordQueue {
    this.waiting ??= new RecordQueue();
    return this.waiting;
  }

  /** From now on these captures, and no others. `tend`: called by each turn as long as there is one. */
  follow(wishes: readonly CaptureWish[], tend: () => void): void {
    const slots = wishes.reduce((mask, { slot }) => mask | (1 << slot), 0);
    // What was counted until now was for those before.
    this.queue.addCounts(this.slots, this.slots & ~slots);
    this.slots = slots;
    clearInterval(this.timer);
    this.tend = tend;
    if (slots !== 0) this.timer = setInterval(() => this.turn(performance.now()), TURN_MS);
    this.flush();
    if (slots === 0) this.finish();
  }

  /** From within the packet callback: a path whose load lets no clock run. */
  look(nowMs: number): void {
    if (nowMs - this.lastTurnMs >= TURN_MS) this.turn(nowMs);
  }

  private turn(nowMs: number): void {
    this.lastTurnMs = nowMs;
    const use = performance.eventLoopUtilization();
    this.budget.refill(nowMs, 1 - performance.eventLoopUtilization(use, this.lastUse).utilization);
    this.lastUse = use;
    this.tend();
    this.flush();
  }

  private flush(): void {
    this.waiting?.flush((bytes) => this.write(bytes));
  }

  /** What the last captures were still told goes out before the memory does. */
  private finish(): void {
    if (this.waiting?.isEmpty !== false) {
      this.waiting = undefined;
      return;
    }
    this.timer = setInterval(() => {
      this.flush();
      if (this.waiting?.isEmpty === false) return;
      clearInterval(this.timer);
      this.waiting = undefined;
    }, TURN_MS);
  }

  private write(bytes: Buffer): number | undefined {
    try {
      return writeSync(this.fd, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return undefined;
      // Nobody is there any more to be told.
      if (code === 'EPIPE' || code === 'ECONNRESET') return bytes.length;
      throw error;
    }
  }
}
