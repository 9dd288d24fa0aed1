/**
 * struct virtio_net_hdr before a frame: which checksum its sender left to the card, and how the card is to cut it. All
 * zeros: nothing is left to do. linux/virtio_net.h; 16-bit fields in host byte order (PACKET_VNET_HDR, packet(7)).
 */

export const VNET_HEADER_BYTES = 10;

/** Offsets. */
const FLAGS = 0;
const GSO_TYPE = 1;
const HEADER_BYTES = 2;
const CHECKSUM_START = 6;

export const clearOffload = (bytes: Uint8Array, at: number): void => {
  bytes.fill(0, at, at + VNET_HEADER_BYTES);
};

/** The frame behind it begins so many bytes later: so does what is said of it. */
export function moveOffload(bytes: Uint8Array, at: number, byBytes: number): void {
  const to = at + byBytes;
  bytes.copyWithin(to, at, at + VNET_HEADER_BYTES);
  const needsChecksum = bytes[to + FLAGS] !== 0;
  if (needsChecksum) subtract(bytes, to + CHECKSUM_START, byBytes);
  if (needsChecksum || bytes[to + GSO_TYPE] !== 0) subtract(bytes, to + HEADER_BYTES, byBytes);
}

function subtract(bytes: Uint8Array, at: number, count: number): void {
  const field = new DataView(bytes.buffer, bytes.byteOffset + at, 2);
  field.setUint16(0, field.getUint16(0, IS_LITTLE_ENDIAN) - count, IS_LITTLE_ENDIAN);
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
