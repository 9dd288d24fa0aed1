/**
 * The kernel's side of wire/slice.ts: of the frames that the filter wants, those whose client is this worker's. The
 * client is who sent the frame; of one that this host sends, who is to get it; of an ICMP error, who is to get the
 * packet that it is about. ARP, and ICMP that is no error, are the first worker's. An ICMPv6 error behind extension
 * headers goes by its sender: classic BPF has no loops to find it.
 */
import { ICMP_HEADER_BYTES, IcmpType } from '../wire/icmp.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { IPV6_HEADER_BYTES } from '../wire/ipv6.ts';
import { FOLD_FACTOR, SECOND_FACTOR, type Slice } from '../wire/slice.ts';
import {
  addX,
  advanceX,
  goto,
  keep,
  type Line,
  label,
  load,
  modulo,
  multiply,
  recallX,
  returnBytes,
  setXToA,
  shiftLeft,
  shiftRight,
  unless,
  unlessOneOf,
  xorX,
} from './classic-bpf.ts';

/** Where the filter sends a frame that it wants. X has the offset of the network header. */
export const WANTED = {
  received: { 4: 'client of received 4', 6: 'client of received 6' },
  sent: { 4: 'client of sent 4', 6: 'client of sent 6' },
  withoutClient: 'without client',
} as const;
export const REFUSED = 'refuse';

const ACCEPT = returnBytes(0xffff_ffff);
const REFUSE = returnBytes(0);

/** Offsets in the network header. */
const IHL = 0;
const FRAGMENT_OFFSET = 6;
const FRAGMENT_OFFSET_MASK = 0x1fff;
const PROTOCOL = 9;
const NEXT_HEADER = 6;
const SOURCE = { 4: 12, 6: 8 } as const;
const DESTINATION = { 4: 16, 6: 24 } as const;

const ICMP_ERRORS = [IcmpType.Unreachable, IcmpType.SourceQuench, IcmpType.TimeExceeded];
/** Of an ICMPv6 type: RFC 4443 §2.1. */
const INFORMATIONAL_BIT = 0x80;

/** The end of a filter: what becomes of the frames that WANTED and REFUSED name. */
export const verdictLines = (slice: Slice): Line[] => [
  ...(slice.count === 1 ? acceptAll : [...clientOf4, ...clientOf6, ...acceptIfOwn(slice)]),
  label(REFUSED),
  REFUSE,
];

const acceptAll: readonly Line[] = [
  ...[WANTED.received[4], WANTED.received[6], WANTED.sent[4], WANTED.sent[6], WANTED.withoutClient].map(
    label,
  ),
  ACCEPT,
];

const client4At = (offset: number): Line[] => [load('word', offset, 'X'), goto('mix')];

const clientOf4: readonly Line[] = [
  label(WANTED.received[4]),
  load('byte', PROTOCOL, 'X'),
  ...unless(IpProtocol.Icmp, 'sender 4'),
  load('half', FRAGMENT_OFFSET, 'X', FRAGMENT_OFFSET_MASK),
  ...unless(0, 'sender 4'),
  load('byte', IHL, 'X', 0x0f),
  shiftLeft(2),
  addX,
  setXToA,
  load('byte', 0, 'X'),
  ...unlessOneOf(ICMP_ERRORS, WANTED.withoutClient),
  ...client4At(ICMP_HEADER_BYTES + DESTINATION[4]),
  label('sender 4'),
  ...client4At(SOURCE[4]),
  label(WANTED.sent[4]),
  ...client4At(DESTINATION[4]),
];

const client6At = (offset: number): Line[] => [advanceX(offset), goto('fold')];

/** Ends with the four words folded into A. */
const clientOf6: readonly Line[] = [
  label(WANTED.received[6]),
  load('byte', NEXT_HEADER, 'X'),
  ...unless(IpProtocol.Icmpv6, 'sender 6'),
  load('byte', IPV6_HEADER_BYTES, 'X', INFORMATIONAL_BIT),
  ...unless(0, WANTED.withoutClient),
  ...client6At(IPV6_HEADER_BYTES + ICMP_HEADER_BYTES + DESTINATION[6]),
  label('sender 6'),
  ...client6At(SOURCE[6]),
  label(WANTED.sent[6]),
  ...client6At(DESTINATION[6]),
  label('fold'),
  ...[1, 2, 3].flatMap((word) => [load('word', 4 * word, 'X'), keep(word)]),
  load('word', 0, 'X'),
  ...[1, 2, 3].flatMap((word) => [multiply(FOLD_FACTOR), recallX(word), addX]),
];

const xorWithShifted = (bits: number): Line[] => [setXToA, shiftRight(bits), xorX];

/** A has what stands for the client. */
const acceptIfOwn = ({ index, count }: Slice): Line[] => [
  label('mix'),
  ...xorWithShifted(16),
  multiply(FOLD_FACTOR),
  ...xorWithShifted(13),
  multiply(SECOND_FACTOR),
  ...xorWithShifted(16),
  modulo(count),
  ...unless(index, REFUSED),
  ACCEPT,
  label(WANTED.withoutClient),
  index === 0 ? ACCEPT : REFUSE,
];
