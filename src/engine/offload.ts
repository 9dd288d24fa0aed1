/**
 * struct virtio_net_hdr before a frame: which checksum its sender left to the card, and how the card is to cut it.
 * linux/virtio_net.h; 16-bit fields in host byte order (PACKET_VNET_HDR, packet(7)).
 */

export const VNET_HEADER_BYTES = 10;

/** Offsets. */
const FLAGS = 0;
const GSO_TYPE = 1;
const HEADER_BYTES = 2;
const CHECKSUM_START = 6;
/** VIRTIO_NET_HDR_F_NEEDS_CSUM; the other flags are said of frames that come, and of none that go. */
const NEEDS_CHECKSUM = 1;

/** Of one frame. Most have none. */
export class Offload {
  private isThere = false;
  private readonly header = new Uint8Array(VNET_HEADER_BYTES);
  private readonly fields = new DataView(this.header.buffer);

  read(bytes: Uint8Array, at: number): void {
    this.isThere = (bytes[at + FLAGS]! & NEEDS_CHECKSUM) !== 0 || bytes[at + GSO_TYPE] !== 0;
    if (!this.isThere) return;
    for (let index = 0; index < VNET_HEADER_BYTES; index++) this.header[index] = bytes[at + index]!;
    this.header[FLAGS]! &= NEEDS_CHECKSUM;
  }

  /** The frame begins so many bytes earlier. */
  move(byBytes: number): void {
    if (!this.isThere) return;
    this.add(HEADER_BYTES, byBytes);
    if (this.header[FLAGS] === NEEDS_CHECKSUM) this.add(CHECKSUM_START, byBytes);
  }

  /** False: of another frame, of which nothing is left to do. */
  write(bytes: Uint8Array, at: number, isOfThis: boolean): void {
    if (isOfThis && this.isThere) bytes.set(this.header, at);
    else for (let index = 0; index < VNET_HEADER_BYTES; index++) bytes[at + index] = 0;
  }

  private add(offset: number, bytes: number): void {
    const before = this.fields.getUint16(offset, IS_LITTLE_ENDIAN);
    this.fields.setUint16(offset, before + bytes, IS_LITTLE_ENDIAN);
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
