/**
 * Frames through memory that the kernel shares with us (packet_mmap, TPACKET_V2): a crossing for a batch of frames that
 * come, which are copied to places that stay in the cache, and one for the same batch when it goes. The kernel lets in
 * only what packet-filter.ts lets pass. Before every frame stands a virtio_net_hdr, so that what a sender or our card
 * left undone, checksums and the cutting of large segments (GRO, TSO), goes on to the next card undone. packet(7),
 * linux/virtio_net.h.
 */
import {
  loadHostAddon,
  type NativePacketRing,
  type NativePacketSender,
  RING_BATCH_FRAMES,
  RING_FRAME_OFFSET,
  RING_LONG_FRAME,
  RING_PLACE_BYTES,
} from '../host/native.ts';
import { ETHERNET_HEADER_BYTES, EtherType, VLAN_TAG_BYTES, writeMacs } from '../wire/ethernet.ts';
import { WHOLE } from '../wire/slice.ts';
import type { EngineOptions, FrameEngine, Wanted } from './engine.ts';
import { clearOffload, moveOffload, VNET_HEADER_BYTES } from './offload.ts';
import { packetFilter } from './packet-filter.ts';

/** 32 MiB, memory of the kernel's, all of it from the start: at a million frames a second they last for 16 ms. */
const SLOTS = 16_384;
const RING_BYTES = SLOTS * 2048;

/** Between two looks at what else the event loop has. */
const MAX_TURN_BATCHES = 8;
/** For frames that no slot holds; the link header can move back for a VLAN tag. */
const LONG_FRAME_OFFSET = 64;
const LONG_BUFFER_BYTES = 128 * 1024;

/** Pairs of numbers: where in the memory of the ring a frame is, and how many bytes. */
const BATCH_NUMBERS = 2 * RING_BATCH_FRAMES;
const BATCHES_AT = RING_BYTES + RING_BATCH_FRAMES * RING_PLACE_BYTES;
/** Of the frame that is handled, one that no place holds. */
const NO_PLACE = -1;

/** While it is open. */
interface Rings {
  readonly ring: NativePacketRing;
  readonly wire: NativePacketSender;
  readonly host: NativePacketSender;
  readonly bytes: Uint8Array;
  readonly received: Int32Array;
  readonly toSend: Int32Array;
  /** The frame in each place, and one with a VLAN tag. */
  readonly views: readonly DataView[];
  readonly taggedViews: readonly DataView[];
}

/** Opens such rings and closes them again, without a frame. Throws what the kernel says. */
export function probeRing(interfaceName: string): void {
  const { PacketRing } = loadHostAddon();
  const nothing = packetFilter({ ownMac: { high: 0, low: 0 }, addresses: [], ownReplies: false }, WHOLE);
  new PacketRing(interfaceName, nothing, false, SLOTS, () => {}).close();
}

export class RingEngine implements FrameEngine {
  mtuBytes = 1500;
  private readonly options: EngineOptions;
  private rings: Rings | undefined;
  private toSendCount = 0;
  private dropsBefore = 0;
  /** The frame that is handled, and where in the memory of the ring it is, or NO_PLACE. */
  private current: DataView | undefined;
  private currentStart = NO_PLACE;
  private readonly longBytes = new Uint8Array(LONG_BUFFER_BYTES);
  private readonly longView = new DataView(this.longBytes.buffer, LONG_FRAME_OFFSET);
  /** What we made ourselves goes out of here. */
  private readonly ownBytes = new Uint8Array(LONG_BUFFER_BYTES);

  constructor(options: EngineOptions) {
    this.options = options;
  }

  get isOpen(): boolean {
    return this.rings !== undefined;
  }

  get drops(): number {
    if (this.rings !== undefined) this.dropsBefore += this.rings.ring.readDrops();
    return this.dropsBefore;
  }

  open(wanted: Wanted): void {
    const { interface: name, delivery, slice } = this.options;
    const filter = packetFilter(wanted, slice);
    if (this.rings !== undefined) {
      this.rings.ring.setFilter(filter, wanted.ownReplies);
      return;
    }
    const { PacketRing, PacketSender } = loadHostAddon();
    const opened: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(one: T): T => {
      opened.push(one);
      return one;
    };
    try {
      const wire = keep(new PacketSender(name));
      const host = keep(new PacketSender(delivery.interface));
      const ring = keep(new PacketRing(name, filter, wanted.ownReplies, SLOTS, () => this.receive()));
      const { memory } = ring;
      this.rings = {
        ring,
        wire,
        host,
        bytes: new Uint8Array(memory),
        received: new Int32Array(memory, BATCHES_AT, BATCH_NUMBERS),
        toSend: new Int32Array(memory, BATCHES_AT + 4 * BATCH_NUMBERS, BATCH_NUMBERS),
        views: viewsOf(memory, RING_FRAME_OFFSET),
        taggedViews: viewsOf(memory, RING_FRAME_OFFSET - VLAN_TAG_BYTES),
      };
      this.toSendCount = 0;
    } catch (error) {
      for (const one of opened) one.close();
      throw error;
    }
  }

  close(): void {
    const { rings } = this;
    if (rings === undefined) return;
    this.dropsBefore = this.drops;
    this.rings = undefined;
    this.current = undefined;
    for (const file of [rings.ring, rings.wire, rings.host]) file.close();
  }

  /** What has come, as much as one turn takes; the event loop calls again while there is more. */
  private receive(): void {
    const { rings, options } = this;
    if (rings === undefined) return;
    for (let batch = 0; batch < MAX_TURN_BATCHES; batch++) {
      const count = rings.ring.next();
      if (count === 0) return;
      options.onWake();
      for (let index = 0; index < count; index++) {
        this.take(rings, index);
        // Whoever handles a frame may close us.
        if (this.rings !== rings) return;
      }
      this.current = undefined;
      this.flush(rings);
    }
  }

  private take(rings: Rings, index: number): void {
    const { received, views, taggedViews } = rings;
    const start = received[2 * index]!;
    const lengthBytes = received[2 * index + 1]!;
    if (lengthBytes === RING_LONG_FRAME) {
      this.takeLong(rings, start);
      return;
    }
    const isTagged = start !== RING_BYTES + index * RING_PLACE_BYTES + RING_FRAME_OFFSET;
    const view = isTagged ? taggedViews[index]! : views[index]!;
    this.current = view;
    this.currentStart = start;
    this.options.onFrame(view, lengthBytes);
  }

  private takeLong({ ring }: Rings, start: number): void {
    const { longBytes } = this;
    const received = ring.receiveLong(start, longBytes.subarray(LONG_FRAME_OFFSET - VNET_HEADER_BYTES));
    if (received === 0) return;
    this.current = this.longView;
    this.currentStart = NO_PLACE;
    this.options.onFrame(this.longView, received - VNET_HEADER_BYTES);
  }

  transmit(frame: DataView, lengthBytes: number): boolean {
    const { rings } = this;
    if (rings === undefined) return false;
    if (frame !== this.current) {
      this.ownBytes.set(new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes), LONG_FRAME_OFFSET);
      clearOffload(this.ownBytes, LONG_FRAME_OFFSET - VNET_HEADER_BYTES);
      return this.transmitNow(rings, this.ownBytes, lengthBytes);
    }
    if (this.currentStart === NO_PLACE) return this.transmitNow(rings, this.longBytes, lengthBytes);
    const { toSend } = rings;
    toSend[2 * this.toSendCount] = this.currentStart;
    toSend[2 * this.toSendCount + 1] = lengthBytes;
    this.toSendCount++;
    return true;
  }

  /** After those that came before it. */
  private transmitNow(rings: Rings, bytes: Uint8Array, lengthBytes: number): boolean {
    this.flush(rings);
    return rings.wire.send(bytes, LONG_FRAME_OFFSET - VNET_HEADER_BYTES, LONG_FRAME_OFFSET + lengthBytes);
  }

  private flush({ ring }: Rings): void {
    if (this.toSendCount === 0) return;
    const refused = ring.send(this.toSendCount);
    this.toSendCount = 0;
    if (refused > 0) this.options.onRefused(refused);
  }

  deliver(frame: DataView, ipOffset: number, lengthBytes: number): boolean {
    const { rings } = this;
    if (rings === undefined || frame !== this.current) return false;
    const { packet, delivery } = this.options;
    const skipped = ipOffset - ETHERNET_HEADER_BYTES;
    writeMacs(frame, skipped, delivery.mac, delivery.mac);
    frame.setUint16(ipOffset - 2, packet.ipVersion === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
    const bytes = this.currentStart === NO_PLACE ? this.longBytes : rings.bytes;
    const offload = frame.byteOffset - VNET_HEADER_BYTES;
    moveOffload(bytes, offload, skipped);
    return rings.host.send(bytes, offload + skipped, frame.byteOffset + lengthBytes);
  }
}

const viewsOf = (memory: ArrayBuffer, offset: number): DataView[] =>
  Array.from({ length: RING_BATCH_FRAMES }, (_, place) => {
    const start = RING_BYTES + place * RING_PLACE_BYTES + offset;
    return new DataView(memory, start, RING_PLACE_BYTES - offset);
  });
