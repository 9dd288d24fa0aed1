/**
 * Every real server that is listed by a service or that connections still refer to, by number. A server that is
 * deleted and added again while connections refer to it, or shortly after, is the same one: its counts and its
 * connections go on (ip_vs_ctl.c, ip_vs_trash_get_dest()).
 */
import { ticksFromSec } from '../clock.ts';
import { type Slice, WHOLE } from '../wire/slice.ts';
import { endpointText, serviceKey } from './configuration.ts';
import type { ServerAddress, ServerOptions, ServiceAddress } from './model.ts';
import { type Reach, RealServer } from './real-server.ts';
import type { Traffic } from './traffic.ts';

/** IP_VS_DEST_TRASH_PERIOD of net/netfilter/ipvs/ip_vs_ctl.c. */
const TRASH_PERIOD = ticksFromSec(120);

/** Told of which number stands for which server. */
export interface ServerLog {
  entered(server: RealServer): void;
  left(id: number): void;
  /** Its counters begin anew. */
  saveCounters(server: RealServer): void;
}

export class ServerRegistry {
  log: ServerLog | undefined;
  private readonly byId: (RealServer | undefined)[] = [];
  private readonly freeIds: number[] = [];
  /** Deleted ones, by service and address, with when they were last referred to. */
  private readonly trash = new Map<string, { readonly server: RealServer; idleSince: number }>();
  private readonly trashKeys = new Map<RealServer, string>();
  private readonly byAddress = new Map<string, Set<RealServer>>();
  private readonly nextHops = new Map<string, Reach>();
  /** Ticks (clock.ts), of the last collect(). */
  private now = 0;
  /** Of which clients the connections are. */
  readonly slice: Slice;

  constructor(slice = WHOLE) {
    this.slice = slice;
  }

  get(id: number): RealServer {
    return this.byId[id]!;
  }

  list(
    service: ServiceAddress,
    address: ServerAddress,
    options: ServerOptions,
    serviceTraffic: Traffic,
  ): RealServer {
    const key = `${serviceKey(service)} ${endpointText(address)}`;
    const deleted = this.trash.get(key);
    if (deleted !== undefined) {
      this.trash.delete(key);
      deleted.server.isListed = true;
      deleted.server.takesConnectionsAlong = false;
      // Its service was deleted too, and this is another one: __ip_vs_update_dest() begins to count anew.
      const isOfAnother = deleted.server.serviceTraffic !== serviceTraffic;
      if (isOfAnother) deleted.server.traffic.zero();
      deleted.server.serviceTraffic = serviceTraffic;
      if (isOfAnother) this.log?.saveCounters(deleted.server);
      deleted.server.reconfigure(options);
      deleted.server.lastWeight = deleted.server.weight;
      return deleted.server;
    }
    const id = this.freeIds.pop() ?? this.byId.length;
    const server = new RealServer(id, service, address, options, serviceTraffic, this.slice);
    this.enter(server, key);
    return server;
  }

  /** A server of an earlier process, as one that was deleted: it keeps its number when it is listed again. */
  adopt(
    id: number,
    service: ServiceAddress,
    address: ServerAddress,
    options: ServerOptions,
    serviceTraffic: Traffic,
  ): RealServer {
    const server = new RealServer(id, service, address, options, serviceTraffic, this.slice);
    while (this.byId.length <= id) this.freeIds.push(this.byId.push(undefined) - 1);
    this.freeIds.splice(this.freeIds.indexOf(id), 1);
    this.enter(server, `${serviceKey(service)} ${endpointText(address)}`);
    this.unlist(server);
    return server;
  }

  private enter(server: RealServer, key: string): void {
    const { address } = server.address;
    this.byId[server.id] = server;
    this.log?.entered(server);
    const nextHop = this.nextHops.get(address);
    if (nextHop !== undefined) server.setNextHop(nextHop);
    this.trashKeys.set(server, key);
    const others = this.byAddress.get(address);
    if (others === undefined) this.byAddress.set(address, new Set([server]));
    else others.add(server);
  }

  private leave(server: RealServer): void {
    const { address } = server.address;
    this.byId[server.id] = undefined;
    this.log?.left(server.id);
    this.trashKeys.delete(server);
    const others = this.byAddress.get(address)!;
    others.delete(server);
    if (others.size === 0) this.byAddress.delete(address);
  }

  /** How often servers were deleted. */
  removals = 0;

  unlist(server: RealServer): void {
    this.removals++;
    server.isListed = false;
    this.trash.set(this.trashKeys.get(server)!, { server, idleSince: this.now });
  }

  /** The connections of all deleted servers end. */
  endConnectionsOfDeleted(): void {
    for (const { server } of this.trash.values()) server.takesConnectionsAlong = true;
  }

  /** Holds for the servers of all services that have this address, now and later. */
  setNextHop(address: string, nextHop: Reach): void {
    this.nextHops.set(address, nextHop);
    for (const server of this.at(address)) server.setNextHop(nextHop);
  }

  /** By address, as it was set. */
  get reaches(): ReadonlyMap<string, Reach> {
    return this.nextHops;
  }

  /** Of all services, listed or not. */
  at(address: string): Iterable<RealServer> {
    return this.byAddress.get(address) ?? [];
  }

  /** Forgets deleted servers that nothing has referred to for a while, and returns them. Cheap: deleted servers are few. */
  collect(now: number): readonly RealServer[] {
    const forgotten: RealServer[] = [];
    this.now = now;
    for (const [key, entry] of this.trash) {
      if (entry.server.isReferenced) entry.idleSince = now;
      else if (((now - entry.idleSince) | 0) >= TRASH_PERIOD) {
        this.trash.delete(key);
        this.leave(entry.server);
        this.freeIds.push(entry.server.id);
        forgotten.push(entry.server);
      }
    }
    return forgotten;
  }

  /** Whether some deleted one ends its connections. */
  get takesConnectionsAlong(): boolean {
    return [...this.trash.values()].some(({ server }) => server.takesConnectionsAlong);
  }

  /** Deleted ones that are not forgotten yet. */
  get deleted(): readonly RealServer[] {
    return [...this.trash.values()].map(({ server }) => server);
  }

  /** How many there are, listed or not. */
  get size(): number {
    return this.trashKeys.size;
  }

  /** All of them, listed or not. */
  *[Symbol.iterator](): Generator<RealServer> {
    for (const server of this.byId) if (server !== undefined) yield server;
  }
}
