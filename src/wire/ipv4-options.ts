/** Options of an IPv4 header, as Linux takes them: net/ipv4/ip_options.c, __ip_options_compile(). RFC 791 §3.1. */
import { IPV4_MIN_HEADER_BYTES } from './ipv4.ts';

const IpOption = {
  End: 0,
  NoOperation: 1,
  RecordRoute: 7,
  Timestamp: 68,
  LooseSourceRoute: 131,
  /** CIPSO, which a host without labels refuses. */
  SecurityLabel: 134,
  StrictSourceRoute: 137,
  RouterAlert: 148,
} as const;

/** What a timestamp option holds, in the low half of its fourth byte. */
const TimestampKind = { TimeOnly: 0, AddressAndTime: 1, Prespecified: 3 } as const;
const ADDRESS_BYTES = 4;
const TIME_BYTES = 4;
const MAX_OVERFLOWS = 15;
const DAY_MS = 86_400_000;

/** Whether Linux delivers a packet with these options: well-formed, none twice, and without source routes. */
export function ipv4OptionsAreAcceptable(frame: DataView, offset: number, headerBytes: number): boolean {
  const end = offset + headerBytes;
  let hasRoute = false;
  let hasTimestamp = false;
  for (let at = offset + IPV4_MIN_HEADER_BYTES; at < end; ) {
    const type = frame.getUint8(at);
    if (type === IpOption.End) return true;
    if (type === IpOption.NoOperation) {
      at++;
      continue;
    }
    const lengthBytes = at + 1 < end ? frame.getUint8(at + 1) : 0;
    if (lengthBytes < 2 || at + lengthBytes > end) return false;
    if (type === IpOption.LooseSourceRoute || type === IpOption.StrictSourceRoute) return false;
    if (type === IpOption.SecurityLabel || (type === IpOption.RouterAlert && lengthBytes < 4)) return false;
    if (type === IpOption.RecordRoute) {
      if (hasRoute || !recordRouteIsValid(frame, at, lengthBytes)) return false;
      hasRoute = true;
    }
    if (type === IpOption.Timestamp) {
      if (hasTimestamp || !timestampIsValid(frame, at, lengthBytes)) return false;
      hasTimestamp = true;
    }
    at += lengthBytes;
  }
  return true;
}

function recordRouteIsValid(frame: DataView, at: number, lengthBytes: number): boolean {
  if (lengthBytes < 3) return false;
  const pointer = frame.getUint8(at + 2);
  return pointer >= 4 && (pointer > lengthBytes || pointer + ADDRESS_BYTES - 1 <= lengthBytes);
}

function timestampIsValid(frame: DataView, at: number, lengthBytes: number): boolean {
  if (lengthBytes < 4) return false;
  const pointer = frame.getUint8(at + 2);
  const kind = frame.getUint8(at + 3) & 0xf;
  if (pointer < 5) return false;
  if (pointer > lengthBytes)
    return kind === TimestampKind.Prespecified || frame.getUint8(at + 3) >>> 4 < MAX_OVERFLOWS;
  const hasAddress = kind === TimestampKind.AddressAndTime || kind === TimestampKind.Prespecified;
  return pointer + (hasAddress ? ADDRESS_BYTES : 0) + TIME_BYTES - 1 <= lengthBytes;
}

/**
 * Writes into acceptable options what this host has to: its address (`own`, the one that the packet is for) and its
 * time into a recorded route and timestamps, and zeroes behind the end. The header's checksum is the caller's.
 */
export function fillIpv4Options(
  frame: DataView,
  offset: number,
  headerBytes: number,
  own: number,
  nowMs: number,
): void {
  const end = offset + headerBytes;
  for (let at = offset + IPV4_MIN_HEADER_BYTES; at < end; ) {
    const type = frame.getUint8(at);
    if (type === IpOption.End) {
      for (; at < end; at++) frame.setUint8(at, 0);
      return;
    }
    if (type === IpOption.NoOperation) {
      at++;
      continue;
    }
    const lengthBytes = frame.getUint8(at + 1);
    if (type === IpOption.RecordRoute) recordRoute(frame, at, lengthBytes, own);
    else if (type === IpOption.Timestamp) recordTime(frame, at, lengthBytes, own, nowMs);
    at += lengthBytes;
  }
}

function recordRoute(frame: DataView, at: number, lengthBytes: number, own: number): void {
  const pointer = frame.getUint8(at + 2);
  if (pointer > lengthBytes) return;
  frame.setInt32(at + pointer - 1, own);
  frame.setUint8(at + 2, pointer + ADDRESS_BYTES);
}

function recordTime(frame: DataView, at: number, lengthBytes: number, own: number, nowMs: number): void {
  const pointer = frame.getUint8(at + 2);
  const kind = frame.getUint8(at + 3) & 0xf;
  if (pointer > lengthBytes) {
    if (kind !== TimestampKind.Prespecified) frame.setUint8(at + 3, frame.getUint8(at + 3) + 0x10);
    return;
  }
  const place = at + pointer - 1;
  if (kind === TimestampKind.TimeOnly) {
    frame.setInt32(place, nowMs % DAY_MS);
    frame.setUint8(at + 2, pointer + TIME_BYTES);
  } else if (kind === TimestampKind.AddressAndTime || kind === TimestampKind.Prespecified) {
    // A prespecified address is left as it is; where it is another host's, Linux fills in nothing.
    if (kind === TimestampKind.AddressAndTime) frame.setInt32(place, own);
    else if (isAnothers(frame.getInt32(place), own)) return;
    frame.setInt32(place + ADDRESS_BYTES, nowMs % DAY_MS);
    frame.setUint8(at + 2, pointer + ADDRESS_BYTES + TIME_BYTES);
  }
}

const isAnothers = (address: number, own: number): boolean => address !== own && address !== 0;
