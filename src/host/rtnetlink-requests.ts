/** What the director asks of the kernel over rtnetlink(7), as bytes. Pure. */
import {
  AF_UNSPEC,
  align,
  FLAGS_OFFSET,
  familyOf,
  HEADER_BYTES,
  ipBytes,
  NDA_DST,
  NDA_FLAGS_EXT,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  NTF_EXT_MANAGED,
  NTF_USE,
  NUD_FAILED,
  NUD_PROBE,
  RTA_DST,
  RTA_OIF,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_NEWNEIGH,
  requireIp,
  SEQUENCE_OFFSET,
  TYPE_OFFSET,
  u32,
  writeU16,
  writeU32,
} from './rtnetlink-format.ts';

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
