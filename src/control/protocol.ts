/**
 * What travels over the control socket: HTTP/JSON on a unix socket. docs/CONTROL-API.md describes each call;
 * schema.ts checks what comes in. Types only, so that the command-line tools load nothing else.
 */
import type { ErrorCode } from '../errors.ts';
import type {
  ConnectionTimeouts,
  Edit,
  MarkRule,
  ServerAddress,
  ServerOptions,
  ServiceAddress,
  ServiceOptions,
  SyncDaemon,
  TrafficCounters,
  TrafficRates,
  TransportProtocol,
} from '../service/model.ts';

export const DEFAULT_SOCKET_PATH = '/run/director/director.sock';
/** Overrides DEFAULT_SOCKET_PATH for every program of the director. */
export const SOCKET_PATH_VARIABLE = 'DIRECTOR_SOCKET';

/** Body of every reply that is not 2xx. */
export interface ErrorReply {
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

/** POST /v1/edits. The edits are carried out in order; one that fails does not stop those after it. */
export interface EditsRequest {
  readonly edits: readonly Edit[];
}

export interface EditsReply {
  /** One for each edit, in order: null, or why it was refused. */
  readonly results: readonly (ErrorReply['error'] | null)[];
}

export interface ServerListing {
  readonly server: ServerAddress;
  readonly options: ServerOptions;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly counters: TrafficCounters;
  readonly rates: TrafficRates;
}

export interface ServiceListing {
  readonly service: ServiceAddress;
  readonly options: ServiceOptions;
  readonly counters: TrafficCounters;
  readonly rates: TrafficRates;
  /** As the schedulers walk them: the one added last comes first. */
  readonly servers: readonly ServerListing[];
}

/** GET /v1/services */
export interface ServicesReply {
  readonly connectionTableSize: number;
  readonly timeouts: ConnectionTimeouts;
  readonly syncDaemons: readonly SyncDaemon[];
  /** As they were added. */
  readonly services: readonly ServiceListing[];
}

export interface ConnectionListing {
  /** `ip`: a template of a firewall-mark service; its virtual address is the mark. */
  readonly protocol: TransportProtocol | 'ip';
  /** Name as ipvsadm -Lnc prints it. */
  readonly state: string;
  readonly expiresSec: number;
  readonly client: ServerAddress;
  readonly virtual: ServerAddress;
  readonly server: ServerAddress;
}

/** Connections for which all that is given holds. Without a port: any. Addresses in canonical text. */
export interface ConnectionFilter {
  readonly client?: EndpointFilter;
  readonly virtual?: EndpointFilter;
  readonly server?: EndpointFilter;
}

export interface EndpointFilter {
  readonly address: string;
  readonly port?: number;
}

/** GET /v1/connections?cursor=0&limit=10000&client=…&virtual=…&server=…. Ends when nextCursor is null. */
export interface ConnectionsReply {
  readonly connections: readonly ConnectionListing[];
  readonly nextCursor: number | null;
}

/** DELETE /v1/connections?client=…&virtual=…&server=…, at least one of them. */
export interface EndedReply {
  readonly ended: number;
}

/** POST /v1/stop */
export interface StopRequest {
  /** What forwards goes on without the daemon, for the next `director run`. */
  readonly keepForwarding?: boolean;
}

/** GET /v1/status */
export interface StatusReply {
  readonly version: string;
  readonly pid: number;
  readonly uptimeSec: number;
  readonly interface: {
    readonly name: string;
    readonly up: boolean;
    readonly mac: string;
    readonly mtu: number;
    /** By ethtool's names: switched off while the director runs; on although they should not be. */
    readonly offloads: { readonly off: readonly string[]; readonly stuck: readonly string[] };
  };
  readonly datapath: {
    readonly name: string;
    /** Of xdp: in the driver, or in the kernel's stack before all else. null: not XDP, or not running yet. */
    readonly mode: 'native' | 'generic' | null;
    readonly state: 'running' | 'waiting for the interface' | 'restarting';
    /** Of the first process. */
    readonly pid: number | null;
    /** Of all together. */
    readonly restarts: number;
    /** Its processes, in their order: one, or as many as `--workers` says. */
    readonly workers: readonly WorkerListing[];
    /** Why not a faster one, one sentence each. */
    readonly notes: readonly string[];
  };
  readonly connections: { readonly live: number; readonly capacity: number };
  /** Connections that made room for others, by kind: `halfOpen`, `udp`, `template`; those that never did are left out. */
  readonly madeRoom: Readonly<Record<string, number>>;
  /** What the table takes when it is full; with xdp, what all of its memory takes from the start. */
  readonly connectionTableBytes: number;
  /** Frames by verdict, since the datapath started; verdicts that never happened are left out. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly neighbors: readonly NeighborListing[];
  readonly warnings: readonly string[];
}

export interface WorkerListing {
  readonly pid: number | null;
  readonly state: StatusReply['datapath']['state'];
  readonly restarts: number;
}

export interface NeighborListing {
  /** The real server's address. */
  readonly server: string;
  readonly kind: 'neighbor' | 'local' | 'unreachable';
  /** Null while the kernel has not resolved it. */
  readonly mac: string | null;
  /** Kernel's word (REACHABLE, STALE, FAILED …), or why the server cannot be reached directly. */
  readonly state: string;
  /** Name of the interface by which frames to it leave; null: the director's own. */
  readonly interface: string | null;
  /** Since it last showed that it has the MAC; null: not known, or it needs none. */
  readonly confirmedAgoSec: number | null;
}

/** GET /v1/health */
export interface HealthReply {
  readonly services: readonly ServiceHealthListing[];
}

export interface ServiceHealthListing {
  readonly service: ServiceAddress;
  /** What is asked, in words; null: nobody checks. */
  readonly check: string | null;
  readonly servers: readonly ServerHealthListing[];
}

export interface ServerHealthListing {
  readonly server: ServerAddress;
  /** down: it takes no new connections. unchecked: no answer yet, or nobody checks; it takes part. */
  readonly state: 'up' | 'down' | 'unchecked';
  readonly drained: boolean;
  readonly weight: number;
  /** Less than the weight while it drains or starts slowly. */
  readonly weightInForce: number;
  /** Why it is down. */
  readonly cause: string;
  /** Since when it is up or down; null: as long as it is known. */
  readonly sinceSec: number | null;
  /** The last check; null: none yet. */
  readonly last: {
    readonly ok: boolean;
    readonly cause: string;
    readonly durationMs: number;
    readonly agoSec: number;
  } | null;
  /** Checks that were due while the one before them still ran. */
  readonly missed: number;
}

/** POST /v1/checks. `check`: as a configuration file has it (docs/HEALTH-CHECKS.md). */
export interface CheckRequest {
  readonly service: ServiceAddress;
  readonly check: unknown;
}

/** POST /v1/drains: real servers at this address (and port), of this service or of all. */
export interface DrainRequest {
  readonly server: EndpointFilter;
  readonly service?: ServiceAddress;
  readonly drained: boolean;
}

/** Those that it was for, at least one. */
export interface DrainReply {
  readonly servers: readonly { readonly service: ServiceAddress; readonly server: ServerAddress }[];
}

/** POST /v1/plans: what a file would change. Nothing changes yet. */
export interface PlanRequest {
  /** How messages name the file. */
  readonly name: string;
  readonly format: FileFormat;
  readonly text: string;
}

/** yaml: as `director run --config` takes it. rules: as ipvsadm-save writes it. */
export type FileFormat = 'yaml' | 'rules';

/** Only what changes; null: nothing of this kind. */
export interface PlanReply {
  /** Names the plan, and the state that it is for. */
  readonly token: string;
  readonly services: readonly PlannedService[];
  readonly settings: readonly { readonly name: string; readonly before: number; readonly after: number }[];
  readonly timeouts: Change<ConnectionTimeouts> | null;
  readonly marks: Change<readonly MarkRule[]> | null;
  readonly syncDaemons: Change<readonly SyncDaemon[]> | null;
}

export interface Change<T> {
  readonly before: T;
  readonly after: T;
}

export interface PlannedService {
  readonly service: ServiceAddress;
  /** Null: they stay. Before null: a new service; after null: it goes. */
  readonly options: Change<PlannedServiceOptions | null> | null;
  readonly servers: readonly PlannedServer[];
}

/** Before null: a new server; after null: it goes. */
export interface PlannedServer extends Change<ServerOptions | null> {
  readonly server: ServerAddress;
}

export interface PlannedServiceOptions extends ServiceOptions {
  /** In words; null: nobody checks. */
  readonly check: string | null;
  /** Address of the sorry server. */
  readonly sorry: string | null;
  readonly slowStartSec: number;
}

/** POST /v1/apply */
export interface ApplyRequest {
  readonly token: string;
}

/**
 * GET /v1/capture?client=…&virtual=…&server=…&verdict=Drop,Forward&count=…&seconds=…&snaplen=…: a pcapng file as it
 * grows, until it ends. All that is given must hold.
 */
export interface CaptureRequest extends ConnectionFilter {
  /** Names of verdicts, or of a kind of them. */
  readonly verdict?: readonly string[];
  /** Ends after so many frames; or after so many seconds. */
  readonly count?: number;
  readonly seconds?: number;
  /** Bytes of each frame. */
  readonly snaplen: number;
}

/** Of the reply to GET /v1/capture: what DELETE /v1/capture?id=… ends. */
export const CAPTURE_ID_HEADER = 'director-capture';
export const DEFAULT_SNAPLEN = 256;

/** GET /v1/settings */
export interface SettingsReply {
  readonly settings: readonly {
    readonly name: string;
    readonly value: number;
    readonly default: number;
    readonly meaning: string;
  }[];
}

/** GET /v1/marks: in the order in which they are tried. */
export interface MarksReply {
  readonly rules: readonly MarkRule[];
}

/** POST /v1/explain: what the path would do now with this frame, or with a packet of this kind. */
export type ExplainRequest =
  | { readonly frame: string }
  | ({ readonly from: ServerAddress; readonly to: ServerAddress } & (
      | { readonly protocol: 'tcp'; readonly flags: readonly TcpFlagName[] }
      | { readonly protocol: 'udp' }
      | { readonly protocol: 'sctp'; readonly chunk: SctpChunkName }
    ));

export type TcpFlagName = 'fin' | 'syn' | 'rst' | 'psh' | 'ack' | 'urg';
export type SctpChunkName =
  | 'data'
  | 'init'
  | 'sack'
  | 'heartbeat'
  | 'abort'
  | 'shutdown'
  | 'shutdown-ack'
  | 'cookie-echo'
  | 'shutdown-complete';

export interface ExplainReply {
  /** The packet in a line. */
  readonly packet: string;
  readonly verdict: string;
  /** What the verdict means. */
  readonly meaning: string;
  readonly service: ServiceAddress | null;
  /** Whose the packet is. */
  readonly server: ServerAddress | null;
  readonly steps: readonly ExplainedStep[];
  /** Servers of the service, as the scheduler walks them; those that it does not see come last. */
  readonly candidates: readonly ExplainedServer[];
  /** Frames that would leave, as hex. */
  readonly sent: readonly { readonly to: string; readonly from: string; readonly frame: string }[];
  /** What else one should know. */
  readonly notes: readonly string[];
}

export interface ExplainedStep {
  /** As docs/PACKET-PATH.md names them. */
  readonly step: 'decode' | 'find' | 'match' | 'schedule' | 'remember' | 'step' | 'send';
  readonly text: string;
  readonly details: readonly string[];
}

export interface ExplainedServer {
  readonly server: ServerAddress;
  readonly weight: number;
  readonly weightInForce: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  /** What the scheduler compares, if it compares something. */
  readonly value: string | null;
  readonly chosen: boolean;
  /** Why it is special; empty: it is not. */
  readonly note: string;
}

/** GET /v1/summary: what `director status` prints: of many things at most as many as one can read, those in trouble first. */
export interface SummaryReply extends Omit<StatusReply, 'verdicts'> {
  /** Of all services together. */
  readonly rates: TrafficRates;
  readonly frames: OverviewReply['verdicts'];
  readonly drops: OverviewReply['drops'];
  readonly services: readonly ServiceSummary[];
  /** How many are not told of. */
  readonly more: {
    readonly services: number;
    readonly servers: number;
    readonly neighbors: number;
    readonly warnings: number;
  };
}

/** Its numbers are of all its servers. */
export interface ServiceSummary extends Omit<ServiceOverview, 'servers'> {
  /** What is asked of its servers, in words; null: nobody checks. */
  readonly check: string | null;
  readonly servers: readonly ServerOverview[];
}

/** GET /v1/overview?service=KEY: one moment, as the daemon's sampler, `director top` and the page see it. */
export interface OverviewReply {
  /** Milliseconds since 1970, UTC. */
  readonly timeMs: number;
  readonly uptimeSec: number;
  readonly interface: { readonly name: string; readonly up: boolean };
  readonly datapath: Pick<StatusReply['datapath'], 'name' | 'mode' | 'state' | 'restarts'>;
  readonly connections: { readonly live: number; readonly capacity: number };
  /** Of all services together. */
  readonly rates: TrafficRates;
  /** Frames by verdict; those that never happened are left out. */
  readonly verdicts: readonly VerdictOverview[];
  /** Those of the verdicts that are drops, together. */
  readonly drops: Omit<VerdictOverview, 'verdict'>;
  readonly services: readonly ServiceOverview[];
  /** Of the service that was asked for by its key; nobody asked: none. */
  readonly servers: readonly ServerOverview[];
  readonly warnings: readonly string[];
}

export interface VerdictOverview {
  readonly verdict: string;
  /** Since the datapath started, with xdp since the program was loaded. */
  readonly frames: number;
  readonly lastMinute: number;
  readonly perSec: number;
}

export interface ServiceOverview {
  /** serviceKey(): what `?service=` takes. */
  readonly key: string;
  readonly service: ServiceAddress;
  readonly scheduler: string;
  /** Of its servers: how many there are, are down by their checks, are drained or quiesced. */
  readonly servers: number;
  readonly down: number;
  readonly drained: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly counters: TrafficCounters;
  readonly rates: TrafficRates;
}

export interface ServerOverview
  extends Pick<
      ServerListing,
      'server' | 'activeConnections' | 'inactiveConnections' | 'persistentConnections' | 'counters' | 'rates'
    >,
    Pick<
      ServerHealthListing,
      'state' | 'drained' | 'weight' | 'weightInForce' | 'cause' | 'sinceSec' | 'last'
    > {}

/**
 * GET /v1/stream?service=KEY&after=N&backlog=M: Server-Sent Events. `overview` (an OverviewReply) at once and once a
 * second, `history` (a HistoryEntry, id: its sequence) as things happen; Last-Event-ID or `after` begins there, with at
 * most `backlog` of those that had happened.
 */

/** GET /v1/history?after=N&limit=M: what has happened, oldest first. The daemon keeps a bounded number of them. */
export interface HistoryReply {
  readonly entries: readonly HistoryEntry[];
}

export interface HistoryEntry {
  /** Counts from 1, since the daemon's start. */
  readonly sequence: number;
  readonly timeMs: number;
  readonly kind: HistoryKind;
  /** serviceKey(); null: of none or of several. */
  readonly service: string | null;
  readonly server: ServerAddress | null;
  /** A sentence for people: from what to what, and why. */
  readonly message: string;
}

export type HistoryKind =
  | 'server-up'
  | 'server-down'
  | 'drained'
  | 'undrained'
  | 'configuration'
  | 'datapath'
  | 'interface'
  | 'warning';
