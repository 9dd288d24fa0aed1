/**
 * A datapath process that stands by with everything loaded, so that the loss of one at work costs milliseconds. One for
 * however many are at work.
 */
import type { DatapathKind } from '../worker/messages.ts';
import { WorkerProcess } from './worker-process.ts';

/** Pause before one that ended is followed by the next. */
const PAUSE_MS = 1000;

export class SpareProcess {
  private readonly kind: DatapathKind;
  private spare: WorkerProcess | undefined;
  private pause: NodeJS.Timeout | undefined;
  private isStopping = false;

  /** `first`: one that was started before, for the same datapath. */
  constructor(kind: DatapathKind, first = new WorkerProcess(kind)) {
    this.kind = kind;
    this.spare = this.watched(first);
  }

  /** The one that stands by; if there is none, one that begins to load. */
  take(): WorkerProcess {
    const { spare } = this;
    this.spare = undefined;
    return spare?.isAlive ? spare : new WorkerProcess(this.kind);
  }

  /** From now on one stands by. */
  prepare(): void {
    if (!this.isStopping) this.spare ??= this.watched(new WorkerProcess(this.kind));
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    clearTimeout(this.pause);
    await this.spare?.stop();
  }

  private watched(worker: WorkerProcess): WorkerProcess {
    worker.follow({
      onNotice: () => {},
      onCaptured: () => {},
      onExit: () => {
        if (worker !== this.spare) return;
        this.spare = undefined;
        if (!this.isStopping) this.pause = setTimeout(() => this.prepare(), PAUSE_MS);
      },
    });
    return worker;
  }
}
