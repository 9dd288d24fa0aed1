/**
 * What the daemon and its datapath process say to each other, one JSON object a line (channel.ts). Every request
 * has an answer; the process says little unasked.
 */
import type { ConnectionListing } from '../control/protocol.ts';
import type { Configuration, ConfiguredService } from '../service/configuration.ts';
import type { Edit, ServiceCounters } from '../service/model.ts';

/** How the host reaches a real server's address. */
export interface NextHop {
  readonly address: string;
  readonly kind: 'neighbor' | 'local' | 'unreachable';
  /** Of a neighbour; null while it is not resolved. */
  readonly mac: string | null;
}

export interface HostFacts {
  readonly interfaceUp: boolean;
  readonly mac: string;
  readonly mtu: number;
  /** Every address of this host. */
  readonly addresses: readonly string[];
}

/** Configuration as it travels: a Map does not. */
export interface ConfigurationMessage extends Omit<Configuration, 'services'> {
  readonly services: readonly ConfiguredService[];
}

export type Request =
  /** The first request after the start. */
  | {
      readonly kind: 'start';
      readonly interface: string;
      /** Where frames for this host's own stack go in, and the MAC that they must carry. */
      readonly delivery: { readonly interface: string; readonly mac: string };
      readonly connectionTableSize: number;
      readonly configuration: ConfigurationMessage;
      readonly nextHops: readonly NextHop[];
      readonly host: HostFacts;
    }
  | { readonly kind: 'edits'; readonly edits: readonly Edit[] }
  | { readonly kind: 'next-hops'; readonly nextHops: readonly NextHop[] }
  | { readonly kind: 'host'; readonly host: HostFacts }
  | { readonly kind: 'read-counters' }
  | { readonly kind: 'list-connections'; readonly cursor: number; readonly limit: number };

export interface CountersReport {
  /** By serviceKey(). */
  readonly services: Readonly<Record<string, ServiceCounters>>;
  /** Frames by name of the Verdict; those that never happened are left out. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly connections: { readonly live: number; readonly capacity: number };
  readonly capturing: boolean;
}

export interface ConnectionsPage {
  readonly connections: readonly ConnectionListing[];
  readonly nextCursor: number | null;
}

export interface Answers {
  start: null;
  edits: null;
  'next-hops': null;
  host: null;
  'read-counters': CountersReport;
  'list-connections': ConnectionsPage;
}

/** From the process, unasked: something that belongs in the daemon's log. */
export interface Notice {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type ToWorker = { readonly id: number; readonly request: Request };
export type FromWorker =
  | { readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly id: number; readonly error: string }
  | { readonly notice: Notice };
