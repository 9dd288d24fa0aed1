/**
 * One destination of a virtual service, as the packet path sees it: what is configured, how it is reached, and
 * its live load. The object lives as long as its service lists it or a connection refers to it, and every
 * snapshot of the service table shares it; it changes only between two frames.
 */
import { type MacAddress, parseMac } from '../wire/address.ts';
import { partOf, type Slice, WHOLE } from '../wire/slice.ts';
import type { ServerAddress, ServerOptions, ServiceAddress } from './model.ts';
import { Traffic } from './traffic.ts';

/** How frames get to a server. */
export type Reach =
  | { readonly kind: 'neighbor'; readonly mac: MacAddress }
  /** The address is this host's own, or loopback: LocalNode. */
  | { readonly kind: 'local' }
  /** The kernel has not resolved the MAC (yet), or the server vanished. */
  | { readonly kind: 'unresolved' }
  /** Not on our segment, or a forwarding method that direct routing is not. */
  | { readonly kind: 'unreachable' };

/** Of what the daemon knows of the next hop; the MAC of a neighbour is null while it is not resolved. */
export function reachOf(kind: 'neighbor' | 'local' | 'unreachable', mac: string | null): Reach {
  if (kind !== 'neighbor') return { kind };
  const parsed = mac === null ? undefined : parseMac(mac);
  return parsed === undefined ? UNRESOLVED : { kind, mac: parsed };
}

const UNRESOLVED: Reach = { kind: 'unresolved' };
const UNREACHABLE: Reach = { kind: 'unreachable' };

export class RealServer {
  /** Its number in ServerRegistry, by which connections refer to it. */
  readonly id: number;
  /** The service that it belongs or belonged to. */
  readonly service: ServiceAddress;
  readonly address: ServerAddress;
  options: ServerOptions;
  /** What the path does with a frame for this server. */
  reach: Reach = UNRESOLVED;
  private nextHop: Reach = UNRESOLVED;

  /** False once it was deleted from its service, while connections still refer to it. */
  isListed = true;
  /** It was deleted, and its connections end. */
  takesConnectionsAlong = false;
  /** The last weight that was not 0; the Maglev scheduler keeps the places of quiesced servers by it. */
  lastWeight: number;
  /** Takes no new connections until the count falls below the lower threshold. */
  isOverloaded = false;

  /** When a connection last got from SYN to ESTABLISHED, ticks (clock.ts); 0: never. */
  lastAlive = 0;

  activeConnections = 0;
  inactiveConnections = 0;
  persistentConnections = 0;
  readonly traffic = new Traffic();
  /** The counters of the service that lists it. */
  serviceTraffic: Traffic;
  private readonly slice: Slice;
  /**
   * At `upper` connections it is overloaded, until there are fewer than `lower`; as long as options have a threshold.
   * Of several workers each has its part, so that all together never have more: a part of 0 takes nothing.
   */
  upper = 0;
  lower = 0;

  constructor(
    id: number,
    service: ServiceAddress,
    address: ServerAddress,
    options: ServerOptions,
    serviceTraffic: Traffic,
    slice = WHOLE,
  ) {
    this.slice = slice;
    this.service = service;
    this.serviceTraffic = serviceTraffic;
    this.id = id;
    this.address = address;
    this.options = options;
    this.lastWeight = this.weight;
    this.setNextHop(UNRESOLVED);
    this.setThresholds();
  }

  /** That is in force. */
  get weight(): number {
    return this.options.weightInForce ?? this.options.weight;
  }

  get hasFailed(): boolean {
    return this.options.failed === true;
  }

  /** Neither deleted nor failed: who has remembered it may still choose it. */
  get takesPart(): boolean {
    return this.isListed && !this.hasFailed;
  }

  /** What lc, wlc and their kin skip. */
  get isAvailable(): boolean {
    return this.weight > 0 && !this.isOverloaded;
  }

  get connectionCount(): number {
    return this.activeConnections + this.inactiveConnections;
  }

  get isReferenced(): boolean {
    return this.connectionCount + this.persistentConnections > 0;
  }

  /** More of a packet that was counted before. */
  countMoreBytes(ipBytes: number): void {
    this.traffic.inBytes += ipBytes;
    this.serviceTraffic.inBytes += ipBytes;
  }

  /** New weight, thresholds or forwarding method: ip_vs_ctl.c, __ip_vs_update_dest(). */
  reconfigure(options: ServerOptions): void {
    this.options = options;
    this.setNextHop(this.nextHop);
    if (this.weight !== 0) this.lastWeight = this.weight;
    this.setThresholds();
  }

  /** How the host reaches the address; other methods than direct routing reach nothing. */
  setNextHop(nextHop: Reach): void {
    this.nextHop = nextHop;
    this.reach = this.options.forwarding === 'direct-route' ? nextHop : UNREACHABLE;
  }

  private setThresholds(): void {
    const { upperThreshold, lowerThreshold } = this.options;
    this.upper = partOf(upperThreshold, this.slice);
    this.lower =
      lowerThreshold > 0 ? Math.max(1, partOf(lowerThreshold, this.slice)) : this.upper - (this.upper >> 2);
    this.updateOverload();
  }

  /** ip_vs_ctl.c, ip_vs_dest_update_overload(): between the two thresholds it stays as it is. */
  updateOverload(): void {
    if (this.options.upperThreshold === 0) {
      this.isOverloaded = false;
      return;
    }
    if (this.connectionCount >= this.upper) this.isOverloaded = true;
    else if (this.connectionCount < this.lower) this.isOverloaded = false;
  }
}
