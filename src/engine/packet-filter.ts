/**
 * Which frames the kernel hands to the ring: a program of classic BPF (linux/filter.h; Documentation/networking/
 * filter.rst) that lets pass what the path wants to see, and nothing that would wake us for naught. It is
 * captureFilter() of the pcap engine again: frames to us for a virtual address, ARP that claims one, and, if wanted,
 * what this host answers from one. The kernel has taken the first VLAN tag out before it asks; a second one is in the frame.
 * Of several workers each lets pass what is its own: slice-filter.ts.
 */
import { type MacAddress, parseIp } from '../wire/address.ts';
import { ETHERNET_HEADER_BYTES, EtherType, VLAN_TAG_BYTES } from '../wire/ethernet.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Slice } from '../wire/slice.ts';
import { assemble, goto, type Line, label, load, setX, unless, unlessOneOf } from './classic-bpf.ts';
import type { Wanted } from './engine.ts';
import { REFUSED, verdictLines, WANTED } from './slice-filter.ts';

/** Beyond this many virtual addresses every frame to us, and every ARP, passes. */
const MAX_FILTERED_ADDRESSES = 64;

/** Offsets in the frame. */
const SOURCE_MAC = 6;
const ETHER_TYPE = 12;
const ARP_SENDER_IP = ETHERNET_HEADER_BYTES + 14;

/** An address, or a network of them: those of its words that count, and how. */
interface Prefix {
  readonly version: 4 | 6;
  readonly words: readonly { readonly value: number; readonly mask: number }[];
}

/** Offsets in the network header. */
const IN_HEADER = {
  4: { protocol: 9, source: 12, destination: 16 },
  6: { protocol: 6, source: 8, destination: 24 },
} as const;

const TRANSPORTS = [IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.Sctp];

/** As struct sock_filter has it, in this host's byte order. */
export const packetFilter = (wanted: Wanted, slice: Slice): Uint8Array =>
  assemble([...linesOf(wanted), ...verdictLines(slice)]);

function linesOf({ ownMac, addresses, ownReplies }: Wanted): readonly Line[] {
  if (addresses.length === 0) return [goto(REFUSED)];
  const prefixes = addresses.length <= MAX_FILTERED_ADDRESSES ? addresses.map(prefixOf) : undefined;
  return [
    ...unlessMac(SOURCE_MAC, ownMac, 'received'),
    ...(ownReplies ? linesOfReplies(prefixes) : [goto(REFUSED)]),

    label('received'),
    load('half', ETHER_TYPE),
    ...unless(EtherType.Arp, 'ip'),
    ...oneOf(prefixes, 4, ARP_SENDER_IP, WANTED.withoutClient, 'frame'),
    goto(REFUSED),

    label('ip'),
    ...unlessMac(0, ownMac, REFUSED),
    setX(ETHERNET_HEADER_BYTES),
    load('half', ETHER_TYPE),
    ...unlessOneOf([EtherType.Vlan, EtherType.ServiceVlan], 'untagged'),
    setX(ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES),
    load('half', ETHER_TYPE + VLAN_TAG_BYTES),
    label('untagged'),
    ...byVersion('to us', (version) =>
      oneOf(prefixes, version, IN_HEADER[version].destination, WANTED.received[version]),
    ),
  ];
}

const linesOfReplies = (prefixes: readonly Prefix[] | undefined): Line[] => [
  setX(ETHERNET_HEADER_BYTES),
  load('half', ETHER_TYPE),
  ...byVersion('sent', (version) => [
    load('byte', IN_HEADER[version].protocol, 'X'),
    ...unlessOneOf(TRANSPORTS, REFUSED),
    ...oneOf(prefixes, version, IN_HEADER[version].source, WANTED.sent[version]),
  ]),
];

/** A has the type of the frame, X the offset of the network header. */
const byVersion = (name: string, linesFor: (version: 4 | 6) => readonly Line[]): Line[] => [
  ...unless(EtherType.Ipv4, `${name} 6`),
  ...linesFor(4),
  goto(REFUSED),
  label(`${name} 6`),
  ...unless(EtherType.Ipv6, REFUSED),
  ...linesFor(6),
  goto(REFUSED),
];

const unlessMac = (offset: number, { high, low }: MacAddress, elsewhere: string): Line[] => [
  load('word', offset + 2),
  ...unless(low, elsewhere),
  load('half', offset),
  ...unless(high, elsewhere),
];

/** What has one of them at `offset` goes there; goes on with what has not. Undefined: everything goes there. */
function oneOf(
  prefixes: readonly Prefix[] | undefined,
  version: 4 | 6,
  offset: number,
  there: string,
  from: 'X' | 'frame' = 'X',
): Line[] {
  if (prefixes === undefined) return [goto(there)];
  return prefixes
    .filter((prefix) => prefix.version === version)
    .flatMap(({ words }, number) => {
      const next = `not ${there} ${number}`;
      const compare = words.flatMap(({ value, mask }, index) => [
        load('word', offset + 4 * index, from, mask),
        ...unless(value & mask, next),
      ]);
      return [...compare, goto(there), label(next)];
    });
}

/** `ADDRESS` or `ADDRESS/BITS`. */
function prefixOf(text: string): Prefix {
  const [addressText = '', bitsText] = text.split('/');
  const { version, words } = parseIp(addressText)!;
  const bits = bitsText === undefined ? (version === 4 ? 32 : 128) : Number(bitsText);
  const counting = words.slice(0, version === 4 ? 1 : 4).flatMap((value, index) => {
    const own = Math.min(32, Math.max(0, bits - 32 * index));
    return own === 0 ? [] : [{ value, mask: -1 << (32 - own) }];
  });
  return { version, words: counting };
}
