/** Good frames made bad at random, fast: bytes and bits changed, tags put in, the end cut off or filled up. */
import { internetChecksum } from '../helpers/frame-builder.ts';
import type { Random } from '../model/random.ts';

const TAGS = [
  [0x81, 0x00, 0x00, 0x05],
  [0x88, 0xa8, 0x00, 0x07],
];
/** Bytes that mean something to a decoder: lengths, protocols, options, extension headers. */
const TELLING = [0, 1, 2, 4, 5, 6, 7, 17, 20, 43, 44, 51, 58, 59, 60, 64, 68, 127, 128, 131, 132, 148, 255];

export function mutated(frame: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = frame.slice();
  if (random.chance(0.15)) bytes = tagged(bytes, random);
  if (random.chance(0.25)) bytes = resized(bytes, random.between(-60, 40));
  if (random.chance(0.1)) bytes = withOptions(bytes, random);
  for (let left = random.below(4); left > 0 && bytes.length > 0; left--) change(bytes, random);
  if (random.chance(0.7)) repairIpv4Checksum(bytes);
  return bytes;
}

function change(bytes: Uint8Array, random: Random): void {
  // Headers more often than payload.
  const at = random.below(Math.min(bytes.length, random.chance(0.8) ? 60 : 120));
  if (random.chance(0.4)) bytes[at] = random.pick(TELLING);
  else if (random.chance(0.5)) bytes[at]! ^= 1 << random.below(8);
  else bytes[at] = random.below(256);
}

function tagged(bytes: Uint8Array, random: Random): Uint8Array {
  const tags = Array.from({ length: random.between(1, 3) }, () => random.pick(TAGS)).flat();
  return Uint8Array.from([...bytes.subarray(0, 12), ...tags, ...bytes.subarray(12)]);
}

function resized(bytes: Uint8Array, change: number): Uint8Array {
  const out = new Uint8Array(Math.max(0, bytes.length + change));
  out.set(bytes.subarray(0, out.length));
  return out;
}

/** Random options in an IPv4 header that has none. */
function withOptions(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes[12] !== 0x08 || bytes[13] !== 0x00 || bytes[14] !== 0x45) return bytes;
  const words = random.between(1, 10);
  const options = Array.from({ length: 4 * words }, () =>
    random.chance(0.7) ? random.pick(TELLING) : random.below(256),
  );
  const kinds = [7, 68, 148, 1, 130];
  options[0] = random.pick(kinds);
  options[1] = random.chance(0.8) ? random.between(3, 4 * words) : options[1]!;
  options[2] = random.chance(0.8) ? random.pick([4, 5, 8, 9]) : options[2]!;
  if (random.chance(0.6)) options[3] = random.pick([0, 1, 3, 0xf0, 0xf1, 0xf3]);
  const out = Uint8Array.from([...bytes.subarray(0, 34), ...options, ...bytes.subarray(34)]);
  out[14] = 0x45 + words;
  const total = ((out[16]! << 8) | out[17]!) + 4 * words;
  out[16] = total >> 8;
  out[17] = total & 255;
  return out;
}

/** Without it nearly every mutation would end at the header checksum. */
function repairIpv4Checksum(bytes: Uint8Array): void {
  let at = 14;
  for (let tags = 0; tags < 3 && isTag(bytes, at - 2); tags++) at += 4;
  if (bytes[at - 2] !== 0x08 || bytes[at - 1] !== 0x00) return;
  const ip = bytes.subarray(at);
  const headerBytes = ((ip[0] ?? 0) & 15) * 4;
  if (headerBytes < 20 || headerBytes > ip.length) return;
  ip.set([0, 0], 10);
  const sum = internetChecksum(ip.subarray(0, headerBytes));
  ip.set([sum >> 8, sum & 255], 10);
}

const isTag = (bytes: Uint8Array, at: number): boolean =>
  (bytes[at] === 0x81 && bytes[at + 1] === 0x00) || (bytes[at] === 0x88 && bytes[at + 1] === 0xa8);
