/**
 * The route netlink protocol, rtnetlink(7): numbers of linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h and
 * neighbour.h, the messages as the director sees them, and bytes in the order of this machine.
 */
import { endianness } from 'node:os';
import { type IpAddress, parseIp } from '../wire/address.ts';

export const LITTLE_ENDIAN = endianness() === 'LE';

/** linux/rtnetlink.h, RTMGRP_*: bits for the groups whose changes a socket is told. */
export const RouteGroup = { Link: 0x1, Neighbor: 0x4, Ipv4Address: 0x10, Ipv6Address: 0x100 } as const;

// linux/netlink.h, struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port id.
export const HEADER_BYTES = 16;
export const TYPE_OFFSET = 4;
export const FLAGS_OFFSET = 6;
export const SEQUENCE_OFFSET = 8;
export const PORT_ID_OFFSET = 12;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_CREATE = 0x400;
/** On a NLMSG_ERROR: the request is not repeated whole; attributes follow. */
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;

/** linux/netlink.h, enum nlmsgerr_attrs. */
export const NLMSGERR_ATTR_MSG = 1;

// linux/if_link.h
export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_OPERSTATE = 16;
// linux/if.h, enum net_device_flags
export const IFF_UP = 0x1;
export const IFF_RUNNING = 0x40;
export const IFF_LOWER_UP = 0x10000;
/** linux/if.h, IF_OPER_*: RFC 2863's words. */
export const OPER_STATES = [
  'unknown',
  'notpresent',
  'down',
  'lowerlayerdown',
  'testing',
  'dormant',
  'up',
] as const;

// linux/if_addr.h
export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;

// linux/neighbour.h
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_CACHEINFO = 3;
export const NDA_FLAGS_EXT = 15;
/** Of a clock_t: USER_HZ is 100. */
export const CLOCK_TICK_MS = 10;
export const NTF_USE = 0x01;
export const NTF_EXT_LEARNED = 0x10;
export const NTF_EXT_MANAGED = 0x01;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NEIGHBOR_STATES = {
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
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PREFSRC = 7;
export const RTA_VIA = 18;
export const ROUTE_TYPES = [
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
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;

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
  /** How long before this message the neighbour last showed that it has the MAC; null: the kernel did not say. */
  readonly confirmedAgoMs: number | null;
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

export function requireIp(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new TypeError(`not an IP address: ${text}`);
  return address;
}

export const familyOf = (address: IpAddress): number => (address.version === 4 ? AF_INET : AF_INET6);

export function ipBytes(address: IpAddress): Buffer {
  const words = address.version === 4 ? address.words.slice(0, 1) : address.words;
  const bytes = Buffer.alloc(4 * words.length);
  for (const [index, word] of words.entries()) bytes.writeInt32BE(word, 4 * index);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  writeU32(bytes, value, 0);
  return bytes;
}

/** NLMSG_ALIGN, RTA_ALIGN. */
export const align = (length: number): number => (length + 3) & ~3;

export const readU16 = (bytes: Buffer, offset: number): number =>
  LITTLE_ENDIAN ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset);
export const readU32 = (bytes: Buffer, offset: number): number =>
  LITTLE_ENDIAN ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
export const readI32 = (bytes: Buffer, offset: number): number =>
  LITTLE_ENDIAN ? bytes.readInt32LE(offset) : bytes.readInt32BE(offset);
export const writeU16 = (bytes: Buffer, value: number, offset: number): number =>
  LITTLE_ENDIAN ? bytes.writeUInt16LE(value, offset) : bytes.writeUInt16BE(value, offset);
export const writeU32 = (bytes: Buffer, value: number, offset: number): number =>
  LITTLE_ENDIAN ? bytes.writeUInt32LE(value, offset) : bytes.writeUInt32BE(value, offset);
