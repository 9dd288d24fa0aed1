/**
 * What the datapath process does at the daemon's word, between two frames: edits, next hops, counters, lists. Knows
 * nothing of processes and sockets, so that tests and the recordings' runner use it as it is.
 */
import { stateTimeouts } from '../connection/timeouts.ts';
import { sweepDatagrams } from '../datapath/fragments.ts';
import type { Path } from '../datapath/path.ts';
import { verdictNames } from '../datapath/verdict.ts';
import { createScheduler } from '../schedule/registry.ts';
import {
  applyEdit,
  type Configuration,
  draftOf,
  EMPTY_CONFIGURATION,
  endpointText,
  serviceKey,
} from '../service/configuration.ts';
import type { Edit, ServiceAddress, ServiceCounters } from '../service/model.ts';
import type { Reach } from '../service/real-server.ts';
import { ESTIMATE_INTERVAL_SEC } from '../service/traffic.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { parseIp, parseMac } from '../wire/address.ts';
import { describeConnection } from './describe-connection.ts';
import type {
  ConfigurationMessage,
  ConnectionsPage,
  CountersReport,
  HostFacts,
  NextHop,
} from './messages.ts';

export class PathSession {
  private readonly path: Path;
  private configuration: Configuration = EMPTY_CONFIGURATION;
  private seconds = 0;

  constructor(path: Path) {
    this.path = path;
  }

  configure(message: ConfigurationMessage): void {
    const services = new Map(message.services.map((service) => [serviceKey(service.service), service]));
    this.swap({ ...message, services });
  }

  /** The daemon has checked them: one that fails here is a defect, and throws. */
  edit(edits: readonly Edit[]): void {
    this.configuration = draftOf(this.configuration);
    for (const edit of edits) {
      if (edit.op === 'zero') this.zero(edit.service);
      else this.swap(applyEdit(this.configuration, edit), 'service' in edit ? edit.service : undefined);
    }
  }

  setNextHops(nextHops: readonly NextHop[]): void {
    for (const nextHop of nextHops) this.path.registry.setNextHop(nextHop.address, reachOf(nextHop));
  }

  setHost(host: HostFacts): void {
    const { path } = this;
    path.ownMac = parseMac(host.mac) ?? path.ownMac;
    path.ownAddresses = ipv4Words(host.addresses);
  }

  /** The virtual addresses of services, and the addresses and networks that marks are for, each once. */
  get virtualAddresses(): string[] {
    const addresses = [...this.path.services.services].flatMap(({ address }) =>
      'address' in address ? [address.address] : [],
    );
    return [
      ...new Set([...addresses, ...this.configuration.marks.map(({ destination }) => destination)]),
    ].sort();
  }

  readCounters(): CountersReport {
    const { path } = this;
    const services: Record<string, ServiceCounters> = {};
    for (const service of path.services.services)
      services[serviceKey(service.address)] = readService(service);
    const verdicts: Record<string, number> = {};
    for (const [verdict, name] of verdictNames) {
      const frames = path.verdicts[verdict]!;
      if (frames > 0) verdicts[name] = frames;
    }
    const { live, capacity } = path.connections;
    return { services, verdicts, connections: { live, capacity }, capturing: true };
  }

  /** Looks at `limit` entries from `cursor` on. */
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

  /** Once a second: what is not done a frame at a time. */
  everySecond(): void {
    const { path } = this;
    path.defense.update(path);
    path.defense.dropEntries(path, Math.random);
    sweepDatagrams(path);
    if (++this.seconds % ESTIMATE_INTERVAL_SEC === 0) this.estimateRates();
    this.path.registry.collect(path.now);
  }

  private estimateRates(): void {
    for (const service of this.path.services.services) {
      service.traffic.estimate();
      for (const server of service.servers) server.traffic.estimate();
    }
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
    const only = address && this.path.services.get(address);
    for (const service of only === undefined ? this.path.services.services : [only]) {
      service.traffic.zero();
      for (const server of service.servers) server.traffic.zero();
    }
  }
}

function readService(service: VirtualService): ServiceCounters {
  const servers = service.servers.map((server) => {
    const { activeConnections, inactiveConnections, persistentConnections } = server;
    const counters = {
      activeConnections,
      inactiveConnections,
      persistentConnections,
      traffic: server.traffic.read(),
      rates: server.traffic.readRates(),
    };
    return [endpointText(server.address), counters] as const;
  });
  return {
    traffic: service.traffic.read(),
    rates: service.traffic.readRates(),
    servers: Object.fromEntries(servers),
  };
}

function reachOf({ kind, mac }: NextHop): Reach {
  if (kind !== 'neighbor') return { kind };
  const parsed = mac === null ? undefined : parseMac(mac);
  return parsed === undefined ? { kind: 'unresolved' } : { kind, mac: parsed };
}

function ipv4Words(addresses: readonly string[]): ReadonlySet<number> {
  return new Set(
    addresses.flatMap((text) => {
      const ip = parseIp(text);
      return ip?.version === 4 ? [ip.words[0]] : [];
    }),
  );
}
