/** The ring's filter: which frames pass, by an interpreter of classic BPF. The kernel's own is asked in test/native. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packetFilter } from '../../src/engine/packet-filter.ts';
import { parseMac } from '../../src/wire/address.ts';
import { WHOLE } from '../../src/wire/slice.ts';
import { runFilter } from '../helpers/classic-bpf.ts';
import { ACK, DIRECTOR_MAC, eth, type FrameBuilder, SYN } from '../helpers/frame-builder.ts';
import { mutatedFrame } from '../helpers/mutated-frame.ts';
import { CLIENT, CLIENT6, sampleFrames, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { isWanted, OUR_REPLY, untagged, unwanted, wanted } from '../helpers/wanted-frames.ts';

const filterFor = (...addresses: string[]) => filterOf(addresses, true);
const filterOf = (addresses: readonly string[], ownReplies: boolean) =>
  packetFilter({ ownMac: parseMac(DIRECTOR_MAC)!, addresses, ownReplies }, WHOLE);

const passes = (filter: Uint8Array, frame: FrameBuilder): boolean =>
  runFilter(filter, untagged(frame.bytes())) === 0xffff_ffff;

describe('the filter of the ring', () => {
  test.each(Object.entries(wanted))('lets in: %s', (_name, frame) => {
    expect(passes(filterFor(VIP, VIP6), frame)).toBe(true);
  });

  test.each(Object.entries(unwanted))('keeps out: %s', (_name, frame) => {
    expect(passes(filterFor(VIP, VIP6), frame)).toBe(false);
  });

  test('lets in nothing that this host sends if that is not wanted', () => {
    const filter = filterOf([VIP, VIP6], false);
    for (const [name, frame] of Object.entries(wanted))
      expect(passes(filter, frame), name).toBe(name !== OUR_REPLY);
    for (const [name, frame] of Object.entries(unwanted)) expect(passes(filter, frame), name).toBe(false);
  });

  test('lets nothing in without virtual addresses', () => {
    for (const frame of Object.values(wanted)) expect(passes(filterFor(), frame)).toBe(false);
  });

  test('of very many addresses lets in all that is to us', () => {
    const many = Array.from({ length: 65 }, (_, index) => `10.1.0.${index}`);
    const other = eth().ipv4(CLIENT, '10.9.0.1').tcp(1, 80, SYN);
    expect(passes(filterFor(...many), other)).toBe(true);
    expect(passes(filterFor(...many.slice(1)), other)).toBe(false);
    expect(passes(filterFor(...many), unwanted['what we forwarded']!)).toBe(true);
    const six = Array.from({ length: 64 }, (_, index) => `fd00::${index.toString(16)}`);
    expect(passes(filterFor(...six), eth().ipv6(CLIENT6, 'fd00::3f').tcp(1, 80, ACK))).toBe(true);
    expect(passes(filterFor(...six), eth().ipv6(CLIENT6, 'fd00::40').tcp(1, 80, ACK))).toBe(false);
  });

  test.each([
    ['10.1.0.0/16', '10.1.255.255', '10.2.0.0'],
    ['10.1.2.0/23', '10.1.3.9', '10.1.4.0'],
    ['fd00:1:2::/47', 'fd00:1:3::9', 'fd00:1:4::'],
    ['fd00:1::/64', 'fd00:1::ffff', 'fd00:1:0:1::'],
  ])('a network: %s', (network, inside, outside) => {
    const to = (address: string) =>
      (network.includes(':') ? eth().ipv6(CLIENT6, address) : eth().ipv4(CLIENT, address)).tcp(1, 80, SYN);
    expect(passes(filterFor(network), to(inside))).toBe(true);
    expect(passes(filterFor(network), to(outside))).toBe(false);
  });

  test('of random frames lets in what is wanted', () => {
    const filter = filterFor(VIP, VIP6);
    const named = [...Object.values(wanted), ...Object.values(unwanted)].map((frame) => frame.bytes());
    fc.assert(
      fc.property(mutatedFrame([...named, ...sampleFrames]), (bytes) => {
        const frame = untagged(bytes);
        expect(runFilter(filter, frame) !== 0).toBe(isWanted(frame));
      }),
      { numRuns: 5000 },
    );
  });

  test('a frame that ends too soon is kept out', () => {
    const frame = wanted['TCP to us']!.bytes();
    for (let length = 0; length < 34; length++)
      expect(runFilter(filterFor(VIP), frame.subarray(0, length))).toBe(0);
  });
});
