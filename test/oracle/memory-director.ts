/**
 * A whole director in one process, without a kernel: edits, path and listings are the product's own; the clock is
 * set by hand, the wire is an array, and the host behind it is host-model.ts.
 */

import { ticksFromSec } from '../../src/clock.ts';
import type { DirectorClient } from '../../src/control/client.ts';
import { listServices } from '../../src/control/listing.ts';
import { ExpirySweep } from '../../src/datapath/expiry.ts';
import { forward } from '../../src/datapath/forward.ts';
import { createPath, type Path } from '../../src/datapath/path.ts';
import { verdictNames } from '../../src/datapath/verdict.ts';
import { DirectorError } from '../../src/errors.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit, MarkRule } from '../../src/service/model.ts';
import type { SettingName } from '../../src/service/settings.ts';
import { parseMac } from '../../src/wire/address.ts';
import type { NextHop } from '../../src/worker/messages.ts';
import { PathSession } from '../../src/worker/session.ts';

/** The kernel's default, which the recordings print. */
const CONNECTION_TABLE_SIZE = 4096;

export interface MemoryDirectorOptions {
  readonly mac: string;
  /** All addresses of the host, the virtual ones too. */
  readonly addresses: readonly string[];
  readonly nextHops: readonly NextHop[];
  readonly interfaces?: readonly string[];
}

export interface Handled {
  readonly verdict: string;
  /** Frames on the wire. */
  readonly sent: readonly Uint8Array[];
  /** Frames given to the host's own stack past the guard. */
  readonly delivered: readonly Uint8Array[];
}

export class MemoryDirector {
  readonly path: Path;
  readonly client: DirectorClient;
  private readonly session: PathSession;
  private readonly sweep = new ExpirySweep();
  private readonly buffer = new Uint8Array(65536);
  private readonly view = new DataView(this.buffer.buffer);
  private configuration: Configuration = EMPTY_CONFIGURATION;
  private sent: Uint8Array[] = [];
  private delivered: Uint8Array[] = [];
  private readonly interfaces: ReadonlySet<string>;

  constructor(options: MemoryDirectorOptions) {
    this.path = createPath({
      sink: {
        transmit: (frame, lengthBytes) => this.sent.push(copyOf(frame, 0, lengthBytes)) > 0,
        deliver: (frame, _ipOffset, lengthBytes) => this.delivered.push(copyOf(frame, 0, lengthBytes)) > 0,
      },
      ownMac: parseMac(options.mac)!,
      connectionTableSize: CONNECTION_TABLE_SIZE,
      seed: [1, 2],
    });
    this.interfaces = new Set(options.interfaces ?? []);
    this.session = new PathSession(this.path);
    this.session.setNextHops(options.nextHops);
    this.session.setHost({ interfaceUp: true, mac: options.mac, mtu: 1500, addresses: options.addresses });
    this.client = this.createClient();
  }

  handle(frame: Uint8Array): Handled {
    this.sent = [];
    this.delivered = [];
    this.buffer.set(frame);
    const verdict = forward(this.path, this.view, frame.length);
    return { verdict: verdictNames.get(verdict)!, sent: this.sent, delivered: this.delivered };
  }

  /** Lets time pass; connections whose time is up end. */
  advance(seconds: number): void {
    this.path.now += ticksFromSec(seconds);
    this.sweep.run(this.path, this.path.connections.highestEntry);
    this.session.everySecond();
  }

  set(name: SettingName, value: number): void {
    this.edit({ op: 'set', name, value });
  }

  setMarks(rules: readonly MarkRule[]): void {
    this.edit({ op: 'set-marks', rules });
  }

  private edit(edit: Edit) {
    try {
      if (edit.op === 'start-sync-daemon' && !this.interfaces.has(edit.daemon.interface)) {
        throw new DirectorError('NO_SUCH_DEVICE', `there is no interface ${edit.daemon.interface}`);
      }
      this.configuration = applyEdit(this.configuration, edit);
      this.session.edit([edit]);
      return null;
    } catch (error) {
      if (!(error instanceof DirectorError)) throw error;
      return { code: error.code, message: error.message };
    }
  }

  private createClient(): DirectorClient {
    const { session } = this;
    return {
      applyEdits: async (edits) => edits.map((edit) => this.edit(edit)),
      listServices: async () => ({
        connectionTableSize: CONNECTION_TABLE_SIZE,
        timeouts: this.configuration.timeouts,
        syncDaemons: this.configuration.syncDaemons,
        services: listServices(this.configuration, session.readCounters().services),
      }),
      async *listConnections() {
        yield session.listConnections(0, CONNECTION_TABLE_SIZE).connections;
      },
      readStatus: () => Promise.reject(new Error('a memory director has no status')),
      readSettings: async () => ({ settings: [] }),
      readMarks: async () => ({ rules: this.configuration.marks }),
      reload: async () => {},
      stop: async () => {},
      close: () => {},
    };
  }
}

const copyOf = (frame: DataView, offset: number, lengthBytes: number): Uint8Array =>
  new Uint8Array(frame.buffer, frame.byteOffset + offset, lengthBytes).slice();
