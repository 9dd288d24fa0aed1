/** The TypeScript path in this process, by the recordings' clock; where its frames come from and go to is the backend's. */
import { ExpirySweep } from '../../src/datapath/expiry.ts';
import { createPath, type Path } from '../../src/datapath/path.ts';
import type { FrameSink } from '../../src/engine/engine.ts';
import { parseMac } from '../../src/wire/address.ts';
import { PathSession } from '../../src/worker/session.ts';
import type { Backend, Handled } from './memory-director.ts';

/** The kernel's default, which the recordings print. */
export const CONNECTION_TABLE_SIZE = 4096;

export abstract class PathInProcess implements Backend {
  readonly session: PathSession;
  readonly path: Path;
  private readonly sweep = new ExpirySweep();

  constructor(mac: string, sink: FrameSink) {
    this.path = createPath({
      sink,
      ownMac: parseMac(mac)!,
      connectionTableSize: CONNECTION_TABLE_SIZE,
      seed: [1, 2],
    });
    this.session = new PathSession(this.path);
  }

  abstract handle(frame: Uint8Array): Handled;

  get now(): number {
    return this.path.now;
  }

  set now(ticks: number) {
    this.path.now = ticks;
  }

  sweepAll(): void {
    this.sweep.run(this.path, this.path.connections.highestEntry);
  }

  get limitsClients(): boolean {
    return this.path.replies.limitsClients;
  }

  set limitsClients(limits: boolean) {
    this.path.replies.limitsClients = limits;
  }

  /** Of the frame that was handled last. */
  takeReply(): boolean {
    return this.path.replies.take(this.path.now, this.path.packet);
  }

  close(): void {}
}

/** What the path leaves to the host is there already. */
export const isLeftToHost = (verdict: string): boolean =>
  verdict.startsWith('Pass') || verdict === 'DropIpOptions';
