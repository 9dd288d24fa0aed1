/** Good frames made bad at random: bytes changed, the end cut off or filled up, checksum repaired or not. */
import fc from 'fast-check';
import { internetChecksum } from './frame-builder.ts';

interface Mutation {
  readonly at: number;
  readonly value: number;
}

export function mutatedFrame(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const mutation = fc.record({ at: fc.nat(120), value: fc.nat(255) });
  return fc
    .record({
      frame: fc.constantFrom(...samples),
      mutations: fc.array(mutation, { maxLength: 4 }),
      lengthChange: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -60, max: 40 })),
      repairs: fc.boolean(),
    })
    .map(({ frame, mutations, lengthChange, repairs }) => {
      const resized = resize(frame, lengthChange);
      mutate(resized, mutations);
      if (repairs) repairIpv4Checksum(resized);
      return resized;
    });
}

function resize(frame: Uint8Array, change: number): Uint8Array {
  const out = new Uint8Array(Math.max(0, frame.length + change));
  out.set(frame.subarray(0, out.length));
  return out;
}

function mutate(frame: Uint8Array, mutations: readonly Mutation[]): void {
  for (const { at, value } of mutations) if (at < frame.length) frame[at] = value;
}

/** Without it nearly every mutation would end at the header checksum. */
function repairIpv4Checksum(frame: Uint8Array): void {
  const ip = frame.subarray(14);
  const headerBytes = (ip[0] ?? 0) & 15 ? (ip[0]! & 15) * 4 : 0;
  if (headerBytes < 20 || headerBytes > ip.length || frame[12] !== 0x08 || frame[13] !== 0x00) return;
  ip.set([0, 0], 10);
  const sum = internetChecksum(ip.subarray(0, headerBytes));
  ip.set([sum >> 8, sum & 255], 10);
}
