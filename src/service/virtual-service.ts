/** A virtual service as the packet path sees it, and the Scheduler that it asks. */
import type { Packet } from '../wire/packet.ts';
import type { ServiceAddress, ServiceOptions } from './model.ts';
import type { RealServer } from './real-server.ts';
import type { Traffic } from './traffic.ts';

/** Chooses the server of a new connection; one instance for each service, which keeps its own place. */
export interface Scheduler {
  /** Undefined: no server can take it. `now` in ticks (clock.ts). */
  choose(service: VirtualService, packet: Packet, now: number): RealServer | undefined;
  /** Called after each change to the servers, and once when the scheduler is bound to its service. */
  serversChanged?(servers: readonly RealServer[], change: ServerChange): void;
  /** Where it stands among its servers, for a process that goes on in this one's place. */
  readPlace?(): readonly number[];
  /** After serversChanged(): of the same scheduler with the same servers. */
  takePlace?(place: readonly number[]): void;
  /** What it remembers for the packet's destination, of those that remember. */
  readMemory?(packet: Packet): DestinationMemory | undefined;
  /** For a destination of which it remembers nothing. */
  takeMemory?(packet: Packet, memory: DestinationMemory): void;
}

/** Of lblc and lblcr. */
export interface DestinationMemory {
  /** The one added last comes first. */
  readonly servers: readonly RealServer[];
  /** Ticks. */
  readonly lastUsed: number;
  readonly lastChanged: number;
}

export type ServerChange =
  /** Another scheduler takes a service over with the servers that it has. */
  | { readonly kind: 'bound' }
  /** A service that begins with all its servers: a scheduler stands where it would after they were added one by one. */
  | { readonly kind: 'begun' }
  | { readonly kind: 'added' | 'updated'; readonly server: RealServer }
  /** `index`: where it stood before. */
  | { readonly kind: 'removed'; readonly server: RealServer; readonly index: number };

export interface VirtualService {
  readonly address: ServiceAddress;
  readonly options: ServiceOptions;
  /** Undefined: IPVS's scheduler `none`. */
  readonly scheduler: Scheduler | undefined;
  /** The one added last comes first. */
  readonly listed: readonly RealServer[];
  /** Those of them that schedulers walk, in the same order (ip_vs_ctl.c, list_add_rcu): all but the failed ones. */
  readonly servers: readonly RealServer[];
  readonly traffic: Traffic;
}
