/**
 * A path with its session in memory: edits and frames in, frames out, a clock that is set by hand. Real servers
 * 10.0.0.11 … 10.0.0.14 and fd00:10::b … have MACs; 127.0.0.1 and the director's own addresses are this host.
 */
import { ticksFromSec } from '../../src/clock.ts';
import type { ConnectionListing } from '../../src/control/protocol.ts';
import { ExpirySweep } from '../../src/datapath/expiry.ts';
import { forward } from '../../src/datapath/forward.ts';
import { createPath, type Path, type PathMemory } from '../../src/datapath/path.ts';
import { type Verdict, verdictNames } from '../../src/datapath/verdict.ts';
import type { Edit, ServerCounters } from '../../src/service/model.ts';
import type { Settings } from '../../src/service/settings.ts';
import { parseMac } from '../../src/wire/address.ts';
import { type Slice, WHOLE } from '../../src/wire/slice.ts';
import type { NextHop } from '../../src/worker/messages.ts';
import { PathSession } from '../../src/worker/session.ts';
import { endpoint, serviceAddress } from './edits.ts';
import { DIRECTOR_MAC, type FrameBuilder } from './frame-builder.ts';
import { VIP, VIP6 } from './sample-frames.ts';

export const DIRECTOR_ADDRESS = '10.0.0.1';
export const MAC_OF: Readonly<Record<string, string>> = {
  '10.0.0.11': '02:00:00:00:00:0b',
  '10.0.0.12': '02:00:00:00:00:0c',
  '10.0.0.13': '02:00:00:00:00:0d',
  '10.0.0.14': '02:00:00:00:00:0e',
  'fd00:10::b': '02:00:00:00:00:0b',
  'fd00:10::c': '02:00:00:00:00:0c',
};

export interface TestDirectorOptions {
  readonly connectionTableSize?: number;
  readonly settings?: Partial<Settings>;
  /** For a table of that size. */
  readonly memory?: PathMemory;
  readonly slice?: Slice;
}

export interface Handled {
  readonly verdict: keyof typeof Verdict;
  readonly sent: readonly Uint8Array[];
  /** IP packets that were handed to the host's own stack, with what stood before them. */
  readonly delivered: readonly { readonly frame: Uint8Array; readonly ipOffset: number }[];
}

export class TestDirector {
  readonly path: Path;
  readonly session: PathSession;
  /** What the interface and the host's stack say to a frame. */
  accepts = { transmit: true, deliver: true };
  handledFrames = 0;
  private readonly sweep = new ExpirySweep();
  private readonly memory = new Uint8Array(70_000);
  /** Where each frame is while it is handled. */
  readonly view = new DataView(this.memory.buffer);
  private sent: Uint8Array[] = [];
  private delivered: { frame: Uint8Array; ipOffset: number }[] = [];

  constructor(
    edits: readonly Edit[] = [],
    { connectionTableSize = 1024, settings = {}, memory, slice = WHOLE }: TestDirectorOptions = {},
  ) {
    this.path = createPath({
      sink: {
        transmit: (frame, lengthBytes) => {
          this.sent.push(copyOf(frame, lengthBytes));
          return this.accepts.transmit;
        },
        deliver: (frame, ipOffset, lengthBytes) => {
          this.delivered.push({ frame: copyOf(frame, lengthBytes), ipOffset });
          return this.accepts.deliver;
        },
      },
      ownMac: parseMac(DIRECTOR_MAC)!,
      connectionTableSize,
      slice,
      seed: [0x01234567, 0x89abcdef | 0],
      ...(memory === undefined ? {} : { memory }),
    });
    this.session = new PathSession(this.path);
    this.session.edit(Object.entries(settings).map(([name, value]) => ({ op: 'set', name, value })));
    const own = [DIRECTOR_ADDRESS, VIP, VIP6];
    this.session.setNextHops([
      ...Object.entries(MAC_OF).map(([address, mac]) => nextHop(address, 'neighbor', mac)),
      ...['127.0.0.1', '::1', ...own].map((address) => nextHop(address, 'local', null)),
    ]);
    this.session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: own });
    this.session.edit(edits);
  }

  edit(...edits: readonly Edit[]): void {
    this.session.edit(edits);
  }

  /** The frame lies in a larger memory, whose rest is poison. */
  handle(frame: FrameBuilder | Uint8Array): Handled {
    const bytes = frame instanceof Uint8Array ? frame : frame.bytes();
    this.sent = [];
    this.delivered = [];
    this.memory.fill(0xee, 0, bytes.length + 2048);
    this.memory.set(bytes);
    this.handledFrames++;
    const verdict = verdictNames.get(forward(this.path, this.view, bytes.length)) as keyof typeof Verdict;
    return { verdict, sent: this.sent, delivered: this.delivered };
  }

  /** Lets time pass without a sweep. */
  wait(seconds: number): void {
    this.path.now = (this.path.now + ticksFromSec(seconds)) | 0;
  }

  /** Looks at all connections once. Returns how many ended. */
  sweepAll(): number {
    const expired = this.sweep.run(this.path, this.path.connections.highestEntry);
    this.session.everySecond();
    return expired;
  }

  /** Looks at this many entries, from where the last slice ended. */
  sweepSlice(maxEntries: number): number {
    return this.sweep.run(this.path, maxEntries);
  }

  connections(): readonly ConnectionListing[] {
    return this.session.listConnections(0, this.path.connections.capacity).connections;
  }

  counters(service: string, server: string): ServerCounters {
    const { address, port } = endpoint(server);
    const found = this.path.services
      .get(serviceAddress(service))!
      .servers.find((each) => each.address.address === address && each.address.port === port)!;
    const { activeConnections, inactiveConnections, persistentConnections } = found;
    const traffic = found.traffic.read();
    const rates = found.traffic.readRates();
    return { activeConnections, inactiveConnections, persistentConnections, traffic, rates };
  }

  /** Active and inactive connections of a listed server. */
  load(service: string, server: string): readonly [number, number] {
    const { activeConnections, inactiveConnections } = this.counters(service, server);
    return [activeConnections, inactiveConnections];
  }

  get framesByVerdict(): number {
    return this.path.verdicts.reduce((sum, frames) => sum + frames, 0);
  }
}

const nextHop = (address: string, kind: NextHop['kind'], mac: string | null): NextHop => ({
  address,
  kind,
  mac,
  interface: null,
});

const copyOf = (frame: DataView, lengthBytes: number): Uint8Array =>
  new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes).slice();
