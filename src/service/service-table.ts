/**
 * The services as the packet path searches them. A table is never changed: each configuration makes a new one,
 * which takes over the servers with their load and the schedulers with their place from the one before.
 */
import { parseIp } from '../wire/address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Packet } from '../wire/packet.ts';
import type { Configuration, ConfiguredService } from './configuration.ts';
import { EMPTY_CONFIGURATION, endpointText, serviceKey } from './configuration.ts';
import { MarkRules } from './mark-rule.ts';
import type { ServiceAddress } from './model.ts';
import { PROTOCOL_NUMBERS } from './protocol-numbers.ts';
import type { RealServer } from './real-server.ts';
import type { ServerRegistry } from './server-registry.ts';
import { Traffic } from './traffic.ts';
import type { Scheduler, ServerChange, VirtualService } from './virtual-service.ts';

const FTP_PORT = 21;
const FTP_DATA_PORT = 20;
/** Default of net.ipv4.ip_unprivileged_port_start. */
const FIRST_UNPRIVILEGED_PORT = 1024;

/** Makes the scheduler of a service; undefined for `none`. */
export type SchedulerFactory = (name: string, flags: number) => Scheduler | undefined;

interface Slot {
  readonly service: VirtualService;
  readonly protocol: number;
  readonly port: number;
  readonly ipVersion: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

export class ServiceTable {
  private readonly byKey: ReadonlyMap<string, VirtualService>;
  /** What the services were made from: one whose configuration is the same object is the same service. */
  private readonly configured: Configuration['services'];
  /** Open addressing, at most half full, linear probing. */
  private readonly slots: readonly (Slot | undefined)[];
  private readonly mask: number;
  /** Services of firewall marks, IPv4 and IPv6. */
  private readonly marked4 = new Map<number, VirtualService>();
  private readonly marked6 = new Map<number, VirtualService>();
  private readonly marks: MarkRules;
  /** Of all virtual addresses: whether it is worth looking for one. */
  private readonly firstWords: ReadonlySet<number>;
  private readonly hasFtpService: boolean;
  private readonly hasAnyPortService: boolean;

  private constructor(byKey: ReadonlyMap<string, VirtualService>, configuration: Configuration) {
    this.byKey = byKey;
    this.configured = configuration.services;
    this.marks = new MarkRules(configuration.marks);
    let size = 2;
    while (size < 2 * byKey.size) size *= 2;
    this.mask = size - 1;
    const slots = new Array<Slot | undefined>(size).fill(undefined);
    for (const service of byKey.values()) {
      const { address } = service;
      if ('fwmark' in address)
        (address.family === 6 ? this.marked6 : this.marked4).set(address.fwmark, service);
      const slot = makeSlot(service);
      if (slot === undefined) continue;
      const [word0, , , word3] = slot.words;
      let at = hashEndpoint(slot.protocol, word0, word3, slot.port) & this.mask;
      while (slots[at] !== undefined) at = (at + 1) & this.mask;
      slots[at] = slot;
    }
    this.slots = slots;
    this.firstWords = new Set(slots.flatMap((slot) => (slot === undefined ? [] : [slot.words[0]])));
    const persistent = slots.filter((slot) => slot !== undefined && slot.service.options.persistentSec > 0);
    this.hasFtpService = persistent.some((slot) => slot?.port === FTP_PORT);
    this.hasAnyPortService = persistent.some((slot) => slot?.port === 0);
  }

  static empty(): ServiceTable {
    return new ServiceTable(new Map(), EMPTY_CONFIGURATION);
  }

  /** The table of `configuration`; `this` may be forgotten after the swap. */
  next(
    configuration: Configuration,
    registry: ServerRegistry,
    createScheduler: SchedulerFactory,
  ): ServiceTable {
    const byKey = new Map<string, VirtualService>();
    for (const [key, configured] of configuration.services) {
      const before = this.byKey.get(key);
      const isSame = before !== undefined && this.configured.get(key) === configured;
      byKey.set(key, isSame ? before : nextService(configured, before, registry, createScheduler));
    }
    for (const [key, service] of this.byKey) {
      if (byKey.has(key)) continue;
      for (const server of service.servers) registry.unlist(server);
    }
    return new ServiceTable(byKey, configuration);
  }

  get services(): Iterable<VirtualService> {
    return this.byKey.values();
  }

  get(address: ServiceAddress): VirtualService | undefined {
    return this.byKey.get(serviceKey(address));
  }

  /**
   * The service of a packet with ports, in the kernel's order (ip_vs_ctl.c, ip_vs_service_find()): its mark's, this
   * very port, the FTP service for its data connections, the service for all ports. The last two only where they are
   * persistent: others take no connection to another port than their own (ip_vs_schedule()).
   */
  match(packet: Packet): VirtualService | undefined {
    const { virtualPort: port, protocol } = packet;
    const marked = packet.ipVersion === 4 ? this.marked4 : this.marked6;
    if (marked.size > 0) {
      const service = marked.get(this.marks.markOf(packet));
      if (service !== undefined) return service;
    }
    const exact = this.find(packet, port);
    if (exact !== undefined) return exact;
    if (
      this.hasFtpService &&
      protocol === IpProtocol.Tcp &&
      (port === FTP_DATA_PORT || port >= FIRST_UNPRIVILEGED_PORT)
    ) {
      const ftp = this.find(packet, FTP_PORT);
      if (ftp !== undefined && ftp.options.persistentSec > 0) return ftp;
    }
    return this.hasAnyPortService ? this.find(packet, 0) : undefined;
  }

  /** Whether some service or mark has the packet's virtual address, whatever its port and protocol. */
  hasAddress(packet: Packet): boolean {
    const { ipVersion, virtual0, virtual1, virtual2, virtual3 } = packet;
    if (!this.firstWords.has(virtual0)) return this.marks.hasAddress(packet);
    for (const slot of this.slots) {
      if (slot === undefined || slot.ipVersion !== ipVersion) continue;
      const [word0, word1, word2, word3] = slot.words;
      if (word0 === virtual0 && word1 === virtual1 && word2 === virtual2 && word3 === virtual3) return true;
    }
    return this.marks.hasAddress(packet);
  }

  private find(packet: Packet, port: number): VirtualService | undefined {
    const { protocol, virtual0, virtual1, virtual2, virtual3, ipVersion } = packet;
    let at = hashEndpoint(protocol, virtual0, virtual3, port) & this.mask;
    for (;;) {
      const slot = this.slots[at];
      if (slot === undefined) return undefined;
      const { words } = slot;
      if (
        slot.port === port &&
        slot.protocol === protocol &&
        slot.ipVersion === ipVersion &&
        words[0] === virtual0 &&
        words[1] === virtual1 &&
        words[2] === virtual2 &&
        words[3] === virtual3
      ) {
        return slot.service;
      }
      at = (at + 1) & this.mask;
    }
  }
}

/** Needs no seed: what is in the table is chosen by the operator. */
function hashEndpoint(protocol: number, word0: number, word3: number, port: number): number {
  let hash = Math.imul(word0 ^ (word3 << 7), 0x9e3779b1) ^ Math.imul((port << 8) | protocol, 0x85ebca6b);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0xc2b2ae35) >>> 8;
}

function makeSlot(service: VirtualService): Slot | undefined {
  const { address } = service;
  if ('fwmark' in address) return undefined;
  const ip = parseIp(address.address);
  if (ip === undefined) return undefined;
  return {
    service,
    protocol: PROTOCOL_NUMBERS[address.protocol],
    port: address.port,
    ipVersion: ip.version,
    words: ip.words,
  };
}

function nextService(
  configured: ConfiguredService,
  before: VirtualService | undefined,
  registry: ServerRegistry,
  createScheduler: SchedulerFactory,
): VirtualService {
  const { options } = configured;
  const traffic = before?.traffic ?? new Traffic();
  const { servers, changes } = nextServers(configured, before?.servers ?? [], registry, traffic);
  const keepsScheduler =
    before !== undefined &&
    before.options.scheduler === options.scheduler &&
    before.options.schedulerFlags === options.schedulerFlags;
  const scheduler = keepsScheduler
    ? before.scheduler
    : createScheduler(options.scheduler, options.schedulerFlags);
  if (keepsScheduler) for (const change of changes) scheduler?.serversChanged?.(servers, change);
  else scheduler?.serversChanged?.(servers, { kind: 'bound' });
  return { address: configured.service, options, scheduler, servers, traffic };
}

function nextServers(
  configured: ConfiguredService,
  before: readonly RealServer[],
  registry: ServerRegistry,
  traffic: Traffic,
): { servers: readonly RealServer[]; changes: readonly ServerChange[] } {
  const changes: ServerChange[] = [];
  const stays = new Set(configured.servers.map(({ server }) => endpointText(server)));
  const kept = new Map<string, RealServer>();
  let index = 0;
  for (const server of before) {
    const name = endpointText(server.address);
    if (stays.has(name)) {
      kept.set(name, server);
      index++;
    } else {
      registry.unlist(server);
      changes.push({ kind: 'removed', server, index });
    }
  }
  const servers = configured.servers.map(({ server: address, options }) => {
    const server = kept.get(endpointText(address));
    if (server === undefined) {
      const added = registry.list(configured.service, address, options, traffic);
      changes.push({ kind: 'added', server: added });
      return added;
    }
    if (server.options !== options) {
      server.reconfigure(options);
      changes.push({ kind: 'updated', server });
    }
    return server;
  });
  return { servers, changes };
}
