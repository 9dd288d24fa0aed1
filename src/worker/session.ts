/**
 * What the datapath process does at the daemon's word, between two frames: edits, next hops, counters, lists. Knows
 * nothing of processes and sockets, so that tests and the recordings' runner use it as it is.
 */
import { matchesFilter } from '../connection/connection-filter.ts';
import { stateTimeouts } from '../connection/timeouts.ts';
import type { ConnectionFilter } from '../control/protocol.ts';
import { forget } from '../datapath/connection-life.ts';
import { sweepDatagrams } from '../datapath/fragments.ts';
import type { Path } from '../datapath/path.ts';
import { namedRoomMakers } from '../datapath/room.ts';
import { verdictNames } from '../datapath/verdict.ts';
import type { Excerpt } from '../explain/excerpt.ts';
import { takeExcerpt } from '../explain/take-excerpt.ts';
import { createScheduler } from '../schedule/registry.ts';
import {
  applyEdit,
  type Configuration,
  draftOf,
  EMPTY_CONFIGURATION,
  serviceKey,
} from '../service/configuration.ts';
import type { Edit, ServiceAddress } from '../service/model.ts';
import { countersOf, estimateRates, virtualAddressesOf, zeroCounters } from '../service/read-counters.ts';
import { reachOf } from '../service/real-server.ts';
import { ESTIMATE_INTERVAL_SEC } from '../service/traffic.ts';
import { parseIp, parseMac } from '../wire/address.ts';
import { describeConnection } from './describe-connection.ts';
import { liveOf } from './live-path.ts';
import type {
  ConfigurationMessage,
  ConnectionsPage,
  CountersReport,
  HostFacts,
  NextHop,
} from './messages.ts';

/** The same for every datapath: of the path in this process (below), and of the program in the kernel (src/xdp). */
export interface DatapathSession {
  configure(message: ConfigurationMessage): void;
  /** The daemon has checked them: one that fails here is a defect, and throws. */
  edit(edits: readonly Edit[]): void;
  setNextHops(nextHops: readonly NextHop[]): void;
  setHost(host: HostFacts): void;
  /** `withServices`: and what was counted of each service. */
  readCounters(withServices?: boolean): CountersReport;
  /** What the frame can touch; nothing changes. */
  excerptFor(frame: Uint8Array): Excerpt;
  /** Some of them, from `cursor` on: 0, then what the last page said. */
  listConnections(cursor: number, limit: number): ConnectionsPage;
  /** Ends those that the filter is for; templates stay while connections depend on them. Returns how many ended. */
  endConnections(filter: ConnectionFilter): number;
  /** Once a second: what is not done a frame at a time. */
  everySecond(): void;
  readonly virtualAddresses: readonly string[];
  readonly configurationMessage: ConfigurationMessage;
}

/** A daemon that has just begun does not know the MACs yet that were taken over; they stand for so long. */
const MACS_STAND_SEC = 5;

export class PathSession implements DatapathSession {
  private readonly path: Path;
  private configuration: Configuration = EMPTY_CONFIGURATION;
  private seconds = 0;
  private macsStandSec = 0;
  /** What came while MACs stood: those servers have none. */
  private readonly unresolved = new Map<string, NextHop>();

  constructor(path: Path) {
    this.path = path;
  }

  configure(message: ConfigurationMessage): void {
    const services = new Map(message.services.map((service) => [serviceKey(service.service), service]));
    this.swap({ ...message, services });
  }

  get configurationMessage(): ConfigurationMessage {
    return { ...this.configuration, services: [...this.configuration.services.values()] };
  }

  edit(edits: readonly Edit[]): void {
    this.configuration = draftOf(this.configuration);
    for (const edit of edits) {
      if (edit.op === 'zero') this.zero(edit.service);
      else this.swap(applyEdit(this.configuration, edit), 'service' in edit ? edit.service : undefined);
    }
  }

  setNextHops(nextHops: readonly NextHop[]): void {
    for (const nextHop of nextHops) {
      const { address, kind, mac } = nextHop;
      this.unresolved.delete(address);
      if (this.macsStandSec > 0 && kind === 'neighbor' && mac === null) this.unresolved.set(address, nextHop);
      else this.path.registry.setNextHop(address, reachOf(kind, mac));
    }
  }

  /** As the process before had them, until the daemon knows better. */
  adoptNextHops(nextHops: readonly NextHop[]): void {
    this.setNextHops(nextHops);
    this.macsStandSec = MACS_STAND_SEC;
  }

  setHost(host: HostFacts): void {
    const { path } = this;
    path.ownMac = parseMac(host.mac) ?? path.ownMac;
    path.ownAddresses = ipv4Words(host.addresses);
  }

  get virtualAddresses(): string[] {
    return virtualAddressesOf(this.path.services.services, this.configuration.marks);
  }

  /** Of some service, or of a connection that outlived it. */
  get hasLocalServer(): boolean {
    for (const { reach } of this.path.registry) if (reach.kind === 'local') return true;
    return false;
  }

  readCounters(withServices = true): CountersReport {
    const { path } = this;
    const services = withServices ? countersOf(path.services.services) : {};
    const verdicts: Record<string, number> = {};
    for (const [verdict, name] of verdictNames) {
      const frames = path.verdicts[verdict]!;
      if (frames > 0) verdicts[name] = frames;
    }
    const { live, capacity } = path.connections;
    const madeRoom = namedRoomMakers((maker) => path.room.made[maker]!);
    return { services, verdicts, connections: { live, capacity }, madeRoom, capturing: true };
  }

  excerptFor(frame: Uint8Array): Excerpt {
    return takeExcerpt(liveOf(this.path, this.configuration), frame);
  }

  /** Looks at `limit` entries. */
  listConnections(cursor: number, limit: number): ConnectionsPage {
    const { connections } = this.path;
    const last = Math.min(cursor + limit, connections.highestEntry);
    const page = [];
    for (let entry = cursor + 1; entry <= last; entry++) {
      if (connections.isLive(entry)) page.push(describeConnection(this.path, entry));
    }
    const live = page.filter(({ expiresSec }) => expiresSec >= 0);
    return { connections: live, nextCursor: last < connections.highestEntry ? last : null };
  }

  /** Connections go before the templates that they depend on. */
  endConnections(filter: ConnectionFilter): number {
    const { path } = this;
    const { connections } = path;
    let ended = 0;
    for (const wantsTemplates of [false, true]) {
      for (let entry = 1; entry <= connections.highestEntry; entry++) {
        if (!connections.isLive(entry) || connections.isTemplate(entry) !== wantsTemplates) continue;
        if (wantsTemplates && connections.dependents(entry) > 0) continue;
        if (!matchesFilter(describeConnection(path, entry), filter)) continue;
        forget(path, entry);
        ended++;
      }
    }
    return ended;
  }

  everySecond(): void {
    const { path } = this;
    path.defense.update(path);
    path.defense.dropEntries(path, Math.random);
    sweepDatagrams(path);
    if (++this.seconds % ESTIMATE_INTERVAL_SEC === 0) estimateRates(path.services.services);
    this.path.registry.collect(path.now);
    if (this.macsStandSec > 0 && --this.macsStandSec === 0) this.setNextHops([...this.unresolved.values()]);
  }

  /** `only`: the one service that differs; undefined: any may. */
  private swap(configuration: Configuration, only?: ServiceAddress): void {
    const { path } = this;
    const { services, registry } = path;
    const { removals } = registry;
    this.configuration = configuration;
    path.services =
      only === undefined
        ? services.next(configuration, registry, createScheduler)
        : services.nextOf(serviceKey(only), configuration, registry, createScheduler);
    path.timeouts = stateTimeouts(configuration.timeouts);
    path.settings = configuration.settings;
    if (registry.removals !== removals && path.settings.expire_nodest_conn !== 0) {
      registry.endConnectionsOfDeleted();
    }
    path.defense.update(path);
  }

  private zero(address: ServiceAddress | undefined): void {
    const { services, registry } = this.path;
    const only = address && services.get(address);
    const zeroed = only === undefined ? [...services.services] : [only];
    zeroCounters(zeroed);
    for (const { listed } of zeroed) for (const server of listed) registry.log?.saveCounters(server);
  }
}

function ipv4Words(addresses: readonly string[]): ReadonlySet<number> {
  return new Set(
    addresses.flatMap((text) => {
      const ip = parseIp(text);
      return ip?.version === 4 ? [ip.words[0]] : [];
    }),
  );
}
