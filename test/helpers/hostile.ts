/** A director for frames of every kind, and what it may do with whatever comes. */
import type { Edit } from '../../src/service/model.ts';
import { addServer, addService } from './edits.ts';
import { DIRECTOR_MAC, macBytes, toHex } from './frame-builder.ts';
import { frameProblem } from './frame-checker.ts';
import { VIP, VIP6 } from './sample-frames.ts';
import { MAC_OF } from './test-director.ts';

export const WEB = `tcp ${VIP}:80`;
const DNS = `udp ${VIP}:53`;

export const HOSTILE_EDITS: readonly Edit[] = [
  addService(WEB, { scheduler: 'wlc' }),
  addServer(WEB, '10.0.0.11:80', { upperThreshold: 20 }),
  addServer(WEB, '10.0.0.12:80', { weight: 3 }),
  addServer(WEB, '127.0.0.1:80'),
  addService(DNS, { onePacket: true }),
  addServer(DNS, '10.0.0.13:53'),
  addService(`tcp [${VIP6}]:80`, { persistentSec: 60, netmask: 64 }),
  addServer(`tcp [${VIP6}]:80`, '[fd00:10::b]:80'),
  addServer(`tcp [${VIP6}]:80`, '[fd00:10::c]:80'),
  addService(`udp [${VIP6}]:53`),
  addService(`sctp ${VIP}:36412`),
  addServer(`sctp ${VIP}:36412`, '10.0.0.14:36412'),
];
export const HOSTILE_SETTINGS = {
  schedule_icmp: 1,
  sloppy_sctp: 1,
  expire_nodest_conn: 1,
  conn_reuse_mode: 3,
};

interface Handled {
  readonly verdict: string;
  readonly sent: readonly Uint8Array[];
  readonly delivered: readonly unknown[];
}

const OWN_MAC = toHex(macBytes(DIRECTOR_MAC));
const SERVER_MACS = new Set(Object.values(MAC_OF).map((mac) => toHex(macBytes(mac))));

/** Undefined: nothing is wrong with what the path did. */
export function problemOf({ verdict, sent, delivered }: Handled, frame: Uint8Array): string | undefined {
  const isForward = /^Forward/.test(verdict);
  const isReply = /^Reply/.test(verdict);
  if (!isForward && !isReply && sent.length > 0 && verdict !== 'DropTransmit')
    return `${verdict}, but frames were sent`;
  if ((isForward || isReply) && sent.length === 0) return `${verdict}, but nothing was sent`;
  if (/^Deliver/.test(verdict) !== delivered.length > 0)
    return `${verdict}, ${delivered.length} frames delivered`;
  for (const each of sent) {
    const problem = frameProblem(each);
    if (problem !== undefined) return `${verdict}: ${problem}: ${toHex(each)}`;
    if (toHex(each.subarray(6, 12)) !== OWN_MAC) return 'sent from another MAC than ours';
  }
  const first = sent[0];
  if (isReply && toHex(first!.subarray(0, 6)) !== toHex(frame.subarray(6, 12)))
    return 'an answer to somebody else';
  if (isForward && !SERVER_MACS.has(toHex(first!.subarray(0, 6)))) return 'forwarded to no server';
  return isForward ? forwardingProblem(frame, first!) : undefined;
}

/** Nothing but MACs, TTL, IPv4 checksum and IPv4 options differs from what came in. */
function forwardingProblem(frame: Uint8Array, sent: Uint8Array): string | undefined {
  if (sent.length > frame.length) return 'longer than what came';
  const typeAt = (at: number) => (frame[at]! << 8) | frame[at + 1]!;
  let ipOffset = 14;
  while ([0x8100, 0x88a8].includes(typeAt(ipOffset - 2))) ipOffset += 4;
  const mayChange = frame[ipOffset]! >> 4 === 4 ? [8, 10, 11] : [7];
  const isOption = (at: number) =>
    frame[ipOffset]! >> 4 === 4 && at >= ipOffset + 20 && at < ipOffset + (frame[ipOffset]! & 15) * 4;
  const changed = [...sent.keys()].filter(
    (at) => at >= 12 && sent[at] !== frame[at] && !mayChange.includes(at - ipOffset) && !isOption(at),
  );
  return changed.length === 0 ? undefined : `bytes ${changed.join(', ')} changed`;
}
