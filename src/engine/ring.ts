/**
 * Frames through memory that the kernel shares with us (packet_mmap, TPACKET_V2): no call and no copy for a frame that
 * comes, a copy and a part of a call for one that goes. The kernel lets in only what packet-filter.ts lets pass. Before
 * every frame stands a virtio_net_hdr, so that what a sender or our card left undone, checksums and the cutting of large
 * segments (GRO, TSO), goes on to the next card undone. linux/if_packet.h, linux/virtio_net.h.
 */
import { loadHostAddon, type NativePacketRing, type NativePacketSender } from '../host/native.ts';
import { ETHERNET_HEADER_BYTES, EtherType, VLAN_TAG_BYTES, writeMacs } from '../wire/ethernet.ts';
import type { EngineOptions, FrameEngine, Wanted } from './engine.ts';
import { Offload, VNET_HEADER_BYTES } from './offload.ts';
import { packetFilter } from './packet-filter.ts';

/** Powers of two. 32 MiB for frames that come, 8 for those that go: memory of the kernel's, all of it from the start. */
const SLOT_BYTES = 2048;
const RECEIVE_SLOTS = 16_384;
const SEND_SLOTS = 4096;
const SLOT_WORDS = SLOT_BYTES / 4;

/** Of struct tpacket2_hdr: 32-bit words, then 16-bit ones. */
const STATUS = 0;
const LENGTH = 1;
const CAPTURED = 2;
const MAC_OFFSET = 6;
const VLAN_TAG = 12;
const VLAN_TYPE = 13;

/** TP_STATUS_*: who has the slot, and what came with the frame. */
const Received = { Kernel: 0, User: 1, Copy: 2, VlanValid: 16, VlanTypeValid: 64 } as const;
const Send = { Available: 0, Request: 1 } as const;

/** Where the virtio_net_hdr of a frame to send stands (PACKET_TX_HAS_OFF), so that the frame behind it is aligned. */
const SEND_OFFSET = 34;
const SEND_FRAME_OFFSET = SEND_OFFSET + VNET_HEADER_BYTES;
const MAX_SLOT_FRAME_BYTES = SLOT_BYTES - SEND_FRAME_OFFSET;

/** Frames between two looks at what else the event loop has. */
const MAX_TURN_FRAMES = 512;
/** Frames that share one clock reading and one call that sends them. */
const BATCH_FRAMES = 64;
const RETRY_MS = 1;
/** For frames that no slot holds, with room before them for header and VLAN tag. */
const LONG_FRAME_OFFSET = 64;
const LONG_BUFFER_BYTES = 128 * 1024;

/** While it is open. */
interface Rings {
  readonly ring: NativePacketRing;
  readonly wire: NativePacketSender;
  readonly host: NativePacketSender;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Int32Array;
  /** Of each receive slot, the frame that was in it last: most have it at the same place. */
  readonly views: DataView[];
}

/** Opens such rings and closes them again, without a frame. Throws what the kernel says. */
export function probeRing(interfaceName: string): void {
  const { PacketRing } = loadHostAddon();
  const nothing = packetFilter({ ownMac: { high: 0, low: 0 }, addresses: [] });
  new PacketRing(interfaceName, nothing, SLOT_BYTES, RECEIVE_SLOTS, SEND_SLOTS, () => {}).close();
}

export class RingEngine implements FrameEngine {
  mtuBytes = 1500;
  private readonly options: EngineOptions;
  private rings: Rings | undefined;
  private nextReceived = 0;
  private nextSent = 0;
  /** Frames stand ready in the ring. */
  private hasUnsent = false;
  private retry: NodeJS.Timeout | undefined;
  private dropsBefore = 0;
  /** Of the frame that is handled: where it is, and what is left to do of it. */
  private current: DataView | undefined;
  private readonly offload = new Offload();
  private readonly longBytes = new Uint8Array(LONG_BUFFER_BYTES);

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
    this.close();
    const { interface: name, delivery } = this.options;
    const { PacketRing, PacketSender } = loadHostAddon();
    const opened: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(one: T): T => {
      opened.push(one);
      return one;
    };
    try {
      const wire = keep(new PacketSender(name));
      const host = keep(new PacketSender(delivery.interface));
      const filter = packetFilter(wanted);
      const ring = keep(
        new PacketRing(name, filter, SLOT_BYTES, RECEIVE_SLOTS, SEND_SLOTS, () => this.receive()),
      );
      this.begin({ ring, wire, host });
    } catch (error) {
      for (const one of opened) one.close();
      throw error;
    }
  }

  private begin(files: Pick<Rings, 'ring' | 'wire' | 'host'>): void {
    const { memory } = files.ring;
    const halves = new Uint16Array(memory);
    for (let slot = 0; slot < SEND_SLOTS; slot++)
      halves[((RECEIVE_SLOTS + slot) * SLOT_BYTES) / 2 + MAC_OFFSET] = SEND_OFFSET;
    this.rings = {
      ...files,
      bytes: new Uint8Array(memory),
      halves,
      words: new Int32Array(memory),
      views: new Array<DataView>(RECEIVE_SLOTS).fill(new DataView(memory)),
    };
    this.nextReceived = this.nextSent = 0;
    this.hasUnsent = false;
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
    const { rings } = this;
    if (rings === undefined) return;
    const { words } = rings;
    for (let taken = 0; taken < MAX_TURN_FRAMES; taken++) {
      const slot = this.nextReceived;
      const status = Atomics.load(words, slot * SLOT_WORDS + STATUS);
      if ((status & Received.User) === 0) break;
      if (taken % BATCH_FRAMES === 0) this.nextBatch();
      this.take(rings, slot, status);
      // Whoever handles a frame may close us.
      if (this.rings !== rings) return;
      Atomics.store(words, slot * SLOT_WORDS + STATUS, Received.Kernel);
      this.nextReceived = (slot + 1) % RECEIVE_SLOTS;
    }
    this.current = undefined;
    this.flush();
  }

  private nextBatch(): void {
    this.flush();
    this.options.onWake();
  }

  private take(rings: Rings, slot: number, status: number): void {
    const { words, halves, bytes } = rings;
    const half = slot * (SLOT_BYTES / 2);
    const tag = (status & Received.VlanValid) === 0 ? -1 : halves[half + VLAN_TAG]!;
    const type = (status & Received.VlanTypeValid) === 0 ? EtherType.Vlan : halves[half + VLAN_TYPE]!;
    const captured = words[slot * SLOT_WORDS + CAPTURED]!;
    if ((status & Received.Copy) !== 0) {
      this.takeLong(rings, tag, type);
      return;
    }
    // It did not fit, and there was no room for a copy.
    if (captured < words[slot * SLOT_WORDS + LENGTH]!) return;
    const frameAt = slot * SLOT_BYTES + halves[half + MAC_OFFSET]!;
    this.offload.read(bytes, frameAt - VNET_HEADER_BYTES);
    const start = tag < 0 ? frameAt : this.putTagBack(bytes, frameAt, tag, type);
    const known = rings.views[slot]!;
    const view = known.byteOffset === start ? known : viewAt(rings, slot, start);
    this.current = view;
    this.options.onFrame(view, captured + frameAt - start);
  }

  private takeLong({ ring }: Rings, tag: number, type: number): void {
    const { longBytes } = this;
    const received = ring.receiveLong(longBytes.subarray(LONG_FRAME_OFFSET - VNET_HEADER_BYTES));
    if (received < VNET_HEADER_BYTES + ETHERNET_HEADER_BYTES) return;
    this.offload.read(longBytes, LONG_FRAME_OFFSET - VNET_HEADER_BYTES);
    const start = tag < 0 ? LONG_FRAME_OFFSET : this.putTagBack(longBytes, LONG_FRAME_OFFSET, tag, type);
    const lengthBytes = received - VNET_HEADER_BYTES + LONG_FRAME_OFFSET - start;
    this.current = new DataView(longBytes.buffer, start);
    this.options.onFrame(this.current, lengthBytes);
  }

  /** The kernel takes the first VLAN tag out of a frame. Returns where the frame begins with it. */
  private putTagBack(bytes: Uint8Array, frameAt: number, tag: number, type: number): number {
    const start = frameAt - VLAN_TAG_BYTES;
    bytes.copyWithin(start, frameAt, frameAt + 12);
    bytes[start + 12] = type >>> 8;
    bytes[start + 13] = type & 0xff;
    bytes[start + 14] = tag >>> 8;
    bytes[start + 15] = tag & 0xff;
    this.offload.move(VLAN_TAG_BYTES);
    return start;
  }

  transmit(frame: DataView, lengthBytes: number): boolean {
    const { rings } = this;
    if (rings === undefined) return false;
    const isCurrent = frame === this.current;
    if (lengthBytes > MAX_SLOT_FRAME_BYTES) return this.transmitLong(rings, frame, lengthBytes, isCurrent);
    const slot = this.freeSlot(rings);
    if (slot < 0) return false;
    const at = (RECEIVE_SLOTS + slot) * SLOT_BYTES;
    const { words, bytes } = rings;
    const from = frame.byteOffset;
    if (frame.buffer !== bytes.buffer)
      bytes.set(new Uint8Array(frame.buffer, from, lengthBytes), at + SEND_FRAME_OFFSET);
    else if (lengthBytes > COPY_BY_WORDS_BYTES || from % 4 !== 0)
      bytes.copyWithin(at + SEND_FRAME_OFFSET, from, from + lengthBytes);
    else copyWords(words, from / 4, (at + SEND_FRAME_OFFSET) / 4, (lengthBytes + 3) >> 2);
    this.offload.write(bytes, at + SEND_OFFSET, isCurrent);
    words[at / 4 + LENGTH] = VNET_HEADER_BYTES + lengthBytes;
    Atomics.store(words, at / 4 + STATUS, Send.Request);
    this.nextSent = (slot + 1) % SEND_SLOTS;
    this.hasUnsent = true;
    // Nobody flushes what is sent outside of a turn: a fragment that waited, a reply.
    if (this.current === undefined) this.flush();
    return true;
  }

  /** -1: the interface has not taken what stands in all of them. */
  private freeSlot({ words, ring }: Rings): number {
    const slot = this.nextSent;
    const at = (RECEIVE_SLOTS + slot) * SLOT_WORDS + STATUS;
    if (Atomics.load(words, at) === Send.Available) return slot;
    ring.flush();
    return Atomics.load(words, at) === Send.Available ? slot : -1;
  }

  private transmitLong(rings: Rings, frame: DataView, lengthBytes: number, isCurrent: boolean): boolean {
    const { longBytes } = this;
    // What came before it goes before it.
    this.flush();
    let start = frame.byteOffset;
    if (frame.buffer !== longBytes.buffer) {
      start = LONG_FRAME_OFFSET;
      longBytes.set(new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes), start);
    }
    this.offload.write(longBytes, start - VNET_HEADER_BYTES, isCurrent);
    return rings.wire.send(longBytes, start - VNET_HEADER_BYTES, start + lengthBytes);
  }

  deliver(frame: DataView, ipOffset: number, lengthBytes: number): boolean {
    const { rings } = this;
    if (rings === undefined || frame !== this.current) return false;
    const { packet, delivery } = this.options;
    const skipped = ipOffset - ETHERNET_HEADER_BYTES;
    writeMacs(frame, skipped, delivery.mac, delivery.mac);
    frame.setUint16(ipOffset - 2, packet.ipVersion === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
    const bytes = frame.buffer === this.longBytes.buffer ? this.longBytes : rings.bytes;
    const start = frame.byteOffset + skipped;
    this.offload.move(-skipped);
    this.offload.write(bytes, start - VNET_HEADER_BYTES, true);
    return rings.host.send(bytes, start - VNET_HEADER_BYTES, frame.byteOffset + lengthBytes);
  }

  /** What the interface does not take at once is offered to it again. */
  private flush(): void {
    const { rings } = this;
    if (!this.hasUnsent || rings === undefined) return;
    rings.ring.flush();
    const last = (this.nextSent + SEND_SLOTS - 1) % SEND_SLOTS;
    this.hasUnsent = Atomics.load(rings.words, (RECEIVE_SLOTS + last) * SLOT_WORDS + STATUS) === Send.Request;
    if (this.hasUnsent) this.retry ??= setTimeout(() => this.flushAgain(), RETRY_MS).unref();
  }

  private flushAgain(): void {
    this.retry = undefined;
    this.flush();
  }
}

/** Of longer ones the bytes are copied by the engine's own copying, which takes a while to begin. */
const COPY_BY_WORDS_BYTES = 256;

function copyWords(words: Int32Array, from: number, to: number, count: number): void {
  for (let word = 0; word < count; word++) words[to + word] = words[from + word]!;
}

function viewAt({ views, bytes }: Rings, slot: number, start: number): DataView {
  const view = new DataView(bytes.buffer, start, (slot + 1) * SLOT_BYTES - start);
  views[slot] = view;
  return view;
}
