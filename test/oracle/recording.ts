/** The format of recordings of kernel IPVS: what went in, what came out. */
import type { MarkRule } from '../../src/service/model.ts';

export interface TrafficRecording {
  readonly vip: string;
  readonly vip2: string;
  readonly vip6: string;
  readonly directorMac: string;
  readonly gatewayMac: string;
  /** With prefix length. */
  readonly directorAddress: string;
  /** MAC by address. */
  readonly realServers: Readonly<Record<string, string>>;
  readonly realServers6?: Readonly<Record<string, string>>;
  readonly cases: readonly TrafficCase[];
}

export interface TrafficCase {
  readonly name: string;
  readonly about?: string;
  readonly events: readonly TrafficEvent[];
}

export type TrafficEvent =
  | CommandEvent
  | { readonly sysctl: string; readonly value: number | string }
  /** A firewall rule of the recorded host, put behind the ones before. */
  | { readonly mark: MarkRule }
  | { readonly waitSec: number }
  | FrameEvent
  | { readonly list: string }
  | { readonly connections: readonly RecordedConnection[] };

export interface CommandEvent {
  readonly command: string;
  readonly exit: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

export interface FrameEvent {
  readonly frame: string;
  readonly note?: string;
  readonly out: readonly Output[];
}

/** A frame re-sent to a real server, or an answer by the director. */
export type Output = { readonly to: string; readonly frame: string } | { readonly reply: string };

export interface RecordedConnection {
  readonly pro: string;
  readonly state: string;
  readonly source: string;
  readonly virtual: string;
  readonly destination: string;
  readonly expireSec: number;
}

/** The first event of a case that does not agree. */
export interface Difference {
  readonly event: number;
  readonly what: string;
  readonly expected: string;
  readonly got: string;
  readonly why: string;
}

export interface CaseResult {
  readonly name: string;
  /** Undefined: the case agrees. */
  readonly difference: Difference | undefined;
}
