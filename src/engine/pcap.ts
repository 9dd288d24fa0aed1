/**
 * Frames by the cap package (libpcap): works wherever AF_PACKET does, at the price of a callback and a system call a
 * frame. Runs in a process of its own, since cap does not survive a link that goes down (docs/OPERATIONS.md, "When the
 * link goes down").
 */
import { renderMac } from '../wire/address.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeMacs } from '../wire/ethernet.ts';
import type { EngineOptions, FrameEngine, Wanted } from './engine.ts';
import { FRAME_BUFFER_BYTES, MIN_RING_BYTES, OpenInterface } from './open-interface.ts';
import { completeChecksum, segmentTcp } from './segment.ts';

/** With GRO off a slot takes a little over the MTU: about 20,000 frames at 1,500 bytes. */
const RING_BYTES = 32 * 1024 * 1024;
/** libpcap has handed over by then what came before a new opening. */
const OVERLAP_MS = 20;
/** Nothing is read where frames are only delivered. */
const NOTHING = 'less 1';

export class PcapEngine implements FrameEngine {
  mtuBytes = 1500;
  /** The cap package does not tell. */
  readonly drops = null;
  private readonly options: EngineOptions;
  private wire: OpenInterface | undefined;
  private host: OpenInterface | undefined;
  private readonly segment = Buffer.alloc(FRAME_BUFFER_BYTES);
  private readonly segmentView = new DataView(
    this.segment.buffer,
    this.segment.byteOffset,
    FRAME_BUFFER_BYTES,
  );

  constructor(options: EngineOptions) {
    this.options = options;
  }

  /** One that is open already goes on for a moment beside the new one: what both receive is sent twice, and nothing is lost. */
  open(wanted: Wanted): void {
    const before = [this.wire, this.host];
    const filter = captureFilter(wanted);
    const { interface: name, delivery, onWake, onFrame } = this.options;
    const host = new OpenInterface(delivery.interface, NOTHING, MIN_RING_BYTES, () => {});
    const wire = new OpenInterface(name, filter, RING_BYTES, (lengthBytes) => {
      onWake();
      onFrame(wire.view, lengthBytes);
    });
    this.host = host;
    this.wire = wire;
    // To open may take longer than that, and timers that are due come before what can be read.
    setImmediate(() => setTimeout(() => before.forEach((one) => void one?.close()), OVERLAP_MS));
  }

  close(): void {
    this.wire?.close();
    this.host?.close();
    this.wire = undefined;
    this.host = undefined;
  }

  get isOpen(): boolean {
    return this.wire !== undefined;
  }

  transmit(frame: DataView, lengthBytes: number): boolean {
    const { wire } = this;
    if (wire === undefined) return false;
    if (frame !== wire.view)
      return wire.send(Buffer.from(frame.buffer, frame.byteOffset, lengthBytes), lengthBytes);
    const { packet } = this.options;
    completeChecksum(packet, frame);
    if (packet.ipBytes <= this.mtuBytes) return wire.send(wire.buffer, lengthBytes);
    return segmentTcp(packet, frame, this.mtuBytes, this.segmentView, (bytes) =>
      wire.send(this.segment, bytes),
    );
  }

  deliver(frame: DataView, ipOffset: number, lengthBytes: number): boolean {
    const { packet, delivery } = this.options;
    if (this.host === undefined || frame !== this.wire?.view) return false;
    completeChecksum(packet, frame);
    const start = ipOffset - ETHERNET_HEADER_BYTES;
    writeMacs(frame, start, delivery.mac, delivery.mac);
    frame.setUint16(ipOffset - 2, packet.ipVersion === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
    return this.host.send(this.wire.buffer.subarray(start, lengthBytes), lengthBytes - start);
  }
}

/** Beyond this many virtual addresses the filter lets every frame to us in. */
const MAX_FILTERED_ADDRESSES = 64;

/**
 * What the path wants to see: frames to us for a virtual address, ARP about one, and, for connections that this host
 * serves itself, its replies. Behind one and two VLAN tags too. Our own transmissions are known by their MAC, not by
 * `inbound`: libpcap filters the first frame after an opening itself, and drops it where only the kernel can tell
 * (1.10, pcap-linux.c, blocks_to_filter_in_userland).
 */
export function captureFilter({ ownMac: mac, addresses, ownReplies }: Wanted): string {
  if (addresses.length === 0) return NOTHING;
  const ownMac = renderMac(mac);
  const listed = addresses.length <= MAX_FILTERED_ADDRESSES ? addresses : undefined;
  const anyOf = (primitive: string, those = listed) =>
    those === undefined
      ? ''
      : ` and (${those.map((address) => `${primitive} ${kindOf(address)} ${address}`).join(' or ')})`;
  const ipv4 = listed?.filter((address) => !address.includes(':'));
  const toUs = `ether dst ${ownMac} and not ether src ${ownMac} and (ip or ip6)${anyOf('dst')}`;
  const claims = ipv4?.length === 0 ? undefined : `not ether src ${ownMac} and arp${anyOf('arp src', ipv4)}`;
  const replies = !ownReplies ? undefined : `ether src ${ownMac} and (tcp or udp or sctp)${anyOf('src')}`;
  const inner = [toUs, claims, replies].filter((part) => part !== undefined).map((part) => `(${part})`);
  const untagged = inner.join(' or ');
  return `(${untagged}) or (vlan and ((${toUs}) or (vlan and (${toUs}))))`;
}

/** pcap-filter(7) tells an address from a network by the word before it. */
const kindOf = (address: string): 'host' | 'net' => (address.includes('/') ? 'net' : 'host');
