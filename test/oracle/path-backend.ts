/** The TypeScript path as the recordings' runner runs it. */
import { forward } from '../../src/datapath/forward.ts';
import { verdictNames } from '../../src/datapath/verdict.ts';
import type { Backend, Handled } from './memory-director.ts';
import { isLeftToHost, PathInProcess } from './path-in-process.ts';

export const createPathBackend = (mac: string): Backend => new PathBackend(mac);

class PathBackend extends PathInProcess {
  private readonly buffer = new Uint8Array(65536);
  private readonly view = new DataView(this.buffer.buffer);
  private sent: Uint8Array[] = [];
  private delivered: Uint8Array[] = [];

  constructor(mac: string) {
    super(mac, {
      transmit: (frame, lengthBytes) => this.sent.push(copyOf(frame, lengthBytes)) > 0,
      deliver: (frame, _ipOffset, lengthBytes) => this.delivered.push(copyOf(frame, lengthBytes)) > 0,
    });
  }

  handle(frame: Uint8Array): Handled {
    this.sent = [];
    this.delivered = [];
    this.buffer.set(frame);
    const verdict = verdictNames.get(forward(this.path, this.view, frame.length))!;
    return { verdict, sent: this.sent, delivered: isLeftToHost(verdict) ? [frame] : this.delivered };
  }
}

const copyOf = (frame: DataView, lengthBytes: number): Uint8Array =>
  new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes).slice();
