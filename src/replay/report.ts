/** What a replay found, as plain data: --json prints it, and text and HTML are made of it. */

import type { Imbalance } from './imbalance.ts';
import type { OfflineServer } from './next-hops.ts';
import type { FoundMac } from './own-mac.ts';

export interface ReplayReport {
  /** As they were named. */
  readonly capture: string;
  readonly rules: string;
  readonly frames: number;
  /** Captured ones. */
  readonly bytes: number;
  /** From the first frame to the last, by the replay's clock. */
  readonly durationSec: number;
  /** Of the first frame, seconds since 1970; null: there is none. */
  readonly startSec: number | null;
  /** `frames`: that led to it; null: it was named. Null: no frame is for a virtual address. */
  readonly ownMac: { readonly mac: string; readonly frames: FoundMac['frames'] | null } | null;
  readonly servers: readonly OfflineServer[];
  readonly warnings: readonly string[];
  /** One, or one for each scheduler that is compared. */
  readonly runs: readonly RunReport[];
}

export interface RunReport {
  /** Null: each service with its own, as the file has it. */
  readonly scheduler: string | null;
  readonly verdicts: Readonly<Record<string, number>>;
  /** To real servers, and answers of the director's own. */
  readonly sentFrames: number;
  readonly services: readonly ServiceReport[];
}

export interface ServiceReport {
  /** Such as tcp 10.0.0.1:80. */
  readonly service: string;
  readonly scheduler: string;
  readonly connections: number;
  readonly packets: number;
  readonly bytes: number;
  /** Of all connections; null: there is none, or no server. */
  readonly imbalance: Imbalance | null;
  readonly servers: readonly ServerReport[];
  /** Only where the balance over time is asked for. */
  readonly history?: ServiceHistory;
}

export interface ServerReport {
  readonly server: string;
  readonly weight: number;
  readonly connections: number;
  readonly packets: number;
  /** IP bytes. */
  readonly bytes: number;
}

export interface ServiceHistory {
  /** Since the first frame. */
  readonly timesMs: readonly number[];
  /** What the numbers count: connections that are remembered, or were given, where none is remembered. */
  readonly counts: 'open' | 'given';
  /** In the order of ServiceReport.servers. */
  readonly servers: readonly (readonly number[])[];
}
