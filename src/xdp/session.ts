/**
 * What is done to the program at the daemon's word: edits, next hops, counters, lists. The service table and the
 * servers are those of src/service, as in the other datapaths; who schedules and counts is the program, so that what
 * it counted is taken over before it is needed.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { TICKS_PER_SECOND, ticksFromSec } from '../clock.ts';
import { type StateTimeouts, stateTimeouts } from '../connection/timeouts.ts';
import type { ConnectionFilter } from '../control/protocol.ts';
import { namedRoomMakers } from '../datapath/room.ts';
import { VERDICT_COUNT, verdictNames } from '../datapath/verdict.ts';
import { DirectorError } from '../errors.ts';
import type { Excerpt } from '../explain/excerpt.ts';
import { takeExcerpt } from '../explain/take-excerpt.ts';
import {
  applyEdit,
  type Configuration,
  draftOf,
  EMPTY_CONFIGURATION,
  serviceKey,
} from '../service/configuration.ts';
import type { Edit, ServiceAddress } from '../service/model.ts';
import { countersOf, estimateRates, virtualAddressesOf, zeroCounters } from '../service/read-counters.ts';
import { ServerRegistry } from '../service/server-registry.ts';
import { ServiceTable } from '../service/service-table.ts';
import { ESTIMATE_INTERVAL_SEC, Traffic } from '../service/traffic.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { parseMac } from '../wire/address.ts';
import type {
  ConfigurationMessage,
  ConnectionsPage,
  CountersReport,
  HostFacts,
  NextHop,
} from '../worker/messages.ts';
import type { DatapathSession } from '../worker/session.ts';
import { AddressSet, writeOwnAddressBits } from './addresses.ts';
import { readAdopted } from './adopt.ts';
import { letFramesPass } from './blocks.ts';
import { ConnectionTables } from './connections.ts';
import { ProgramDefense } from './defense.ts';
import { Devices } from './devices.ts';
import type { CaptureContext } from './kernel-capture.ts';
import { CONFIG, LAYOUT_VERSION, VERDICT_COUNTS } from './layout.ts';
import { LiveMaps } from './live-maps.ts';
import { writeMarkRules } from './mark-record.ts';
import { NextHops } from './next-hops.ts';
import { writeNotes } from './notes.ts';
import type { Program } from './program.ts';
import { Publisher } from './publisher.ts';
import { PublishedScheduler } from './scheduler.ts';
import { isRecordInUse, liftOverload, macOfWord, macWord, readLoad } from './server-record.ts';
import { writeSettings, writeTimeouts } from './settings-record.ts';
import { TrafficReader } from './traffic-reader.ts';
import { ZeroedCounts } from './zeroed.ts';

const VERDICT_COUNTS_WORDS = VERDICT_COUNTS.bytes / 8;
/** No removed server is kept for so long. */
const FORGETTING_TICKS = ticksFromSec(600);

export class XdpSession implements DatapathSession {
  /** What was found in the maps of an earlier process; undefined: they are new. */
  readonly adopted: ConfigurationMessage | undefined;
  private readonly program: Program;
  /** Connections that were asked for; the tables have room for more. */
  private readonly capacity: number;
  private readonly registry = new ServerRegistry();
  private readonly publisher: Publisher;
  private readonly tables: ConnectionTables;
  private readonly traffic: TrafficReader;
  private readonly zeroed: ZeroedCounts;
  private readonly devices: Devices;
  private readonly ownAddresses: AddressSet;
  private readonly nextHops: NextHops;
  private readonly defense: ProgramDefense;
  private configuration: Configuration = EMPTY_CONFIGURATION;
  private table = ServiceTable.empty();
  private timeouts: StateTimeouts = stateTimeouts(EMPTY_CONFIGURATION.timeouts);
  /** Schedulers that were made, and removals of servers that were seen to. */
  private instances = 0;
  private removals = 0;
  private readonly unfit = new Map<string, string>();
  private seconds = 0;
  /** What the program's clock said last, and how much of it has passed. */
  private programTicks = 0;
  private elapsed = 0;

  constructor(program: Program, capacity: number) {
    this.program = program;
    this.capacity = capacity;
    this.traffic = new TrafficReader(program);
    this.publisher = new Publisher(program, this.traffic);
    this.zeroed = new ZeroedCounts(program, this.traffic, this.publisher, this.registry);
    this.tables = new ConnectionTables(program, (id) => this.registry.get(id));
    this.devices = new Devices(program.object);
    this.nextHops = new NextHops(this.registry, this.publisher, this.devices);
    this.defense = new ProgramDefense(program, this.tables, capacity);
    this.ownAddresses = new AddressSet(program.object, 'own_addresses');
    // So that it knows what time it is when servers are deleted.
    this.registry.collect(this.ticks());
    this.adopted = program.config.get32(0, CONFIG.at.layoutVersion) === 0 ? undefined : this.adopt();
    if (this.adopted === undefined) this.begin();
  }

  configure(message: ConfigurationMessage): void {
    const services = new Map(message.services.map((service) => [serviceKey(service.service), service]));
    this.readPlaces();
    this.take({ ...message, services });
    this.publishAll();
    this.zeroed.save(this.table);
  }

  edit(edits: readonly Edit[]): void {
    const touched = new Set<string>();
    this.configuration = draftOf(this.configuration);
    for (const edit of edits) this.carryOut(edit, touched);
    for (const key of touched) this.publishService(key);
    this.publishDeleted();
    if (edits.some(({ op }) => op !== 'edit-server' && op !== 'edit-service')) this.zeroed.save(this.table);
  }

  setNextHops(nextHops: readonly NextHop[]): void {
    this.nextHops.set(nextHops);
  }

  setHost(host: HostFacts): void {
    const { program, nextHops } = this;
    const { ownMac } = nextHops;
    const mac = parseMac(host.mac) ?? ownMac;
    nextHops.ownMac = mac;
    program.config.set64(0, CONFIG.at.ownMac, macWord(mac));
    this.ownAddresses.follow(new Set(host.addresses));
    writeOwnAddressBits(program.config, host.addresses);
    this.setDayOffset();
    if (mac.high !== ownMac.high || mac.low !== ownMac.low) nextHops.writeAll();
  }

  get virtualAddresses(): string[] {
    return virtualAddressesOf(this.table.services, this.configuration.marks);
  }

  get configurationMessage(): ConfigurationMessage {
    return { ...this.configuration, services: [...this.configuration.services.values()] };
  }

  readCounters(withServices = true): CountersReport {
    this.refresh();
    return {
      services: withServices ? countersOf(this.table.services) : {},
      verdicts: this.readVerdicts(),
      connections: { live: this.live, capacity: this.capacity },
      madeRoom: namedRoomMakers((maker) => this.countOf(VERDICT_COUNT + maker)),
      capturing: true,
    };
  }

  excerptFor(frame: Uint8Array): Excerpt {
    const { program, table: services, registry, configuration, nextHops, publisher, ownAddresses } = this;
    const live = new LiveMaps({
      ...{ program, services, registry, configuration },
      ownMac: nextHops.ownMac,
      ownAddresses: ownAddresses.ipv4Words,
      elementOf: ({ address }) => publisher.elementOf(serviceKey(address)),
      wayTo: (address) => this.devices.wayTo(address),
    });
    return takeExcerpt(live, frame);
  }

  get captureContext(): CaptureContext {
    return {
      ownMac: () => this.nextHops.ownMac,
      serverOf: (id) => this.registry.get(id),
      serviceOf: (packet) => this.table.match(packet),
      ticksPerSecond: this.program.ticksPerSecond,
      now: () => this.program.now(),
    };
  }

  listConnections(cursor: number, limit: number): ConnectionsPage {
    return this.tables.list(cursor, limit);
  }

  endConnections(filter: ConnectionFilter): number {
    return this.tables.end(filter);
  }

  /** Index of the other interface that a frame, as the program rewrote it, leaves by; undefined: none. */
  interfaceOf(frame: Uint8Array): number | undefined {
    return this.devices.interfaceOf(frame);
  }

  everySecond(): void {
    this.refresh();
    this.updateDefense();
    this.defense.dropEntries(this.timeouts, Math.random);
    if (++this.seconds % ESTIMATE_INTERVAL_SEC === 0) estimateRates(this.table.services);
    this.nextHops.everySecond();
    for (const key of this.unfit.keys()) this.publishService(key);
    this.collect(this.ticks());
    this.setDayOffset();
  }

  /** Services of which the maps have no room for what is configured, and why; that is tried again every second. */
  get unpublished(): ReadonlyMap<string, string> {
    return this.unfit;
  }

  // Edits ---------------------------------------------------------------------------------------------------

  private carryOut(edit: Edit, touched: Set<string>): void {
    if (edit.op === 'zero') {
      this.zero(edit.service);
      return;
    }
    const next = applyEdit(this.configuration, edit);
    if (!('service' in edit)) {
      if (edit.op === 'flush') this.refresh();
      this.take(next);
      if (edit.op === 'flush') for (const key of this.publisher.keys) touched.add(key);
      return;
    }
    if (edit.op === 'add-server' && this.registry.size >= this.program.servers.count)
      this.forgetRemoved(touched);
    const key = serviceKey(edit.service as ServiceAddress);
    // Of several edits of a service the first one finds what the program counted; nobody schedules in between.
    if (!touched.has(key)) this.readPlaceOf(this.table.get(edit.service as ServiceAddress));
    touched.add(key);
    if (edit.op === 'delete-service' || edit.op === 'delete-server') this.refreshServersOf(edit.service);
    this.configuration = next;
    this.table = this.table.nextOf(key, next, this.registry, this.createScheduler);
    this.noteRemovals();
  }

  /** The map has no record left: servers that were removed go, if need be with their connections. */
  private forgetRemoved(touched: Set<string>): void {
    for (const key of touched) this.publishService(key);
    touched.clear();
    letFramesPass();
    this.forgetIdle();
    if (this.registry.size < this.program.servers.count) return;
    this.registry.endConnectionsOfDeleted();
    this.publishDeleted();
    // Connections go before the templates that they depend on.
    for (const version of [4, 6, 4, 6] as const) this.program.sweep(version);
    this.forgetIdle();
  }

  /** Removed servers without connections, as if they had been idle for long. */
  private forgetIdle(): void {
    this.refresh();
    this.collect(this.ticks() + FORGETTING_TICKS);
    this.collect(this.ticks());
  }

  /** A list that could not be replaced may still name them. */
  private collect(ticks: number): void {
    if (this.unfit.size > 0) return;
    const forgotten = this.registry.collect(ticks | 0);
    if (forgotten.length === 0) return;
    for (const server of forgotten) this.publisher.forget(server);
    this.zeroed.save(this.table);
  }

  private readonly createScheduler = (name: string, flags: number): PublishedScheduler | undefined =>
    name === 'none' ? undefined : new PublishedScheduler(name, flags, ++this.instances);

  private take(configuration: Configuration): void {
    const { program } = this;
    const before = this.configuration;
    this.configuration = configuration;
    this.table = this.table.next(configuration, this.registry, this.createScheduler);
    writeSettings(program.config, configuration.settings);
    this.timeouts = writeTimeouts(program.config, configuration.timeouts, program.ticksPerSecond);
    if (before.marks !== configuration.marks)
      writeMarkRules(program.config, program.markRules, configuration.marks);
    writeNotes(program.notes, configuration);
    this.noteRemovals();
    this.updateDefense();
  }

  /** With expire_nodest_conn the connections of deleted servers end. */
  private noteRemovals(): void {
    if (this.registry.removals === this.removals) return;
    this.removals = this.registry.removals;
    if (this.configuration.settings.expire_nodest_conn !== 0) this.registry.endConnectionsOfDeleted();
  }

  private zero(address: ServiceAddress | undefined): void {
    this.refresh();
    const only = address && this.table.get(address);
    zeroCounters(only === undefined ? this.table.services : [only]);
  }

  private readPlaces(): void {
    for (const service of this.table.services) this.readPlaceOf(service);
  }

  private readPlaceOf(service: VirtualService | undefined): void {
    if (service?.scheduler === undefined) return;
    this.publisher.readPlace(serviceKey(service.address), service.scheduler as PublishedScheduler);
  }

  // Publishing ----------------------------------------------------------------------------------------------

  private publishAll(): void {
    const present = new Set<string>();
    for (const service of this.table.services) present.add(serviceKey(service.address));
    this.publisher.retain(present);
    for (const service of this.table.services) this.publishService(serviceKey(service.address), service);
    this.publishDeleted();
  }

  private publishService(key: string, service = this.serviceOf(key)): void {
    try {
      this.publisher.follow(key, service, (server) => this.nextHops.wayTo(server));
      this.unfit.delete(key);
    } catch (error) {
      if (!(error instanceof DirectorError)) throw error;
      this.unfit.set(key, error.message);
    }
  }

  private serviceOf(key: string): VirtualService | undefined {
    const configured = this.configuration.services.get(key);
    return configured && this.table.get(configured.service);
  }

  private publishDeleted(): void {
    this.program.serversTakeAlong = this.registry.takesConnectionsAlong;
    for (const server of this.registry.deleted)
      this.publisher.writeServer(server, this.nextHops.wayTo(server));
  }

  // What the program counted ----------------------------------------------------------------------------------

  private refresh(): void {
    for (const server of this.registry) {
      if (!isRecordInUse(this.program.servers, server.id)) continue;
      readLoad(this.program.servers, server);
      if (server.isOverloaded) liftOverload(this.program.servers, server);
      this.traffic.takeOver(server);
    }
    this.publisher.takeStrays();
  }

  /** What they counted is their service's, also when they come back as another one's. */
  private refreshServersOf(address: ServiceAddress): void {
    for (const server of this.table.get(address)?.listed ?? []) this.traffic.takeOver(server);
  }

  private get live(): number {
    let live = 0;
    for (const server of this.registry) live += server.connectionCount + server.persistentConnections;
    return live;
  }

  private readVerdicts(): Record<string, number> {
    const report: Record<string, number> = {};
    for (const [verdict, name] of verdictNames) {
      const frames = this.countOf(verdict);
      if (frames > 0) report[name] = frames;
    }
    return report;
  }

  /** Of all CPUs: a word of struct verdict_counts. */
  private countOf(word: number): number {
    const { verdicts, cpus } = this.program;
    let count = 0;
    for (let cpu = 0; cpu < cpus; cpu++) count += Number(verdicts[cpu * VERDICT_COUNTS_WORDS + word]);
    return count;
  }

  private updateDefense(): void {
    this.defense.update(this.configuration.settings, this.live);
  }

  // Beginning -------------------------------------------------------------------------------------------------

  private begin(): void {
    const { config } = this.program;
    const random = randomBytes(8 * 11);
    for (let word = 0; word < 11; word++)
      config.set64(0, CONFIG.at.seed + 8 * word, random.readBigUInt64LE(8 * word) | 1n);
    config.set32(0, CONFIG.at.limitsClients, 1);
    this.take(EMPTY_CONFIGURATION);
    config.set32(0, CONFIG.at.layoutVersion, LAYOUT_VERSION);
  }

  /** Configuration, servers and their numbers as the maps have them; connections refer to the numbers. */
  private adopt(): ConfigurationMessage {
    const { program, registry } = this;
    const { configuration, services, servers } = readAdopted(program);
    for (const { id, service, address, options } of servers)
      registry.adopt(id, service, address, options, new Traffic());
    this.nextHops.adopt(servers);
    this.nextHops.ownMac = macOfWord(program.config.get64(0, CONFIG.at.ownMac));
    this.configuration = configuration;
    // No number that stands in the cache of lblc for a scheduler that is no more.
    this.instances = randomInt(2 ** 31);
    this.table = this.table.next(configuration, registry, this.createScheduler);
    // Listing a server makes it a new one in these respects.
    for (const { id, lastWeight, takesConnectionsAlong } of servers)
      Object.assign(registry.get(id), { lastWeight, takesConnectionsAlong });
    for (const server of registry.deleted)
      server.serviceTraffic = this.table.get(server.service)?.traffic ?? server.serviceTraffic;
    const recorded = services.map((record) => ({ record, service: this.table.get(record.address)! }));
    this.publisher.adopt(recorded);
    for (const { record, service } of recorded)
      this.continueScheduler(service, record.place, record.instance);
    this.timeouts = stateTimeouts(configuration.timeouts);
    this.removals = registry.removals;
    this.refresh();
    this.zeroed.subtract(this.table);
    // The process before may have died before it could.
    this.publishDeleted();
    return this.configurationMessage;
  }

  private continueScheduler({ scheduler }: VirtualService, place: bigint, instance: number): void {
    if (scheduler === undefined) return;
    const published = scheduler as PublishedScheduler;
    published.place = place;
    published.instance = instance;
    published.isChanged = false;
  }

  /** Ticks of src/clock.ts. The program's clock wraps somewhere else, so what passes of it is added up. */
  private ticks(): number {
    const { program } = this;
    const now = program.now();
    this.elapsed += (now - this.programTicks) >>> 0;
    this.programTicks = now;
    return Math.floor((this.elapsed / program.ticksPerSecond) * TICKS_PER_SECOND) | 0;
  }

  private setDayOffset(): void {
    const day = 86_400_000;
    const offset = Math.round(Date.now() - Number(process.hrtime.bigint() / 1_000_000n));
    this.program.config.set64(0, CONFIG.at.dayOffsetMs, BigInt(((offset % day) + day) % day));
  }
}
