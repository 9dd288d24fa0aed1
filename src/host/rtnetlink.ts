/**
 * rtnetlink(7) messages <-> plain values: links, addresses, neighbours, and the route to one destination.
 * Pure: bytes in, values out. Numbers in netlink are in the byte order of the machine; addresses are in network
 * order. Sources: linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h, neighbour.h.
 * Decoding never reads past what it was given: a message or attribute that lies about its length ends there.
 */
import { endianness } from 'node:os';
import { type IpAddress, parseIp, renderIp } from '../wire/address.ts';

const LITTLE_ENDIAN = endianness() === 'LE';

/** linux/rtnetlink.h, RTMGRP_*: bits for the groups whose changes a socket is told. */
export const RouteGroup = { Link: 0x1, Neighbor: 0x4, Ipv4Address: 0x10, Ipv6Address: 0x100 } as const;

// linux/netlink.h, struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port id.
const HEADER_BYTES = 16;
const TYPE_OFFSET = 4;
const FLAGS_OFFSET = 6;
const SEQUENCE_OFFSET = 8;
const PORT_ID_OFFSET = 12;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTM_NEWNEIGH = 28;
const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_DUMP = 0x300;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
/** On a NLMSG_ERROR: the request is not repeated whole; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

/** linux/netlink.h, enum nlmsgerr_attrs. */
const NLMSGERR_ATTR_MSG = 1;

// linux/if_link.h
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_OPERSTATE = 16;
// linux/if.h, enum net_device_flags
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const IFF_LOWER_UP = 0x10000;
/** linux/if.h, IF_OPER_*: RFC 2863's words. */
const OPER_STATES = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'] as const;

// linux/if_addr.h
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

// linux/neighbour.h
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_FLAGS_EXT = 15;
const NTF_USE = 0x01;
const NTF_EXT_LEARNED = 0x10;
const NTF_EXT_MANAGED = 0x01;
const NUD_PROBE = 0x10;
const NUD_FAILED = 0x20;
const NEIGHBOR_STATES = {
  0: 'NONE',
  1: 'INCOMPLETE',
  2: 'REACHABLE',
  4: 'STALE',
  8: 'DELAY',
  16: 'PROBE',
  32: 'FAILED',
  64: 'NOARP',
  128: 'PERMANENT',
} as const;

// linux/rtnetlink.h
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PREFSRC = 7;
const RTA_VIA = 18;
const ROUTE_TYPES = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
] as const;

/** linux/socket.h */
const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;

export type NeighborState = (typeof NEIGHBOR_STATES)[keyof typeof NEIGHBOR_STATES] | 'UNKNOWN';
export type RouteType = (typeof ROUTE_TYPES)[number];
export type OperState = (typeof OPER_STATES)[number];

/** What every message begins with. */
export interface Envelope {
  readonly sequence: number;
  /** Whose request caused it; 0 for what the kernel did by itself. */
  readonly portId: number;
  /** NLM_F_DUMP_INTR: the table changed during the dump, which may therefore lack entries. */
  readonly interrupted: boolean;
}

export interface LinkMessage extends Envelope {
  readonly type: 'link';
  readonly deleted: boolean;
  readonly index: number;
  readonly name: string;
  /** Set up by the administrator (IFF_UP). */
  readonly up: boolean;
  /** IFF_RUNNING and IFF_LOWER_UP: carrier, and not dormant. */
  readonly running: boolean;
  /** Null for links whose addresses are not 6 bytes long. */
  readonly mac: string | null;
  readonly mtu: number;
  readonly operState: OperState;
}

export interface AddressMessage extends Envelope {
  readonly type: 'address';
  readonly deleted: boolean;
  readonly interfaceIndex: number;
  /** The host's own address; on a point-to-point link, not the peer's. */
  readonly address: string;
  readonly prefixLength: number;
}

export interface NeighborMessage extends Envelope {
  readonly type: 'neighbor';
  readonly deleted: boolean;
  readonly interfaceIndex: number;
  readonly address: string;
  readonly mac: string | null;
  readonly state: NeighborState;
  /** Kept by someone else: a routing daemon (NTF_EXT_LEARNED) or the kernel's own refresh (NTF_EXT_MANAGED). */
  readonly managed: boolean;
}

export interface RouteMessage extends Envelope {
  readonly type: 'route';
  readonly deleted: boolean;
  /** Null: the default route. */
  readonly destination: string | null;
  readonly routeType: RouteType;
  readonly interfaceIndex: number | null;
  readonly gateway: string | null;
  readonly preferredSource: string | null;
}

/** Answer to a request: errno 0 acknowledges it. */
export interface ErrorMessage extends Envelope {
  readonly type: 'error';
  /** Positive, as in errno(3). */
  readonly errno: number;
  /** The kernel's sentence, where it has one. */
  readonly text: string | null;
}

/** End of a dump. */
export interface DoneMessage extends Envelope {
  readonly type: 'done';
  readonly errno: number;
}

export type RtnetlinkMessage =
  | LinkMessage
  | AddressMessage
  | NeighborMessage
  | RouteMessage
  | ErrorMessage
  | DoneMessage;

// Requests ------------------------------------------------------------------------------------------------

export function encodeGetLinks(sequence: number): Buffer {
  return encodeMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence, linkBody());
}

export function encodeGetAddresses(sequence: number): Buffer {
  const body = Buffer.alloc(8); // struct ifaddrmsg: u8 family, prefixlen, flags, scope; u32 index
  return encodeMessage(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence, body);
}

/** All neighbours of IPv4 and IPv6. */
export function encodeGetNeighbors(sequence: number): Buffer {
  return encodeMessage(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, sequence, neighborBody(AF_UNSPEC, 0, 0, 0));
}

/** The route the kernel takes to `destination`; `outInterface` is needed for link-local addresses only. */
export function encodeGetRoute(sequence: number, destination: string, outInterface?: number): Buffer {
  const address = requireIp(destination);
  // struct rtmsg: u8 family, dst_len, src_len, tos, table, protocol, scope, type; u32 flags
  const body = Buffer.alloc(12);
  body[0] = familyOf(address);
  body[1] = address.version === 4 ? 32 : 128;
  const attributes = [encodeAttribute(RTA_DST, ipBytes(address))];
  if (outInterface !== undefined) attributes.push(encodeAttribute(RTA_OIF, u32(outInterface)));
  return encodeMessage(RTM_GETROUTE, NLM_F_REQUEST, sequence, body, attributes);
}

/** What a neighbour request is about. `acknowledge`: the kernel answers with an error message, errno 0 or not. */
export interface NeighborRequest {
  readonly interfaceIndex: number;
  readonly address: string;
  readonly acknowledge?: boolean;
}

/**
 * Makes the entry if there is none, and has the kernel resolve or refresh it as if a packet were to be sent
 * (NTF_USE): none, incomplete and failed entries by broadcast or multicast, stale ones by a probe to the known
 * MAC. `managed` has the kernel go on refreshing it (NTF_EXT_MANAGED; Linux 5.16, ignored before).
 * Not for permanent entries: net/core/neighbour.c, __neigh_update() takes NUD_PERMANENT away from them.
 */
export function encodeUseNeighbor(sequence: number, request: NeighborRequest, managed = false): Buffer {
  const extra = managed ? [encodeAttribute(NDA_FLAGS_EXT, u32(NTF_EXT_MANAGED))] : [];
  return encodeNewNeighbor(sequence, request, NLM_F_CREATE, { state: 0, flags: NTF_USE }, extra);
}

/** Has the kernel ask the neighbour at the MAC it knows, now. The entry stays usable until the probes fail. */
export function encodeProbeNeighbor(sequence: number, request: NeighborRequest): Buffer {
  return encodeNewNeighbor(sequence, request, NLM_F_REPLACE, { state: NUD_PROBE, flags: 0 });
}

/** Forgets the MAC; encodeUseNeighbor() next has it asked for by broadcast or multicast. */
export function encodeFailNeighbor(sequence: number, request: NeighborRequest): Buffer {
  return encodeNewNeighbor(sequence, request, NLM_F_REPLACE, { state: NUD_FAILED, flags: 0 });
}

function encodeNewNeighbor(
  sequence: number,
  request: NeighborRequest,
  flags: number,
  entry: { state: number; flags: number },
  extra: readonly Buffer[] = [],
): Buffer {
  const address = requireIp(request.address);
  const body = neighborBody(familyOf(address), request.interfaceIndex, entry.state, entry.flags);
  const messageFlags = NLM_F_REQUEST | flags | (request.acknowledge === true ? NLM_F_ACK : 0);
  const destination = encodeAttribute(NDA_DST, ipBytes(address));
  return encodeMessage(RTM_NEWNEIGH, messageFlags, sequence, body, [destination, ...extra]);
}

/** struct ifinfomsg: u8 family, pad; u16 type; i32 index; u32 flags, change. */
function linkBody(): Buffer {
  return Buffer.alloc(16);
}

/** struct ndmsg: u8 family, 3 bytes of padding; i32 ifindex; u16 state; u8 flags, type. */
function neighborBody(family: number, interfaceIndex: number, state: number, flags: number): Buffer {
  const body = Buffer.alloc(12);
  body[0] = family;
  writeU32(body, interfaceIndex, 4);
  writeU16(body, state, 8);
  body[10] = flags;
  return body;
}

function encodeMessage(
  type: number,
  flags: number,
  sequence: number,
  body: Buffer,
  attributes: readonly Buffer[] = [],
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const message = Buffer.concat([header, body, ...attributes]);
  writeU32(message, message.length, 0);
  writeU16(message, type, TYPE_OFFSET);
  writeU16(message, flags, FLAGS_OFFSET);
  writeU32(message, sequence, SEQUENCE_OFFSET);
  return message;
}

/** struct rtattr: u16 length, u16 type, then the value; the next begins at a multiple of 4. */
function encodeAttribute(type: number, value: Buffer): Buffer {
  const attribute = Buffer.alloc(align(4 + value.length));
  writeU16(attribute, 4 + value.length, 0);
  writeU16(attribute, type, 2);
  value.copy(attribute, 4);
  return attribute;
}

// Answers and events --------------------------------------------------------------------------------------

/**
 * Every message of a datagram that this file knows. Others are skipped; after a message whose length cannot be
 * right the rest of the datagram is not read.
 */
export function decodeDatagram(datagram: Buffer): RtnetlinkMessage[] {
  const messages: RtnetlinkMessage[] = [];
  let offset = 0;
  while (offset + HEADER_BYTES <= datagram.length) {
    const length = readU32(datagram, offset);
    if (length < HEADER_BYTES || offset + length > datagram.length) break;
    const message = decodeMessage(datagram.subarray(offset, offset + length));
    if (message !== undefined) messages.push(message);
    offset += align(length);
  }
  return messages;
}

function decodeMessage(message: Buffer): RtnetlinkMessage | undefined {
  const type = readU16(message, TYPE_OFFSET);
  const flags = readU16(message, FLAGS_OFFSET);
  const envelope: Envelope = {
    sequence: readU32(message, SEQUENCE_OFFSET),
    portId: readU32(message, PORT_ID_OFFSET),
    interrupted: (flags & NLM_F_DUMP_INTR) !== 0,
  };
  const body = message.subarray(HEADER_BYTES);
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return decodeLink(envelope, type === RTM_DELLINK, body);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return decodeAddress(envelope, type === RTM_DELADDR, body);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return decodeNeighbor(envelope, type === RTM_DELNEIGH, body);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return decodeRoute(envelope, type === RTM_DELROUTE, body);
    case NLMSG_ERROR:
      return decodeError(envelope, flags, body);
    case NLMSG_DONE:
      return { type: 'done', ...envelope, errno: body.length < 4 ? 0 : 0 - readI32(body, 0) };
    default:
      return undefined;
  }
}

function decodeLink(envelope: Envelope, deleted: boolean, body: Buffer): LinkMessage | undefined {
  if (body.length < 16) return undefined;
  // AF_BRIDGE reports ports of a bridge in the same message type: not the link itself.
  if (body[0] !== AF_UNSPEC) return undefined;
  const attributes = decodeAttributes(body.subarray(16));
  const name = attributes.get(IFLA_IFNAME);
  const mtu = attributes.get(IFLA_MTU);
  if (name === undefined || mtu === undefined || mtu.length < 4) return undefined;
  const flags = readU32(body, 8);
  return {
    type: 'link',
    ...envelope,
    deleted,
    index: readU32(body, 4),
    name: zeroTerminated(name),
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_RUNNING) !== 0 && (flags & IFF_LOWER_UP) !== 0,
    mac: decodeMac(attributes.get(IFLA_ADDRESS)),
    mtu: readU32(mtu, 0),
    operState: OPER_STATES[attributes.get(IFLA_OPERSTATE)?.[0] ?? 0] ?? 'unknown',
  };
}

function decodeAddress(envelope: Envelope, deleted: boolean, body: Buffer): AddressMessage | undefined {
  if (body.length < 8) return undefined;
  const attributes = decodeAttributes(body.subarray(8));
  const address = decodeIp(body[0]!, attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS));
  if (address === null) return undefined;
  return {
    type: 'address',
    ...envelope,
    deleted,
    interfaceIndex: readU32(body, 4),
    address,
    prefixLength: body[1]!,
  };
}

function decodeNeighbor(envelope: Envelope, deleted: boolean, body: Buffer): NeighborMessage | undefined {
  if (body.length < 12) return undefined;
  const attributes = decodeAttributes(body.subarray(12));
  const address = decodeIp(body[0]!, attributes.get(NDA_DST));
  if (address === null) return undefined; // a bridge's forwarding table (AF_BRIDGE) comes this way, too
  const extended = attributes.get(NDA_FLAGS_EXT);
  const managedByKernel =
    extended !== undefined && extended.length >= 4 && (readU32(extended, 0) & NTF_EXT_MANAGED) !== 0;
  return {
    type: 'neighbor',
    ...envelope,
    deleted,
    interfaceIndex: readU32(body, 4),
    address,
    mac: decodeMac(attributes.get(NDA_LLADDR)),
    state: decodeNeighborState(readU16(body, 8)),
    managed: managedByKernel || (body[10]! & NTF_EXT_LEARNED) !== 0,
  };
}

function decodeRoute(envelope: Envelope, deleted: boolean, body: Buffer): RouteMessage | undefined {
  if (body.length < 12) return undefined;
  const family = body[0]!;
  const attributes = decodeAttributes(body.subarray(12));
  const outInterface = attributes.get(RTA_OIF);
  return {
    type: 'route',
    ...envelope,
    deleted,
    destination: decodeIp(family, attributes.get(RTA_DST)),
    routeType: ROUTE_TYPES[body[7]!] ?? 'unspec',
    interfaceIndex: outInterface === undefined || outInterface.length < 4 ? null : readU32(outInterface, 0),
    gateway: decodeIp(family, attributes.get(RTA_GATEWAY)) ?? decodeVia(attributes.get(RTA_VIA)),
    preferredSource: decodeIp(family, attributes.get(RTA_PREFSRC)),
  };
}

/** struct nlmsgerr: i32 error, then the request's header or the whole request, then attributes. */
function decodeError(envelope: Envelope, flags: number, body: Buffer): ErrorMessage | undefined {
  if (body.length < 4) return undefined;
  return { type: 'error', ...envelope, errno: 0 - readI32(body, 0), text: decodeErrorText(flags, body) };
}

function decodeErrorText(flags: number, body: Buffer): string | null {
  if ((flags & NLM_F_ACK_TLVS) === 0 || body.length < 4 + HEADER_BYTES) return null;
  const requestBytes = (flags & NLM_F_CAPPED) !== 0 ? HEADER_BYTES : align(readU32(body, 4));
  const text = decodeAttributes(body.subarray(4 + requestBytes)).get(NLMSGERR_ATTR_MSG);
  return text === undefined ? null : zeroTerminated(text);
}

/** The last of each type; a nested or byte-order flag in the type is left out (linux/netlink.h, NLA_TYPE_MASK). */
function decodeAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  let offset = 0;
  while (offset + 4 <= bytes.length) {
    const length = readU16(bytes, offset);
    if (length < 4 || offset + length > bytes.length) break;
    attributes.set(readU16(bytes, offset + 2) & 0x3fff, bytes.subarray(offset + 4, offset + length));
    offset += align(length);
  }
  return attributes;
}

/** struct rtvia: u16 family, then an address of that family: the gateway of an IPv4 route may be IPv6. */
function decodeVia(value: Buffer | undefined): string | null {
  if (value === undefined || value.length < 2) return null;
  return decodeIp(readU16(value, 0), value.subarray(2));
}

function decodeNeighborState(state: number): NeighborState {
  return NEIGHBOR_STATES[state as keyof typeof NEIGHBOR_STATES] ?? 'UNKNOWN';
}

function decodeMac(value: Buffer | undefined): string | null {
  if (value === undefined || value.length !== 6) return null;
  return value.toString('hex').replace(/..(?=.)/g, '$&:');
}

function decodeIp(family: number, value: Buffer | undefined): string | null {
  if (value === undefined) return null;
  if (family === AF_INET && value.length === 4) {
    return renderIp({ version: 4, words: [value.readInt32BE(0), 0, 0, 0] });
  }
  if (family === AF_INET6 && value.length === 16) {
    const word = (index: number) => value.readInt32BE(4 * index);
    return renderIp({ version: 6, words: [word(0), word(1), word(2), word(3)] });
  }
  return null;
}

function zeroTerminated(value: Buffer): string {
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}

// Bytes ---------------------------------------------------------------------------------------------------

function requireIp(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new TypeError(`not an IP address: ${text}`);
  return address;
}

const familyOf = (address: IpAddress): number => (address.version === 4 ? AF_INET : AF_INET6);

function ipBytes(address: IpAddress): Buffer {
  const words = address.version === 4 ? address.words.slice(0, 1) : address.words;
  const bytes = Buffer.alloc(4 * words.length);
  for (const [index, word] of words.entries()) bytes.writeInt32BE(word, 4 * index);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  writeU32(bytes, value, 0);
  return bytes;
}

/** NLMSG_ALIGN, RTA_ALIGN. */
const align = (length: number): number => (length + 3) & ~3;

const readU16 = (bytes: Buffer, offset: number): number =>
  LITTLE_ENDIAN ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset);
const readU32 = (bytes: Buffer, offset: number): number =>
  LITTLE_ENDIAN ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
const readI32 = (bytes: Buffer, offset: number): number =>
  LITTLE_ENDIAN ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset);
const writeU16 = (bytes: Buffer, value: number, offset: number): number =>
  LITTLE_ENDIAN ? bytes.writeUInt16LE(value, offset) : bytes.writeUInt16BE(value, offset);
const writeU32 = (bytes: Buffer, value: number, offset: number): number =>
  LITTLE_ENDIAN ? bytes.writeUInt32LE(value, offset) : bytes.writeUInt32BE(value, offset);
