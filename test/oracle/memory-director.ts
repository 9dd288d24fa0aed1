/**
 * A whole director in one process, without interface and daemon: edits, datapath and listings are the product's own;
 * the clock is set by hand, the wire is an array, and the host behind it is host-model.ts. The datapath is the
 * TypeScript path (path-backend.ts) or the program in the kernel (xdp-backend.ts).
 */

import { ticksFromSec } from '../../src/clock.ts';
import type { DirectorClient } from '../../src/control/client.ts';
import { listServices } from '../../src/control/listing.ts';
import { DirectorError } from '../../src/errors.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit, MarkRule } from '../../src/service/model.ts';
import type { SettingName } from '../../src/service/settings.ts';
import type { NextHop } from '../../src/worker/messages.ts';
import type { DatapathSession } from '../../src/worker/session.ts';
import { createPathBackend } from './path-backend.ts';
import { CONNECTION_TABLE_SIZE } from './path-in-process.ts';

/** A datapath to run frames through. */
export interface Backend {
  readonly session: DatapathSession;
  /** Ticks of src/clock.ts. */
  now: number;
  handle(frame: Uint8Array): Handled;
  /** Connections whose time is up end. */
  sweepAll(): void;
  /** Whether ICMP answers are limited for each client, too. */
  limitsClients: boolean;
  /** Whether the host's own stack may answer this frame's sender by ICMP; IPVS's answers count with its. */
  takeReply(frame: Uint8Array): boolean;
  close(): void;
}

export type BackendFactory = (mac: string) => Backend;

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
  /** Frames that the host's own stack has now. */
  readonly delivered: readonly Uint8Array[];
}

export class MemoryDirector {
  readonly backend: Backend;
  readonly client: DirectorClient;
  private configuration: Configuration = EMPTY_CONFIGURATION;
  private readonly interfaces: ReadonlySet<string>;

  constructor(options: MemoryDirectorOptions, createBackend: BackendFactory = createPathBackend) {
    this.backend = createBackend(options.mac);
    this.interfaces = new Set(options.interfaces ?? []);
    const { session } = this.backend;
    session.setNextHops(options.nextHops);
    session.setHost({ interfaceUp: true, mac: options.mac, mtu: 1500, addresses: options.addresses });
    // The recordings are of IPVS: without what the director adds.
    session.edit([{ op: 'set', name: 'second_chance', value: 0 }]);
    this.client = this.createClient();
  }

  handle(frame: Uint8Array): Handled {
    return this.backend.handle(frame);
  }

  /** Lets time pass; connections whose time is up end. */
  advance(seconds: number): void {
    this.backend.now += ticksFromSec(seconds);
    this.backend.sweepAll();
    this.backend.session.everySecond();
  }

  has(setting: string): boolean {
    return setting in this.configuration.settings;
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
      this.backend.session.edit([edit]);
      return null;
    } catch (error) {
      if (!(error instanceof DirectorError)) throw error;
      return { code: error.code, message: error.message };
    }
  }

  private createClient(): DirectorClient {
    const { session } = this.backend;
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
      endConnections: async (filter) => session.endConnections(filter),
      readStatus: () => Promise.reject(new Error('a memory director has no status')),
      readSummary: () => Promise.reject(new Error('a memory director has no summary')),
      readHealth: async () => ({ services: [] }),
      readOverview: () => Promise.reject(new Error('there is no overview')),
      readHistory: async () => ({ entries: [] }),
      setCheck: async () => {},
      drain: async () => [],
      readSettings: async () => ({ settings: [] }),
      readMarks: async () => ({ rules: this.configuration.marks }),
      explain: () => Promise.reject(new Error('a memory director explains nothing')),
      plan: () => Promise.reject(new Error('a memory director makes no plans')),
      apply: async () => {},
      reload: async () => {},
      stop: async () => {},
      capture: () => Promise.reject(new Error('a memory director captures nothing')),
      endCapture: async () => {},
      restart: async () => {},
      close: () => {},
    };
  }
}
