/** The Internet checksum: RFC 1071 over bytes, RFC 1624 for one changed 16-bit field. */

/** One's complement sum of bytes [offset, offset + lengthBytes), started with `initial`; not yet folded. */
export function sum16(view: DataView, offset: number, lengthBytes: number, initial = 0): number {
  let sum = initial;
  const evenEnd = offset + (lengthBytes & ~1);
  for (let at = offset; at < evenEnd; at += 2) sum += view.getUint16(at);
  if ((lengthBytes & 1) === 1) sum += view.getUint8(evenEnd) << 8;
  return sum;
}

/** Folds the carries in: 0 … 0xffff. Holds for sums below 2^32, that is for up to 65,535 words. */
export function fold16(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The checksum field for these bytes, whose own field counts as 0. */
export const checksum = (view: DataView, offset: number, lengthBytes: number, initial = 0): number =>
  ~fold16(sum16(view, offset, lengthBytes, initial)) & 0xffff;

/** The field after one of the words that it covers changed: RFC 1624 eqn. 3, HC' = ~(~HC + ~m + m'). */
export const updatedChecksum = (field: number, before: number, after: number): number =>
  ~fold16((~field & 0xffff) + (~before & 0xffff) + after) & 0xffff;

/** Sum of a pseudo-header or of a part of it, not folded: two address words, protocol and length. RFC 9293 §3.1. */
export const pseudoHeaderSum = (
  word0: number,
  word1: number,
  protocol: number,
  lengthBytes: number,
): number => (word0 >>> 16) + (word0 & 0xffff) + (word1 >>> 16) + (word1 & 0xffff) + protocol + lengthBytes;
