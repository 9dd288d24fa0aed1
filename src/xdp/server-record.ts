/** A real server as the program sees it: struct server of native/bpf/layout.h, written field by field, and read back. */
import type { ServerAddress, ServerOptions, ServiceAddress, TunnelOptions } from '../service/model.ts';
import { PROTOCOL_NUMBERS } from '../service/protocol-numbers.ts';
import type { Reach, RealServer } from '../service/real-server.ts';
import { type MacAddress, parseIp, renderIp } from '../wire/address.ts';
import { ReachNumber, SERVER, SERVICE_KIND_MARK, ServerFlag } from './layout.ts';
import type { Memory } from './memory.ts';
import { endpointOf } from './service-slots.ts';

const { at } = SERVER;

/** How a server is reached: the interface that leads to it (element of the map `devices`), and our MAC there. */
export interface Way {
  readonly device: number;
  readonly ownMac: MacAddress;
}

/** Low 48 bits, as the six bytes stand in a frame on a little-endian machine. */
export function macWord({ high, low }: MacAddress): bigint {
  const bytes = [high >>> 8, high, low >>> 24, low >>> 16, low >>> 8, low].map((byte) => byte & 0xff);
  return bytes.reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n);
}

export function macOfWord(word: bigint): MacAddress {
  const byte = (index: number) => Number((word >> BigInt(8 * index)) & 0xffn);
  return {
    high: (byte(0) << 8) | byte(1),
    low: (byte(2) << 24) | (byte(3) << 16) | (byte(4) << 8) | byte(5),
  };
}

const REACH_NUMBERS = {
  unresolved: ReachNumber.Unresolved,
  neighbor: ReachNumber.Neighbor,
  local: ReachNumber.Local,
  unreachable: ReachNumber.Unreachable,
} as const;

const nextHopWord = ({ reach }: RealServer): bigint =>
  (BigInt(REACH_NUMBERS[reach.kind]) << 48n) | (reach.kind === 'neighbor' ? macWord(reach.mac) : 0n);

/** Another way is taken whole: while it changes, the server counts as unresolved. */
export function writeWay(memory: Memory, server: RealServer, { device, ownMac }: Way): void {
  const source = (BigInt(device) << 48n) | macWord(ownMac);
  if (memory.get64(server.id, at.source) !== source) {
    memory.set64(server.id, at.nextHop, BigInt(ReachNumber.Unresolved) << 48n);
    memory.set64(server.id, at.source, source);
  }
  memory.set64(server.id, at.nextHop, nextHopWord(server));
}

const FORWARDING = ['direct-route', 'tunnel', 'masquerade'] as const;
const TUNNEL_TYPES = ['ipip', 'gue', 'gre'] as const;
const CHECKSUMS = ['none', 'csum', 'remcsum'] as const;

const tunnelWord = ({ type, port, checksum }: TunnelOptions): number =>
  (port << 16) | (CHECKSUMS.indexOf(checksum) << 8) | TUNNEL_TYPES.indexOf(type);

/** Who it is, once, before a service lists it. A record that is of this server already keeps its load. */
export function writeIdentity(memory: Memory, { id, address, service }: RealServer): void {
  const ip = parseIp(address.address)!;
  const endpoint = endpointOf(service);
  if (memory.get8(id, at.inUse) === 0) {
    const generation = memory.get32(id, at.generation);
    memory.clear(id);
    memory.set32(id, at.generation, generation + 1);
  }
  memory.setWords(id, at.address, ip.words);
  memory.setWords(id, at.serviceAddress, endpoint.words);
  memory.set16(id, at.port, address.port);
  memory.set16(id, at.servicePort, endpoint.port);
  memory.set8(id, at.serviceProtocol, endpoint.protocol);
  memory.set8(id, at.version, ip.version);
  memory.set8(id, at.serviceKind, endpoint.version + ('fwmark' in service ? SERVICE_KIND_MARK : 0));
  memory.set8(id, at.inUse, 1);
}

/** Weight, thresholds and what else an edit changes; the load is the program's. */
export function writeOptions(memory: Memory, server: RealServer): void {
  const { id, options } = server;
  const { upperThreshold: upper, lowerThreshold } = options;
  readLoad(memory, server);
  server.updateOverload();
  memory.set32(id, at.lower, lowerThreshold > 0 ? lowerThreshold : upper - (upper >> 2));
  memory.set32(id, at.upper, upper);
  memory.set32(id, at.overloaded, server.isOverloaded ? 1 : 0);
  memory.set32(id, at.weight, server.weight);
  memory.set32(id, at.configuredWeight, options.weight);
  memory.set32(id, at.forwarding, FORWARDING.indexOf(options.forwarding));
  memory.set32(id, at.configuredLower, lowerThreshold);
  memory.set32(id, at.lastWeight, server.lastWeight);
  memory.set32(id, at.tunnel, tunnelWord(options.tunnel));
}

export function writeFlags(memory: Memory, server: RealServer): void {
  const { id, isListed, takesConnectionsAlong, hasFailed } = server;
  const flags =
    (isListed ? ServerFlag.Listed : 0) |
    (takesConnectionsAlong ? ServerFlag.TakesConnectionsAlong : 0) |
    (hasFailed ? ServerFlag.Failed : 0);
  memory.set32(id, at.flags, flags);
}

/** Takes over what the program counted. */
export function readLoad(memory: Memory, server: RealServer): void {
  const load = memory.get64(server.id, at.load);
  server.activeConnections = Number(load >> 32n);
  server.inactiveConnections = Number(load & 0xffffffffn);
  server.persistentConnections = memory.get32(server.id, at.persistent);
  server.isOverloaded = memory.get32(server.id, at.overloaded) !== 0;
}

/** Two CPUs that count at once may leave a server overloaded that has no connection, and gets none: it stays so. */
export function liftOverload(memory: Memory, server: RealServer): void {
  server.updateOverload();
  if (!server.isOverloaded) memory.set32(server.id, at.overloaded, 0);
}

export const releaseRecord = (memory: Memory, id: number): void => memory.set8(id, at.inUse, 0);
export const isRecordInUse = (memory: Memory, id: number): boolean => memory.get8(id, at.inUse) !== 0;
export const isRecordListed = (memory: Memory, id: number): boolean =>
  isRecordInUse(memory, id) && (memory.get32(id, at.flags) & ServerFlag.Listed) !== 0;

/** What a record says of its server. */
export interface RecordedServer {
  readonly id: number;
  readonly service: ServiceAddress;
  readonly address: ServerAddress;
  readonly options: ServerOptions;
  readonly lastWeight: number;
  readonly reach: Reach;
  /** Undefined: by the interface that the director works on. */
  readonly way: Way | undefined;
  readonly isListed: boolean;
  readonly takesConnectionsAlong: boolean;
}

export function readRecord(memory: Memory, id: number): RecordedServer {
  const version = memory.get8(id, at.version) === 6 ? 6 : 4;
  const tunnel = memory.get32(id, at.tunnel);
  const flags = memory.get32(id, at.flags);
  const weight = memory.get32(id, at.configuredWeight);
  const weightInForce = memory.get32(id, at.weight);
  return {
    id,
    service: readServiceAddress(memory, id),
    address: {
      address: renderIp({ version, words: memory.words(id, at.address) }),
      port: memory.get16(id, at.port),
    },
    options: {
      forwarding: FORWARDING[memory.get32(id, at.forwarding)]!,
      weight,
      upperThreshold: memory.get32(id, at.upper),
      lowerThreshold: memory.get32(id, at.configuredLower),
      tunnel: {
        type: TUNNEL_TYPES[tunnel & 0xff]!,
        port: tunnel >>> 16,
        checksum: CHECKSUMS[(tunnel >>> 8) & 0xff]!,
      },
      ...(weightInForce === weight ? {} : { weightInForce }),
      ...((flags & ServerFlag.Failed) === 0 ? {} : { failed: true as const }),
    },
    isListed: (flags & ServerFlag.Listed) !== 0,
    lastWeight: memory.get32(id, at.lastWeight),
    reach: readReach(memory.get64(id, at.nextHop)),
    way: readWay(memory.get64(id, at.source)),
    takesConnectionsAlong: (flags & ServerFlag.TakesConnectionsAlong) !== 0,
  };
}

function readReach(word: bigint): Reach {
  const number = Number(word >> 48n);
  if (number === ReachNumber.Neighbor) return { kind: 'neighbor', mac: macOfWord(word) };
  return { kind: number === ReachNumber.Local ? 'local' : 'unresolved' };
}

function readWay(word: bigint): Way | undefined {
  const device = Number(word >> 48n);
  return device === 0 ? undefined : { device, ownMac: macOfWord(word) };
}

function readServiceAddress(memory: Memory, id: number): ServiceAddress {
  const kind = memory.get8(id, at.serviceKind);
  const version = kind % SERVICE_KIND_MARK === 6 ? 6 : 4;
  const words = memory.words(id, at.serviceAddress);
  if (kind >= SERVICE_KIND_MARK) return { fwmark: words[0] >>> 0, family: version };
  return {
    protocol: protocolName(memory.get8(id, at.serviceProtocol)),
    address: renderIp({ version, words }),
    port: memory.get16(id, at.servicePort),
  };
}

export const protocolName = (number: number): keyof typeof PROTOCOL_NUMBERS =>
  (Object.keys(PROTOCOL_NUMBERS) as (keyof typeof PROTOCOL_NUMBERS)[]).find(
    (name) => PROTOCOL_NUMBERS[name] === number,
  ) ?? 'tcp';
