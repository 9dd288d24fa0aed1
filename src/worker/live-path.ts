/** The path of this process as it is at this moment, to be looked at: nothing of it changes by that. */
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import type { Path } from '../datapath/path.ts';
import type {
  ConnectionExcerpt,
  Excerpt,
  RoomExcerpt,
  ServerExcerpt,
  TemplateExcerpt,
} from '../explain/excerpt.ts';
import type { Live } from '../explain/take-excerpt.ts';
import type { Configuration } from '../service/configuration.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import type { Packet } from '../wire/packet.ts';

/** As many as a packet takes: a connection and its template. */
const MAX_PLACES = 2;

export const liveOf = (path: Path, { timeouts, marks }: Configuration): Live => ({
  now: path.now,
  slice: path.registry.slice,
  ownMac: path.ownMac,
  ownAddresses: path.ownAddresses,
  services: path.services,
  settings: path.settings,
  timeouts,
  marks,
  isSecure: path.defense.isSecure,
  dropsFirst: path.defense.wouldDropPacket,
  isFirstSyn: (packet) => path.synFlood.wouldBeFirst(path.connections.hashOf(packet)),
  mayReply: (packet) => path.replies.allows(path.now, packet),
  server: (id) => serverExcerpt(path, id),
  connection: (packet) => connectionExcerpt(path, packet),
  template: (key) => templateExcerpt(path, path.connections.find(key)),
  datagram: (key) => datagramExcerpt(path, key),
  place: ({ scheduler }) => scheduler?.readPlace?.(),
  memory: (service, packet) => memoryExcerpt(path, service, packet),
  room: (_packet, template) => roomExcerpt(path, template),
});

function serverExcerpt({ registry }: Path, id: number): ServerExcerpt {
  const server = registry.get(id);
  return {
    id,
    service: server.service,
    address: server.address,
    options: server.options,
    reach: server.reach,
    sourceMac: null,
    isListed: server.isListed,
    lastWeight: server.lastWeight,
    isOverloaded: server.isOverloaded,
    lastAlive: server.lastAlive,
    activeConnections: server.activeConnections,
    inactiveConnections: server.inactiveConnections,
    persistentConnections: server.persistentConnections,
  };
}

function connectionExcerpt(path: Path, packet: Packet): ConnectionExcerpt | undefined {
  const { connections } = path;
  const entry = connections.find(packet);
  if (entry === NO_CONNECTION) return undefined;
  return {
    ...entryExcerpt(path, entry),
    isInactive: connections.hasFlag(entry, ConnectionFlag.Inactive),
    hasSeenOutput: !connections.hasFlag(entry, ConnectionFlag.NoOutput),
    packets: connections.packets(entry),
    template: templateExcerpt(path, connections.template(entry)) ?? null,
  };
}

function templateExcerpt(path: Path, entry: number): TemplateExcerpt | undefined {
  const { connections } = path;
  if (entry === NO_CONNECTION) return undefined;
  return {
    ...entryExcerpt(path, entry),
    timeout: connections.templateTimeout(entry),
    dependents: connections.dependents(entry),
  };
}

function entryExcerpt({ connections }: Path, entry: number) {
  const clientWord = (word: number) => connections.clientWord(entry, word);
  const virtualWord = (word: number) => connections.virtualWord(entry, word);
  return {
    ipVersion: connections.ipVersion(entry),
    protocol: connections.protocol(entry),
    client: [clientWord(0), clientWord(1), clientWord(2), clientWord(3)] as const,
    virtual: [virtualWord(0), virtualWord(1), virtualWord(2), virtualWord(3)] as const,
    clientPort: connections.clientPort(entry),
    virtualPort: connections.virtualPort(entry),
    server: connections.serverOf(entry),
    expires: connections.expires(entry),
    state: connections.state(entry),
  };
}

function datagramExcerpt({ datagrams }: Path, key: Packet): Excerpt['datagram'] {
  const entry = datagrams.find(key);
  if (entry === NO_CONNECTION) return null;
  return { server: datagrams.serverOf(entry), expires: datagrams.expires(entry) };
}

/** Without servers that are forgotten: they take no part, and their number may be another one's. */
function memoryExcerpt({ registry }: Path, { scheduler }: VirtualService, packet: Packet) {
  const memory = scheduler?.readMemory?.(packet);
  if (memory === undefined) return null;
  const known = memory.servers.filter((server) => registry.get(server.id) === server);
  return { ...memory, servers: known.map(({ id }) => id) };
}

/** Who makes room spares the template that a connection is to depend on. */
function roomExcerpt(path: Path, templateKey: Packet | undefined): RoomExcerpt {
  const { connections, room } = path;
  const free = Math.min(MAX_PLACES, connections.free);
  const template = templateKey === undefined ? NO_CONNECTION : connections.find(templateKey);
  return { free, makes: free === MAX_PLACES ? [] : room.wouldMake(path, template, MAX_PLACES - free) };
}
