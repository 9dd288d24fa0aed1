/** What the control socket offers, as the daemon implements it. */
import type { ServiceCheck } from '../health/service-check.ts';
import type { Edit, ServiceAddress } from '../service/model.ts';
import type {
  CaptureRequest,
  ConnectionFilter,
  ConnectionsReply,
  DrainReply,
  EditsReply,
  EndedReply,
  EndpointFilter,
  ExplainReply,
  ExplainRequest,
  HealthReply,
  HistoryReply,
  MarksReply,
  OverviewReply,
  PlanReply,
  PlanRequest,
  ServicesReply,
  SettingsReply,
  StatusReply,
  SummaryReply,
} from './protocol.ts';

/** Of somebody who looks on. What is not taken in time is replaced by what is newer. */
export interface Watch {
  /** The newest overview as JSON; undefined: it was taken already. */
  takeOverview(): string | undefined;
  readonly isOver: boolean;
  end(): void;
}

export interface CaptureReply {
  readonly id: number;
  readonly file: ReadableStream<Uint8Array>;
}

export interface DirectorApi {
  /** In order; one that fails does not stop those after it. Resolves when the datapath works by them. */
  edit(edits: readonly Edit[]): Promise<EditsReply>;
  services(): Promise<ServicesReply>;
  /** `limit` places of the table from `cursor` on, and what the filter is for of them. */
  connections(cursor: number, limit: number, filter: ConnectionFilter): Promise<ConnectionsReply>;
  /** Ends those that the filter is for. Their next packets are of no connection. */
  endConnections(filter: ConnectionFilter): Promise<EndedReply>;
  status(): Promise<StatusReply>;
  summary(): Promise<SummaryReply>;
  health(): HealthReply;
  /** `service`: the one whose servers are told of, too, by its key. */
  overview(service?: string): Promise<OverviewReply>;
  /** After this number, at most the first `limit`; without it the newest. */
  history(after: number | undefined, limit: number): HistoryReply;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  /** Calls `wake` once a second and when something has happened, until the watch is over. */
  watch(service: string | undefined, wake: () => void): Watch;
  /** How the servers of a service are checked from now on; null: not at all. */
  setCheck(service: ServiceAddress, check: ServiceCheck | null): Promise<void>;
  /** They take no new connections, or do so again. */
  drain(server: EndpointFilter, service: ServiceAddress | undefined, isDrained: boolean): Promise<DrainReply>;
  /** What the path would do with this packet now; nothing changes by that. */
  explain(request: ExplainRequest): Promise<ExplainReply>;
  settings(): SettingsReply;
  marks(): MarksReply;
  /** What a file would change, and whether it could be carried out. */
  plan(file: PlanRequest): Promise<PlanReply>;
  /** Carries a plan out, whole or not at all. PLAN_OUTDATED: the configuration is another one by now. */
  apply(token: string): Promise<void>;
  /** Begins a capture, as a pcapng file that is read as it grows. Throws CAPTURE_UNAVAILABLE. */
  capture(request: CaptureRequest): Promise<CaptureReply>;
  /** Ends it; the file ends soon after. False: there is none of this number. */
  endCapture(id: number): boolean;
  /** Reads the rules file or the configuration file again. */
  reload(): Promise<void>;
  /** Ends the daemon, soon after the answer. `keepForwarding`: not what forwards. */
  stop(keepForwarding: boolean): void;
  /** Ends the daemon likewise, and begins it anew as it is installed now; what forwards goes on. */
  restart(): void;
}
