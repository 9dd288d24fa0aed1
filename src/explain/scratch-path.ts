/** Excerpt -> a path of its own, on which the real forward() can be tried. */
import {
  ConnectionFlag,
  connectionTableBytes,
  KeyKind,
  NO_CONNECTION,
  tableMemoryIn,
} from '../connection/connection-table.ts';
import { stateTimeouts } from '../connection/timeouts.ts';
import { Defense } from '../datapath/defense.ts';
import { setDatagramKey } from '../datapath/fragments.ts';
import { createPath, type Path } from '../datapath/path.ts';
import { ReplyLimit } from '../datapath/reply-limit.ts';
import { Room } from '../datapath/room.ts';
import { SynFlood } from '../datapath/syn-flood.ts';
import { VERDICT_COUNT } from '../datapath/verdict.ts';
import type { FrameSink } from '../engine/engine.ts';
import { type Configuration, EMPTY_CONFIGURATION, serviceKey } from '../service/configuration.ts';
import type { RealServer } from '../service/real-server.ts';
import type { SchedulerFactory } from '../service/service-table.ts';
import { Traffic } from '../service/traffic.ts';
import { Packet } from '../wire/packet.ts';
import type { ConnectionExcerpt, Excerpt, ServerExcerpt, TemplateExcerpt } from './excerpt.ts';

/** Room for a datagram or two. */
const DATAGRAM_PLACES = 4;

export interface Scratch {
  readonly path: Path;
  /** Entry of the packet's connection before it came, or NO_CONNECTION. */
  readonly connection: number;
  /** By the numbers that the live path has for them. */
  readonly servers: ReadonlyMap<number, RealServer>;
}

/** `packet`: as it was decoded, for schedulers that remember destinations. */
export function scratchPath(
  excerpt: Excerpt,
  packet: Packet,
  sink: FrameSink,
  createScheduler: SchedulerFactory,
): Scratch {
  const { connection, template, room } = excerpt;
  const entries = [connection, connection?.template, template].filter((entry) => entry != null).length;
  const capacity = entries + room.makes.length + room.free;
  const path: Path = {
    ...createPath({
      sink,
      ownMac: excerpt.ownMac,
      connectionTableSize: capacity,
      slice: excerpt.slice,
      seed: [0, 0],
      memory: {
        connections: tableMemory(capacity),
        datagrams: tableMemory(DATAGRAM_PLACES),
        verdicts: new Float64Array(VERDICT_COUNT),
      },
    }),
    replies: new GivenReplyLimit(excerpt.mayReply),
    defense: new GivenDefense(excerpt),
    synFlood: new GivenSynFlood(excerpt.isFirstSyn),
    room: new GivenRoom(room.makes),
  };
  path.now = excerpt.now;
  path.settings = excerpt.settings;
  path.timeouts = stateTimeouts(excerpt.timeouts);
  path.ownAddresses = new Set(excerpt.ownAddresses);
  const servers = addServers(path, excerpt, packet, createScheduler);
  const connectionEntry = addEntries(path, excerpt, servers);
  if (excerpt.datagram !== null) addDatagram(path, packet, excerpt.datagram, servers);
  return { path, connection: connectionEntry, servers };
}

const tableMemory = (capacity: number) =>
  tableMemoryIn(new ArrayBuffer(connectionTableBytes(capacity)), 0, capacity);

// Services and servers ----------------------------------------------------------------------------------------

function addServers(
  path: Path,
  excerpt: Excerpt,
  packet: Packet,
  createScheduler: SchedulerFactory,
): Map<number, RealServer> {
  const { registry } = path;
  const servers = new Map<number, RealServer>();
  for (const [number, { id, service, address, options }] of excerpt.servers.entries())
    servers.set(id, registry.adopt(number, service, address, options, new Traffic()));
  // Those of the matched service are listed again, and keep their numbers.
  path.services = path.services.next(configurationOf(excerpt), registry, createScheduler);
  for (const each of excerpt.servers) setState(servers.get(each.id)!, each);
  for (const { service, place, memory } of excerpt.services) {
    const { scheduler, servers: scheduled } = path.services.get(service)!;
    // Once more: now it sees the last weights.
    scheduler?.serversChanged?.(scheduled, { kind: 'bound' });
    if (place !== null) scheduler?.takePlace?.(place);
    if (memory === null) continue;
    const remembered = memory.servers.flatMap((id) => servers.get(id) ?? []);
    scheduler?.takeMemory?.(packet, { ...memory, servers: remembered });
  }
  return servers;
}

function configurationOf({ services, servers, settings, timeouts, marks }: Excerpt): Configuration {
  const byId = new Map(servers.map((server) => [server.id, server]));
  const configured = services.map(({ service, options, servers: ids }) => ({
    service,
    options,
    servers: ids.flatMap((id) => {
      const server = byId.get(id);
      return server === undefined ? [] : [{ server: server.address, options: server.options }];
    }),
  }));
  return {
    ...EMPTY_CONFIGURATION,
    services: new Map(configured.map((each) => [serviceKey(each.service), each])),
    settings,
    timeouts,
    marks,
  };
}

function setState(server: RealServer, excerpt: ServerExcerpt): void {
  server.setNextHop(excerpt.reach);
  server.isListed = excerpt.isListed;
  server.lastWeight = excerpt.lastWeight;
  server.isOverloaded = excerpt.isOverloaded;
  server.lastAlive = excerpt.lastAlive;
  server.activeConnections = excerpt.activeConnections;
  server.inactiveConnections = excerpt.inactiveConnections;
  server.persistentConnections = excerpt.persistentConnections;
}

// What is remembered ------------------------------------------------------------------------------------------

type Servers = ReadonlyMap<number, RealServer>;

/** Returns the entry of the packet's connection. */
function addEntries(path: Path, { connection, template, room }: Excerpt, servers: Servers): number {
  if (template !== null) addTemplate(path, template, servers);
  const entry = connection === null ? NO_CONNECTION : addConnection(path, connection, servers);
  for (const number of room.makes.keys()) addPlaceholder(path, number);
  return entry;
}

function addTemplate(path: Path, template: TemplateExcerpt, servers: Servers): number {
  const { connections } = path;
  const key = keyOf(template, KeyKind.Template);
  const known = connections.find(key);
  if (known !== NO_CONNECTION) return known;
  const entry = connections.insert(key, servers.get(template.server)!.id, template.expires);
  connections.setState(entry, template.state);
  connections.setTemplateTimeout(entry, template.timeout);
  connections.setDependents(entry, template.dependents);
  return entry;
}

function addConnection(path: Path, connection: ConnectionExcerpt, servers: Servers): number {
  const { connections } = path;
  const { template } = connection;
  const entry = connections.insert(
    keyOf(connection, 0),
    servers.get(connection.server)!.id,
    connection.expires,
  );
  connections.setState(entry, connection.state);
  if (connection.isInactive) connections.setFlag(entry, ConnectionFlag.Inactive);
  if (!connection.hasSeenOutput) connections.setFlag(entry, ConnectionFlag.NoOutput);
  for (let count = 0; count < connection.packets; count++) connections.countPacket(entry);
  if (template === null) return entry;
  const templateEntry = addTemplate(path, template, servers);
  connections.dependOn(entry, templateEntry);
  connections.setDependents(templateEntry, template.dependents);
  return entry;
}

/** Somebody who makes room. No packet has such a key. */
function addPlaceholder({ connections, now }: Path, number: number): void {
  const key = new Packet();
  key.protocol = KeyKind.Datagram;
  key.virtualPort = number;
  connections.insert(key, 0, now);
}

function keyOf(entry: TemplateExcerpt | ConnectionExcerpt, kind: number): Packet {
  const { ipVersion, protocol, client, virtual, clientPort, virtualPort } = entry;
  const [client0, client1, client2, client3] = client;
  const [virtual0, virtual1, virtual2, virtual3] = virtual;
  return Object.assign(new Packet(), {
    ipVersion,
    protocol: protocol | kind,
    ...{ client0, client1, client2, client3, virtual0, virtual1, virtual2, virtual3 },
    clientPort,
    virtualPort,
  });
}

function addDatagram(
  path: Path,
  packet: Packet,
  datagram: NonNullable<Excerpt['datagram']>,
  servers: Servers,
): void {
  const server = servers.get(datagram.server);
  if (server === undefined) return;
  const key = new Packet();
  setDatagramKey(key, packet);
  path.datagrams.insert(key, server.id, datagram.expires);
}

// What was looked at beforehand -------------------------------------------------------------------------------

class GivenReplyLimit extends ReplyLimit {
  private readonly allowed: boolean;

  constructor(allowed: boolean) {
    super();
    this.allowed = allowed;
  }

  override take(): boolean {
    return this.allowed;
  }
}

class GivenDefense extends Defense {
  private readonly drops: boolean;

  constructor({ isSecure, dropsFirst }: Excerpt) {
    super();
    this.isSecure = isSecure;
    this.drops = dropsFirst;
  }

  override dropsPacket(): boolean {
    return this.drops;
  }
}

class GivenSynFlood extends SynFlood {
  constructor(isFirst: boolean) {
    super();
    this.isOn = isFirst;
  }

  override isFirst(): boolean {
    return this.isOn;
  }
}

class GivenRoom extends Room {
  private readonly answers: readonly boolean[];
  private asked = 0;

  constructor(answers: readonly boolean[]) {
    super(1);
    this.answers = answers;
  }

  override make({ connections }: Path): boolean {
    const key = new Packet();
    key.protocol = KeyKind.Datagram;
    key.virtualPort = this.asked;
    const makes = this.answers[this.asked++] === true;
    if (makes) connections.remove(connections.find(key));
    return makes;
  }
}
