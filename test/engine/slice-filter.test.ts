/** Whose frame it is: the filter's answer, and that of wire/slice.ts about what the path decodes, must be the same. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packetFilter } from '../../src/engine/packet-filter.ts';
import { parseMac } from '../../src/wire/address.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { Packet } from '../../src/wire/packet.ts';
import { workerOf } from '../../src/wire/slice.ts';
import { runFilter } from '../helpers/classic-bpf.ts';
import {
  ACK,
  DIRECTOR_MAC,
  eth,
  type FrameBuilder,
  GATEWAY_MAC,
  packet,
  payloadOf,
  SYN,
} from '../helpers/frame-builder.ts';
import { VIP, VIP6 } from '../helpers/sample-frames.ts';
import { untagged, unwanted, wanted } from '../helpers/wanted-frames.ts';

const ownMac = parseMac(DIRECTOR_MAC)!;
const MANY = Array.from({ length: 65 }, (_, index) => `10.200.0.${index}`);

/** Those workers whose filters let the frame in. */
function takersOf(frame: FrameBuilder, count: number, addresses = [VIP, VIP6]): number[] {
  const bytes = untagged(frame.bytes());
  return Array.from({ length: count }, (_, index) => index).filter(
    (index) =>
      runFilter(packetFilter({ ownMac, addresses, ownReplies: true }, { index, count }), bytes) !== 0,
  );
}

/** By what the path decodes. */
function ownerOf(frame: FrameBuilder, count: number): number {
  const bytes = frame.bytes();
  const found = new Packet();
  expect(decode(found, new DataView(bytes.buffer, bytes.byteOffset), bytes.length, ownMac)).toBe(
    DecodeResult.Continue,
  );
  return workerOf(found.ipVersion, [found.client0, found.client1, found.client2, found.client3], count);
}

const ipv4 = fc.ipV4();
const ipv6 = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map((words) => words.map((word) => word.toString(16)).join(':'));
const counts = fc.integer({ min: 2, max: 64 });

const TAGGED: readonly (readonly number[])[] = [[], [7], [7, 8]];
const tags = fc.constantFrom(...TAGGED);
const tagged = (ids: readonly number[], mac = {}) => ids.reduce((frame, id) => frame.vlan(id), eth(mac));

describe('a frame is let in by the worker whose client it is of', () => {
  const alike = (
    make: (address: string, ids: readonly number[]) => FrameBuilder,
    addresses: fc.Arbitrary<string>,
  ) =>
    fc.assert(
      fc.property(addresses, tags, counts, (address, ids, count) => {
        const frame = make(address, ids);
        expect(takersOf(frame, count)).toEqual([ownerOf(frame, count)]);
      }),
      { numRuns: 60 },
    );

  test('from a client: IPv4', () =>
    alike((client, ids) => tagged(ids).ipv4(client, VIP).tcp(1, 80, SYN), ipv4));
  test('from a client: IPv6', () => alike((client, ids) => tagged(ids).ipv6(client, VIP6).udp(1, 53), ipv6));
  test('a later fragment', () =>
    alike(
      (client, ids) =>
        tagged(ids).ipv4(client, VIP, { fragmentOffsetBytes: 8 }).raw(payloadOf(8), { ipProtocol: 17 }),
      ipv4,
    ));
  test('what this host answers as a server', () => {
    const ours = { from: DIRECTOR_MAC, to: GATEWAY_MAC };
    alike(
      (client) =>
        eth(ours)
          .ipv4(VIP, client)
          .tcp(80, 1, SYN | ACK),
      ipv4,
    );
    alike(
      (client) =>
        eth(ours)
          .ipv6(VIP6, client)
          .tcp(80, 1, SYN | ACK),
      ipv6,
    );
  });
  test('an ICMP error: whom the packet that it is about was for', () => {
    alike(
      (client, ids) =>
        tagged(ids)
          .ipv4('198.51.100.1', VIP)
          .icmp(3, 4, packet().ipv4(VIP, client).tcp(80, 1, ACK)),
      ipv4,
    );
    alike(
      (client, ids) =>
        tagged(ids)
          .ipv6('fd00::1', VIP6)
          .icmp(2, 0, packet().ipv6(VIP6, client).tcp(80, 1, ACK)),
      ipv6,
    );
  });

  test.each(Object.entries(wanted))('one worker, and one only, has: %s', (_name, frame) => {
    for (const count of [2, 3, 64]) expect(takersOf(frame, count)).toHaveLength(1);
  });
  test.each(Object.entries(unwanted))('none has: %s', (_name, frame) => {
    expect(takersOf(frame, 3)).toEqual([]);
  });
  test('also where there are too many virtual addresses for a filter', () => {
    for (let host = 1; host < 30; host++) {
      const frame = eth().ipv4(`192.0.2.${host}`, '10.9.0.1').tcp(1, 80, SYN);
      expect(takersOf(frame, 4, MANY)).toEqual([ownerOf(frame, 4)]);
    }
  });
  test("ping is the first one's", () => {
    for (let host = 1; host < 9; host++) {
      const ping = eth().ipv4(`192.0.2.${host}`, VIP).icmp(8, 0, payloadOf(8));
      expect(takersOf(ping, 4)).toEqual([0]);
    }
  });
});
