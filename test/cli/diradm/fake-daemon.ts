/**
 * The director's configuration behind its real control application (schema included), without network: what
 * diradm's tests talk to. Counters and connections are whatever a test puts in.
 */

import { createControlApp } from '../../../src/control/app.ts';
import type { DirectorClient } from '../../../src/control/client.ts';
import { listServices } from '../../../src/control/listing.ts';
import type {
  ConnectionListing,
  ConnectionsReply,
  EditsReply,
  ErrorReply,
  MarksReply,
  ServicesReply,
  SettingsReply,
  StatusReply,
} from '../../../src/control/protocol.ts';
import { DirectorError } from '../../../src/errors.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../../src/service/configuration.ts';
import type { Edit, ServiceCounters } from '../../../src/service/model.ts';

/** Interfaces of the director on which the recordings were made. */
const INTERFACES = new Set(['d0', 'lo']);

export class FakeDaemon {
  configuration: Configuration = EMPTY_CONFIGURATION;
  counters: Record<string, ServiceCounters> = {};
  connections: ConnectionListing[] = [];
  /** How many edits came with each request. */
  readonly editsPerRequest: number[] = [];
  readonly app = createControlApp({
    edit: async (edits) => this.edit(edits),
    services: async () => this.services(),
    connections: async (cursor, limit) => this.page(cursor, limit),
    endConnections: async () => ({ ended: 0 }),
    status: async () => ({ version: 'test' }) as StatusReply,
    summary: () => Promise.reject(new Error('diradm reads no summary')),
    explain: () => Promise.reject(new Error('diradm explains nothing')),
    plan: () => Promise.reject(new Error('diradm makes no plans')),
    apply: async () => {},
    capture: () => Promise.reject(new Error('diradm captures nothing')),
    endCapture: () => false,
    reload: async () => {},
    health: () => ({ services: [] }),
    overview: () => Promise.reject(new Error('diradm looks at no overview')),
    history: () => ({ entries: [] }),
    metrics: async () => '',
    watch: () => ({ takeOverview: () => undefined, isOver: true, end: () => {} }),
    setCheck: async () => {},
    drain: async () => ({ servers: [] }),
    settings: () => ({ settings: [] }),
    marks: () => ({ rules: this.configuration.marks }),
    stop: () => {},
    restart: () => {},
  });

  private edit(edits: readonly Edit[]): EditsReply {
    this.editsPerRequest.push(edits.length);
    return { results: edits.map((edit) => this.carryOut(edit)) };
  }

  private carryOut(edit: Edit): EditsReply['results'][number] {
    try {
      if (edit.op === 'start-sync-daemon' && !INTERFACES.has(edit.daemon.interface)) {
        throw new DirectorError('NO_SUCH_DEVICE', `there is no interface ${edit.daemon.interface}`);
      }
      this.configuration = applyEdit(this.configuration, edit);
      return null;
    } catch (error) {
      const { code, message } = error as DirectorError;
      return { code, message };
    }
  }

  private services(): ServicesReply {
    const { timeouts, syncDaemons } = this.configuration;
    const services = listServices(this.configuration, this.counters);
    return { connectionTableSize: 4096, timeouts, syncDaemons, services };
  }

  private page(cursor: number, limit: number): ConnectionsReply {
    const end = cursor + limit;
    return {
      connections: this.connections.slice(cursor, end),
      nextCursor: end < this.connections.length ? end : null,
    };
  }

  /** Goes through the application as a request would. */
  readonly client: DirectorClient = {
    applyEdits: async (edits) => (await this.call<EditsReply>('/v1/edits', { edits })).results,
    listServices: () => this.call<ServicesReply>('/v1/services'),
    listConnections: () => this.pages(),
    endConnections: async () => 0,
    readStatus: () => this.call<StatusReply>('/v1/status'),
    readSummary: () => Promise.reject(new Error('there is no summary')),
    readHealth: async () => ({ services: [] }),
    readOverview: () => Promise.reject(new Error('there is no overview')),
    readHistory: async () => ({ entries: [] }),
    setCheck: async () => {},
    drain: async () => [],
    readSettings: () => this.call<SettingsReply>('/v1/settings'),
    readMarks: () => this.call<MarksReply>('/v1/marks'),
    explain: () => Promise.reject(new Error('diradm explains nothing')),
    plan: () => Promise.reject(new Error('diradm makes no plans')),
    apply: async () => {},
    reload: async () => {},
    stop: async () => {},
    capture: () => Promise.reject(new Error('diradm captures nothing')),
    endCapture: async () => {},
    restart: async () => {},
    close: () => {},
  };

  private async *pages(): AsyncGenerator<readonly ConnectionListing[]> {
    for (let cursor: number | null = 0; cursor !== null; ) {
      const reply: ConnectionsReply = await this.call(`/v1/connections?cursor=${cursor}&limit=2`);
      yield reply.connections;
      cursor = reply.nextCursor;
    }
  }

  private async call<Reply>(path: string, body?: unknown): Promise<Reply> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await this.app.request(path, init);
    const reply: unknown = await response.json();
    if (response.ok) return reply as Reply;
    const { error } = reply as ErrorReply;
    throw new DirectorError(error.code, error.message);
  }
}
