/** The program's maps as they are at this moment, to be looked at: nothing in them changes by that. */
import { TICKS_PER_SECOND, ticksFromSec } from '../clock.ts';
import { KeyKind } from '../connection/connection-table.ts';
import { INVALIDATED_PORT, TemplateState } from '../connection/template-state.ts';
import type {
  ConnectionExcerpt,
  Excerpt,
  RoomExcerpt,
  ServerExcerpt,
  ServiceExcerpt,
  TemplateExcerpt,
} from '../explain/excerpt.ts';
import type { Live } from '../explain/take-excerpt.ts';
import type { Configuration } from '../service/configuration.ts';
import type { ServerRegistry } from '../service/server-registry.ts';
import type { ServiceTable } from '../service/service-table.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import type { MacAddress } from '../wire/address.ts';
import type { Packet } from '../wire/packet.ts';
import { WHOLE } from '../wire/slice.ts';
import { ConnectionSearch, type Key } from './connection-search.ts';
import {
  CACHE_ENTRY,
  CACHE_KEY,
  CACHE_SERVERS,
  CONFIG,
  DATAGRAM,
  DATAGRAM_KEY,
  dependentsIn,
  Kind,
  SERVER,
  SERVER_BITS,
  StateBits,
} from './layout.ts';
import type { Program } from './program.ts';
import { mayReply } from './reply-credit.ts';
import { PublishedScheduler } from './scheduler.ts';
import { isRecordInUse, type Way } from './server-record.ts';
import { readPlace } from './service-record.ts';

/** Some moment of clock.ts for what is now: the program's ticks are other ones. */
const NOW = 2 ** 30;

export interface LiveMapsOptions {
  readonly program: Program;
  readonly services: ServiceTable;
  readonly registry: ServerRegistry;
  readonly configuration: Configuration;
  readonly ownMac: MacAddress;
  readonly ownAddresses: Iterable<number>;
  /** Where the program has a service. */
  elementOf(service: VirtualService): number | undefined;
  wayTo(address: string): Way | undefined;
}

export class LiveMaps implements Live {
  readonly now = NOW;
  readonly slice = WHOLE;
  readonly ownMac: MacAddress;
  readonly ownAddresses: Iterable<number>;
  readonly services: ServiceTable;
  readonly settings: Configuration['settings'];
  readonly timeouts: Configuration['timeouts'];
  readonly marks: Configuration['marks'];
  private readonly options: LiveMapsOptions;
  private readonly program: Program;
  private readonly search: ConnectionSearch;
  private readonly programNow: number;

  constructor(options: LiveMapsOptions) {
    this.options = options;
    this.program = options.program;
    this.search = new ConnectionSearch(options.program);
    this.programNow = options.program.now();
    this.services = options.services;
    this.ownMac = options.ownMac;
    this.ownAddresses = options.ownAddresses;
    ({ settings: this.settings, timeouts: this.timeouts, marks: this.marks } = options.configuration);
  }

  get isSecure(): boolean {
    return this.program.config.get32(0, CONFIG.at.isSecure) !== 0;
  }

  get dropsFirst(): boolean {
    const { config } = this.program;
    const isOn = config.get32(0, CONFIG.at.dropRate) !== 0;
    return isOn && ((config.get32(0, CONFIG.at.dropCounter) - 1) | 0) <= 0;
  }

  /** The program drops none: src/datapath/syn-flood.ts. */
  isFirstSyn(): boolean {
    return false;
  }

  mayReply(packet: Packet): boolean {
    return mayReply(this.program, packet, this.programNow);
  }

  /** What is configured as the session has it, the load as the program has counted it. */
  server(id: number): ServerExcerpt | undefined {
    const { servers } = this.program;
    if (id >= servers.count || !isRecordInUse(servers, id)) return undefined;
    const { service, address, options, reach, isListed, lastWeight } = this.options.registry.get(id);
    const load = servers.get64(id, SERVER.at.load);
    const lastAlive = servers.get32(id, SERVER.at.lastAlive);
    const isOverloaded = servers.get32(id, SERVER.at.overloaded) !== 0;
    return {
      ...{ id, service, address, options, reach, isListed, lastWeight, isOverloaded },
      sourceMac: this.options.wayTo(address.address)?.ownMac ?? null,
      lastAlive: lastAlive === 0 ? 0 : this.moment(lastAlive),
      activeConnections: Number(load >> 32n),
      inactiveConnections: Number(load & 0xffffffffn),
      persistentConnections: servers.get32(id, SERVER.at.persistent),
    };
  }

  connection(packet: Packet): ConnectionExcerpt | undefined {
    const slot = this.search.find(connectionKey(packet));
    if (slot === undefined) return undefined;
    const version = packet.ipVersion === 6 ? 6 : 4;
    const word = this.search.field(version, slot, 'state');
    const link = this.search.field(version, slot, 'link');
    return {
      ...this.entry(version, slot),
      state: word & StateBits.State,
      isInactive: (word & StateBits.Inactive) !== 0,
      hasSeenOutput: (word & StateBits.NoOutput) === 0,
      packets: (word >>> StateBits.CountShift) & StateBits.CountMask,
      template: link === 0 ? null : this.templateIn(version, link - 1),
    };
  }

  template(key: Packet): TemplateExcerpt | undefined {
    const slot = this.search.find(templateKey(key));
    return slot === undefined ? undefined : this.templateIn(key.ipVersion === 6 ? 6 : 4, slot);
  }

  datagram(key: Packet): Excerpt['datagram'] {
    const words = new Uint32Array(DATAGRAM_KEY.bytes / 4);
    words.set([key.client0, key.client1, key.client2, key.client3]);
    words.set([key.virtual0, key.virtual1, key.virtual2, key.virtual3], 4);
    words[8] = (key.clientPort << 16) | key.virtualPort;
    words[9] = (key.protocol & 0xff) | (key.ipVersion << 8);
    const value = new Uint32Array(DATAGRAM.bytes / 4);
    if (!this.program.object.lookup('datagrams', bytesOf(words), bytesOf(value))) return null;
    return { server: value[0]!, expires: this.moment(value[1]!) };
  }

  place(service: VirtualService): readonly number[] | undefined {
    const element = this.options.elementOf(service);
    const { scheduler } = service;
    if (element === undefined || scheduler === undefined) return undefined;
    const { name, flags } = scheduler as PublishedScheduler;
    const copy = new PublishedScheduler(name, flags, 0);
    copy.place = readPlace(this.program.services, element);
    if (name === 'rr') return [copy.last];
    return name === 'wrr' ? [copy.last, copy.currentWeight] : undefined;
  }

  memory({ scheduler }: VirtualService, packet: Packet): ServiceExcerpt['memory'] {
    if (scheduler === undefined) return null;
    const key = new Uint32Array(CACHE_KEY.bytes / 4);
    const { isIcmpError, client0, client1, client2, client3, virtual0, virtual1, virtual2, virtual3 } =
      packet;
    key.set(isIcmpError ? [client0, client1, client2, client3] : [virtual0, virtual1, virtual2, virtual3]);
    key[4] = (scheduler as PublishedScheduler).instance;
    const value = new Uint32Array(CACHE_ENTRY.bytes / 4);
    if (!this.program.object.lookup('destination_cache', bytesOf(key), bytesOf(value))) return null;
    const [lastUsed, lastChanged, count] = value as unknown as [number, number, number];
    const names = [...value.subarray(3, 3 + Math.min(count, CACHE_SERVERS))];
    return {
      servers: names.flatMap((name) => this.serverNamed(name) ?? []),
      lastUsed: this.moment(lastUsed),
      lastChanged: this.moment(lastChanged),
    };
  }

  room(packet: Packet, template: Packet | undefined): RoomExcerpt {
    const needed = [
      ...(template === undefined || this.search.find(templateKey(template)) !== undefined
        ? []
        : [templateKey(template)]),
      connectionKey(packet),
    ];
    const makes = needed.map((key) => this.search.hasRoom(key, this.programNow));
    return makes.includes(false) ? { free: 0, makes } : { free: 2, makes: [] };
  }

  /** Undefined: the number is another server's by now. */
  private serverNamed(name: number): number | undefined {
    const id = name & (2 ** SERVER_BITS - 1);
    const { servers } = this.program;
    if (id >= servers.count || !isRecordInUse(servers, id)) return undefined;
    return name >>> SERVER_BITS === (servers.get32(id, SERVER.at.generation) & (2 ** (32 - SERVER_BITS) - 1))
      ? id
      : undefined;
  }

  private templateIn(version: 4 | 6, slot: number): TemplateExcerpt {
    const word = this.search.field(version, slot, 'state');
    return {
      ...this.entry(version, slot),
      state: (word & StateBits.Assured) !== 0 ? TemplateState.Assured : TemplateState.None,
      timeout: ticksFromSec(word >>> StateBits.CountShift),
      dependents: dependentsIn(this.search.field(version, slot, 'link')),
    };
  }

  private entry(version: 4 | 6, slot: number) {
    const { search } = this;
    const kind = search.field(version, slot, 'kind');
    const ports = search.field(version, slot, 'ports');
    return {
      ipVersion: version,
      protocol: kind & 0xff,
      client: search.words(version, slot, 'client'),
      virtual: search.words(version, slot, 'virtual'),
      clientPort: ports >>> 16,
      virtualPort: (kind & Kind.Invalidated) !== 0 ? INVALIDATED_PORT : ports & 0xffff,
      server: search.field(version, slot, 'server'),
      expires: this.moment(search.field(version, slot, 'expires')),
    };
  }

  /** A time of the program's clock, counted from NOW; a remainder of a tick counts as one. */
  private moment(programTicks: number): number {
    const left = (programTicks - this.programNow) | 0;
    return (NOW + Math.ceil((left * TICKS_PER_SECOND) / this.program.ticksPerSecond)) | 0;
  }
}

const connectionKey = (packet: Packet): Key => keyOf(packet, packet.protocol | Kind.Live);
const templateKey = (key: Packet): Key =>
  keyOf(key, (key.protocol & ~KeyKind.Template) | Kind.Template | Kind.Live);

function keyOf(packet: Packet, kind: number): Key {
  const {
    ipVersion,
    client0,
    client1,
    client2,
    client3,
    virtual0,
    virtual1,
    virtual2,
    virtual3,
    clientPort,
    virtualPort,
  } = packet;
  return {
    ipVersion,
    client0,
    client1,
    client2,
    client3,
    virtual0,
    virtual1,
    virtual2,
    virtual3,
    clientPort,
    virtualPort,
    kind,
  };
}

const bytesOf = ({ buffer }: Uint32Array): Uint8Array => new Uint8Array(buffer);
