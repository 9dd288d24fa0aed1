/** What the program tells the daemon: records of the map `events`, struct event of native/bpf/layout.h. */
import type { MacAddress } from '../wire/address.ts';
import { DATAGRAM_KEY, EVENT, EventKind, WAITING_EVENT } from './layout.ts';
import { macOfWord } from './server-record.ts';
import type { WaitingFrame } from './waiting.ts';

export type ProgramEvent =
  | { readonly kind: 'waiting-fragment'; readonly frame: WaitingFrame }
  | { readonly kind: 'first-fragment'; readonly datagram: string }
  /** Who says so in ARP, and of which IPv4 address, as a signed word. */
  | { readonly kind: 'arp-conflict'; readonly mac: MacAddress; readonly address: number };

/** Undefined: a kind that is not known. */
export function decodeEvent(record: Buffer): ProgramEvent | undefined {
  const kind = record.readUInt32LE(EVENT.at.kind);
  const key = record.subarray(EVENT.at.datagram, EVENT.at.datagram + DATAGRAM_KEY.bytes);
  const datagram = key.toString('hex');
  if (kind === EventKind.FirstFragment) return { kind: 'first-fragment', datagram };
  if (kind === EventKind.ArpConflict) {
    const mac = macOfWord(record.readBigUInt64LE(EVENT.at.mac));
    return { kind: 'arp-conflict', mac, address: record.readInt32LE(EVENT.at.address) };
  }
  if (kind !== EventKind.WaitingFragment) return undefined;
  const start = WAITING_EVENT.at.frame;
  const frame = record.subarray(start, start + record.readUInt32LE(WAITING_EVENT.at.length));
  const ifindex = record.readUInt32LE(WAITING_EVENT.at.ifindex);
  return { kind: 'waiting-fragment', frame: { frame, ifindex, datagram } };
}
