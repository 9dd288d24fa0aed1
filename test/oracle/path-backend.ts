/** The TypeScript path as the recordings' runner runs it. */
import { ExpirySweep } from '../../src/datapath/expiry.ts';
import { forward } from '../../src/datapath/forward.ts';
import { createPath, type Path } from '../../src/datapath/path.ts';
import { verdictNames } from '../../src/datapath/verdict.ts';
import { parseMac } from '../../src/wire/address.ts';
import { PathSession } from '../../src/worker/session.ts';
import { type Backend, CONNECTION_TABLE_SIZE, type Handled } from './memory-director.ts';

export const createPathBackend = (mac: string): Backend => new PathBackend(mac);

class PathBackend implements Backend {
  readonly session: PathSession;
  private readonly path: Path;
  private readonly sweep = new ExpirySweep();
  private readonly buffer = new Uint8Array(65536);
  private readonly view = new DataView(this.buffer.buffer);
  private sent: Uint8Array[] = [];
  private delivered: Uint8Array[] = [];

  constructor(mac: string) {
    this.path = createPath({
      sink: {
        transmit: (frame, lengthBytes) => this.sent.push(copyOf(frame, lengthBytes)) > 0,
        deliver: (frame, _ipOffset, lengthBytes) => this.delivered.push(copyOf(frame, lengthBytes)) > 0,
      },
      ownMac: parseMac(mac)!,
      connectionTableSize: CONNECTION_TABLE_SIZE,
      seed: [1, 2],
    });
    this.session = new PathSession(this.path);
  }

  get now(): number {
    return this.path.now;
  }

  set now(ticks: number) {
    this.path.now = ticks;
  }

  handle(frame: Uint8Array): Handled {
    this.sent = [];
    this.delivered = [];
    this.buffer.set(frame);
    const verdict = verdictNames.get(forward(this.path, this.view, frame.length))!;
    // What the path leaves to the host is there already.
    const isLeft = verdict.startsWith('Pass') || verdict === 'DropIpOptions';
    return { verdict, sent: this.sent, delivered: isLeft ? [frame] : this.delivered };
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

const copyOf = (frame: DataView, lengthBytes: number): Uint8Array =>
  new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes).slice();
