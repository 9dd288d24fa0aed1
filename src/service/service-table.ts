/**
 * The services as the packet path searches them. A table is never changed: each configuration makes a new one,
 * which takes over the servers with their load and the schedulers with their place from the one before.
 */
import type { Packet } from '../wire/packet.ts';
import type { Configuration, ConfiguredService } from './configuration.ts';
import { EMPTY_CONFIGURATION, endpointText, serviceKey } from './configuration.ts';
import type { ServiceAddress } from './model.ts';
import type { RealServer } from './real-server.ts';
import type { ServerRegistry } from './server-registry.ts';
import { ServiceIndex } from './service-index.ts';
import { Traffic } from './traffic.ts';
import type { Scheduler, ServerChange, VirtualService } from './virtual-service.ts';

/** Makes the scheduler of a service; undefined for `none`. */
export type SchedulerFactory = (name: string, flags: number) => Scheduler | undefined;

export class ServiceTable {
  private readonly byKey: Map<string, VirtualService>;
  private readonly configuration: Configuration;
  private hasIpv4Service = false;
  private hasIpv6Service = false;
  private builtIndex: ServiceIndex | undefined;

  private constructor(byKey: Map<string, VirtualService>, configuration: Configuration) {
    this.byKey = byKey;
    this.configuration = configuration;
  }

  static empty(): ServiceTable {
    return new ServiceTable(new Map(), EMPTY_CONFIGURATION);
  }

  /**
   * The table of `configuration`; `this` may be forgotten after the swap. A service whose configuration is the same
   * object as before is the same service.
   */
  next(
    configuration: Configuration,
    registry: ServerRegistry,
    createScheduler: SchedulerFactory,
  ): ServiceTable {
    const byKey = new Map<string, VirtualService>();
    for (const [key, configured] of configuration.services) {
      const before = this.byKey.get(key);
      const isSame = before !== undefined && this.configuration.services.get(key) === configured;
      byKey.set(key, isSame ? before : nextService(configured, before, registry, createScheduler));
    }
    for (const [key, service] of this.byKey) {
      if (byKey.has(key)) continue;
      for (const server of service.listed) registry.unlist(server);
    }
    return new ServiceTable(byKey, configuration);
  }

  /**
   * As next(), where only the service `key` differs. Takes over what `this` has, which must not be used any more: of
   * thousands of edits in a row each costs as much as the first.
   */
  nextOf(
    key: string,
    configuration: Configuration,
    registry: ServerRegistry,
    createScheduler: SchedulerFactory,
  ): ServiceTable {
    const configured = configuration.services.get(key);
    const before = this.byKey.get(key);
    if (configured !== undefined) {
      this.byKey.set(key, nextService(configured, before, registry, createScheduler));
    } else if (before !== undefined) {
      for (const server of before.listed) registry.unlist(server);
      this.byKey.delete(key);
    }
    return new ServiceTable(this.byKey, configuration);
  }

  get services(): Iterable<VirtualService> {
    return this.byKey.values();
  }

  get(address: ServiceAddress): VirtualService | undefined {
    return this.byKey.get(serviceKey(address));
  }

  /** The service of a packet with ports. */
  match(packet: Packet): VirtualService | undefined {
    return this.index.match(packet);
  }

  /** Whether some service or mark has the packet's virtual address, whatever its port and protocol. */
  hasAddress(packet: Packet): boolean {
    return this.index.hasAddress(packet);
  }

  /** Without a service of its IP version IPVS looks at no packet, whatever it remembers (ip_vs_register_hooks()). */
  hasVersion(ipVersion: number): boolean {
    if (this.builtIndex === undefined) this.build();
    return ipVersion === 4 ? this.hasIpv4Service : this.hasIpv6Service;
  }

  /** Whether some service has this IPv4 virtual address, as a signed word. */
  hasIpv4(word: number): boolean {
    return this.index.hasIpv4(word);
  }

  /** Built when first asked for: of many edits in a row only the last one's table is searched. */
  private get index(): ServiceIndex {
    return this.builtIndex ?? this.build();
  }

  private build(): ServiceIndex {
    const services = [...this.byKey.values()];
    this.hasIpv4Service = services.some((service) => versionOf(service) === 4);
    this.hasIpv6Service = services.some((service) => versionOf(service) === 6);
    this.builtIndex = new ServiceIndex(services, this.configuration.marks);
    return this.builtIndex;
  }
}

function versionOf({ address }: VirtualService): 4 | 6 {
  if ('fwmark' in address) return address.family;
  return address.address.includes(':') ? 6 : 4;
}

function nextService(
  configured: ConfiguredService,
  before: VirtualService | undefined,
  registry: ServerRegistry,
  createScheduler: SchedulerFactory,
): VirtualService {
  const { options } = configured;
  const traffic = before?.traffic ?? new Traffic();
  const listed = nextListed(configured, before?.listed ?? [], registry, traffic);
  const { servers, changes } = nextServers(before?.servers ?? [], listed);
  const keepsScheduler =
    before !== undefined &&
    before.options.scheduler === options.scheduler &&
    before.options.schedulerFlags === options.schedulerFlags;
  const scheduler = keepsScheduler
    ? before.scheduler
    : createScheduler(options.scheduler, options.schedulerFlags);
  if (keepsScheduler) for (const change of changes) scheduler?.serversChanged?.(servers, change);
  else scheduler?.serversChanged?.(servers, { kind: before === undefined ? 'begun' : 'bound' });
  return { address: configured.service, options, scheduler, listed: listed.servers, servers, traffic };
}

interface Listed {
  readonly servers: readonly RealServer[];
  /** Those of them that have got other options. */
  readonly updated: ReadonlySet<RealServer>;
}

function nextListed(
  configured: ConfiguredService,
  before: readonly RealServer[],
  registry: ServerRegistry,
  traffic: Traffic,
): Listed {
  const updated = new Set<RealServer>();
  // Most of thousands of servers stay as they are: only what lies between the first and the last difference is compared.
  const { first, after } = unchangedEnds(before, configured.servers);
  const wanted = configured.servers.slice(first, configured.servers.length - after);
  const stays = new Set(wanted.map(({ server }) => endpointText(server)));
  const kept = new Map<string, RealServer>();
  for (const server of before.slice(first, before.length - after)) {
    const name = endpointText(server.address);
    if (stays.has(name)) kept.set(name, server);
    else registry.unlist(server);
  }
  const between = wanted.map(({ server: address, options }) => {
    const server = kept.get(endpointText(address));
    if (server === undefined) return registry.list(configured.service, address, options, traffic);
    if (server.options !== options) {
      server.reconfigure(options);
      updated.add(server);
    }
    return server;
  });
  const servers = [...before.slice(0, first), ...between, ...before.slice(before.length - after)];
  return { servers, updated };
}

/** What the scheduler walks, and how that differs from before: a server that failed is to it as one that was removed. */
function nextServers(
  before: readonly RealServer[],
  { servers: listed, updated }: Listed,
): { servers: readonly RealServer[]; changes: readonly ServerChange[] } {
  const servers = listed.some(({ hasFailed }) => hasFailed)
    ? listed.filter(({ hasFailed }) => !hasFailed)
    : listed;
  const { first, after } = sameEnds(before, servers);
  const changes: ServerChange[] = [];
  const stays = new Set(servers.slice(first, servers.length - after));
  let index = first;
  for (const server of before.slice(first, before.length - after)) {
    if (stays.has(server)) index++;
    else changes.push({ kind: 'removed', server, index });
  }
  const stayed = new Set(before.slice(first, before.length - after));
  for (const [at, server] of servers.entries()) {
    const isNew = at >= first && at < servers.length - after && !stayed.has(server);
    if (isNew) changes.push({ kind: 'added', server });
    else if (updated.has(server)) changes.push({ kind: 'updated', server });
  }
  return { servers, changes };
}

/** How many servers are the very same, with the same options, at the beginning, and how many of the others at the end. */
function unchangedEnds(before: readonly RealServer[], wanted: ConfiguredService['servers']): Ends {
  return commonEnds(before.length, wanted.length, (a, b) => {
    const { address, options } = before[a]!;
    return address === wanted[b]!.server && options === wanted[b]!.options;
  });
}

const sameEnds = (before: readonly RealServer[], after: readonly RealServer[]): Ends =>
  commonEnds(before.length, after.length, (a, b) => before[a] === after[b]);

interface Ends {
  readonly first: number;
  readonly after: number;
}

function commonEnds(lengthA: number, lengthB: number, isSame: (a: number, b: number) => boolean): Ends {
  const shorter = Math.min(lengthA, lengthB);
  let first = 0;
  while (first < shorter && isSame(first, first)) first++;
  let after = 0;
  while (after < shorter - first && isSame(lengthA - 1 - after, lengthB - 1 - after)) after++;
  return { first, after };
}
