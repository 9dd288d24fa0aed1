/** What the kernel answers and reports over rtnetlink(7): bytes become messages. Pure; a malformed datagram never throws. */
import { renderIp } from '../wire/address.ts';
import {
  type AddressMessage,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  align,
  CLOCK_TICK_MS,
  type Envelope,
  type ErrorMessage,
  FLAGS_OFFSET,
  HEADER_BYTES,
  IFA_ADDRESS,
  IFA_LOCAL,
  IFF_LOWER_UP,
  IFF_RUNNING,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_MTU,
  IFLA_OPERSTATE,
  type LinkMessage,
  NDA_CACHEINFO,
  NDA_DST,
  NDA_FLAGS_EXT,
  NDA_LLADDR,
  NEIGHBOR_STATES,
  type NeighborMessage,
  type NeighborState,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  NTF_EXT_LEARNED,
  NTF_EXT_MANAGED,
  OPER_STATES,
  PORT_ID_OFFSET,
  ROUTE_TYPES,
  type RouteMessage,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_VIA,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  type RtnetlinkMessage,
  readI32,
  readU16,
  readU32,
  SEQUENCE_OFFSET,
  TYPE_OFFSET,
} from './rtnetlink-format.ts';

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
    confirmedAgoMs: decodeConfirmed(attributes.get(NDA_CACHEINFO)),
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

/** struct nda_cacheinfo: u32 confirmed, used, updated, refcnt; the first three are ages in clock ticks. */
function decodeConfirmed(value: Buffer | undefined): number | null {
  return value === undefined || value.length < 16 ? null : readU32(value, 0) * CLOCK_TICK_MS;
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
