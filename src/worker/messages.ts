/**
 * What the daemon and its datapath process say to each other, one JSON object a line (channel.ts). Every request
 * has an answer; the process says little unasked.
 */
import type { CaptureWish } from '../capture/wish.ts';
import type { ConnectionFilter, ConnectionListing } from '../control/protocol.ts';
import type { ErrorCode } from '../errors.ts';
import type { Excerpt } from '../explain/excerpt.ts';
import type { Configuration, ConfiguredService } from '../service/configuration.ts';
import type { Edit, ServiceCounters } from '../service/model.ts';
import type { PackedServices } from './packed-counters.ts';

/** How the host reaches a real server's address. */
export interface NextHop {
  readonly address: string;
  readonly kind: 'neighbor' | 'local' | 'unreachable';
  /** Of a neighbour; null while it is not resolved. */
  readonly mac: string | null;
  /** Where frames to it leave, with the MAC of that interface; null: by our own. */
  readonly interface: { readonly index: number; readonly mac: string } | null;
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

export type DatapathKind = (PathStart | XdpStart)['kind'];

/** The path in the process itself; frames through libpcap, or through rings that the kernel shares with it. */
export interface PathStart {
  readonly kind: 'pcap' | 'ring';
  /** Where frames for this host's own stack go in, and the MAC that they must carry. */
  readonly delivery: { readonly interface: string; readonly mac: string };
  /** The file of the memory that outlives the process (path-memory.ts), as the daemon holds it. */
  readonly memory: string;
  /** Where the process says how a later daemon finds it. */
  readonly noteFile: string;
  /** One that works with that memory and has lost its daemon; null: nobody does. */
  readonly predecessor: Predecessor | null;
}

export interface Predecessor {
  readonly pid: number;
  /** The memory's file, as that process has it open: /proc/PID/fd/N. */
  readonly memory: string;
}

/** The path in the kernel. The process puts it there, or takes over the one that is there, and tends it. */
export interface XdpStart {
  readonly kind: 'xdp';
  /** In a bpf file system: what the kernel keeps is pinned there. */
  readonly folder: string;
  /** Tried in this order; the next one if the driver cannot. */
  readonly modes: readonly XdpMode[];
  readonly maxServices: number;
  readonly maxServers: number;
}

export type XdpMode = 'native' | 'generic';

/** The first request after the start. */
export interface StartRequest {
  readonly kind: 'start';
  readonly interface: string;
  readonly interfaceIndex: number;
  readonly connectionTableSize: number;
  readonly datapath: PathStart | XdpStart;
  /** null: the one that is taken over, from the pinned state or the predecessor; or none. */
  readonly configuration: ConfigurationMessage | null;
  readonly nextHops: readonly NextHop[];
  readonly host: HostFacts;
}

export interface StartAnswer {
  /** The configuration that was taken over; null: there was none. */
  readonly adopted: ConfigurationMessage | null;
  /** null: not XDP. */
  readonly mode: XdpMode | null;
  /** For the log and `director status`. */
  readonly notes: readonly string[];
}

export type Request =
  | StartRequest
  | { readonly kind: 'edits'; readonly edits: readonly Edit[] }
  | { readonly kind: 'next-hops'; readonly nextHops: readonly NextHop[] }
  /** `interfaceIndex` 0: there is no such interface now. */
  | { readonly kind: 'host'; readonly host: HostFacts; readonly interfaceIndex: number }
  /** `services`: with what was counted of each, which for thousands of servers is much. */
  | { readonly kind: 'read-counters'; readonly services: boolean }
  /** What this frame, as hex, can touch; nothing changes. */
  | { readonly kind: 'excerpt'; readonly frame: string }
  | {
      readonly kind: 'list-connections';
      readonly cursor: number;
      readonly limit: number;
      readonly filter: ConnectionFilter;
    }
  | { readonly kind: 'end-connections'; readonly filter: ConnectionFilter }
  /** All that is captured from now on; what is not among them ends. */
  | { readonly kind: 'capture'; readonly wishes: readonly CaptureWish[] }
  /** Takes away what would outlive the process. */
  | { readonly kind: 'remove' };

export interface CountersReport {
  /** By serviceKey(); none when they were not asked for. */
  readonly services: Readonly<Record<string, ServiceCounters>>;
  /** Frames by name of the Verdict; those that never happened are left out. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly connections: { readonly live: number; readonly capacity: number };
  /** Connections that made room for others, by name of the RoomMaker; those that never did are left out. */
  readonly madeRoom: Readonly<Record<string, number>>;
  readonly capturing: boolean;
  /** Frames that came faster than they were taken, since the process began; null: nobody counts them. */
  readonly dropped: number | null;
}

export interface PackedReport extends Omit<CountersReport, 'services'> {
  readonly services: PackedServices;
}

export interface ConnectionsPage {
  readonly connections: readonly ConnectionListing[];
  readonly nextCursor: number | null;
}

export interface Answers {
  start: StartAnswer;
  edits: null;
  'next-hops': null;
  host: null;
  'read-counters': PackedReport;
  excerpt: Excerpt;
  'list-connections': ConnectionsPage;
  'end-connections': { readonly ended: number };
  /** Why not; null: it is so. One that cannot capture forwards all the same. */
  capture: { readonly refusal: { readonly code: ErrorCode; readonly message: string } | null };
  remove: null;
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
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } }
  | { readonly notice: Notice };
