/** What a card would have done: compared with frames that were built small and whole in the first place. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { completeChecksum, segmentTcp } from '../../src/engine/segment.ts';
import { parseMac } from '../../src/wire/address.ts';
import { DecodeResult, decode } from '../../src/wire/decode.ts';
import { Packet } from '../../src/wire/packet.ts';
import {
  ACK,
  CWR,
  DIRECTOR_MAC,
  EXTENSION,
  eth,
  FIN,
  type FrameBuilder,
  packet as innerPacket,
  internetChecksum,
  ipv4Bytes,
  ipv6Bytes,
  PSH,
  payloadOf,
  pseudoHeader,
  SYN,
  toHex,
} from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';

const OWN = parseMac(DIRECTOR_MAC)!;

function decoded(bytes: Uint8Array): { packet: Packet; view: DataView } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const packet = new Packet();
  expect(decode(packet, view, bytes.length, OWN)).toBe(DecodeResult.Continue);
  return { packet, view };
}

/** Undefined: it cannot be cut. */
function segments(frame: FrameBuilder | Uint8Array, mtuBytes = 1500, accepted = 1000): string[] | undefined {
  const { packet, view } = decoded(frame instanceof Uint8Array ? frame : frame.bytes());
  const scratch = new Uint8Array(65536).fill(0xee);
  const sent: string[] = [];
  const isSent = segmentTcp(packet, view, mtuBytes, new DataView(scratch.buffer), (lengthBytes) => {
    sent.push(toHex(scratch.subarray(0, lengthBytes)));
    return sent.length <= accepted;
  });
  return isSent ? sent : undefined;
}

/** The same data in packets of at most `size` bytes each, as a card numbers and flags them. */
function builtSmall(
  build: (part: { payload: Uint8Array; index: number; sequence: number; flags: number }) => FrameBuilder,
  data: Uint8Array,
  size: number,
  flags: number,
): string[] {
  const count = Math.ceil(data.length / size);
  return Array.from({ length: count }, (_, index) => {
    const payload = data.subarray(index * size, (index + 1) * size);
    const notFirst = index > 0 ? CWR : 0;
    const notLast = index < count - 1 ? FIN | PSH : 0;
    return toHex(
      build({ payload, index, sequence: 1000 + index * size, flags: flags & ~notFirst & ~notLast }).bytes(),
    );
  });
}

describe('segmentTcp()', () => {
  const large4 = (data: Uint8Array, flags: number, id = 100) =>
    eth().ipv4(CLIENT, VIP, { id, dontFragment: true }).tcp(31337, 80, flags, { payload: data });
  const small4 = (data: Uint8Array, size: number, flags: number, id = 100) =>
    builtSmall(
      ({ payload, index, ...tcp }) =>
        eth()
          .ipv4(CLIENT, VIP, { id: (id + index) & 0xffff, dontFragment: true })
          .tcp(31337, 80, tcp.flags, { payload, sequence: tcp.sequence }),
      data,
      size,
      flags,
    );

  test.each([1, 1459, 1460, 1461, 2919, 2920, 2921, 65_495])('%d bytes of data', (lengthBytes) => {
    const data = payloadOf(lengthBytes);
    expect(segments(large4(data, ACK))).toEqual(small4(data, 1460, ACK));
  });

  test.each([
    ['FIN and PSH are the last one’s', FIN | PSH | ACK],
    ['CWR is the first one’s', CWR | ACK],
    ['SYN with data', SYN | CWR | FIN],
  ])('%s', (_name, flags) => {
    const data = payloadOf(4000);
    expect(segments(large4(data, flags))).toEqual(small4(data, 1460, flags));
  });

  test('identifications count on over 65535', () => {
    const data = payloadOf(5000);
    expect(segments(large4(data, ACK, 0xfffe))).toEqual(small4(data, 1460, ACK, 0xfffe));
  });

  test('sequence numbers count on over 2^32', () => {
    const sequences = segments(
      eth()
        .ipv4(CLIENT, VIP)
        .tcp(31337, 80, ACK, { payload: payloadOf(3000), sequence: 0xffffff00 }),
    )!.map((frame) => frame.slice(76, 84));
    expect(sequences).toEqual(['ffffff00', '000004b4', '00000a68']);
  });

  test('TCP options and IPv4 options are in every one, and take their room', () => {
    const data = payloadOf(4000);
    const options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    const ip = { options: [7, 7, 4, 0, 0, 0, 0, 0] };
    const whole = eth()
      .ipv4(CLIENT, VIP, { ...ip, id: 5 })
      .tcp(31337, 80, ACK, { payload: data, options });
    const small = builtSmall(
      ({ payload, index, ...tcp }) =>
        eth()
          .ipv4(CLIENT, VIP, { ...ip, id: 5 + index })
          .tcp(31337, 80, tcp.flags, { payload, options, sequence: tcp.sequence }),
      data,
      1500 - 28 - 32,
      ACK,
    );
    expect(segments(whole)).toEqual(small);
  });

  test('IPv6, with an extension header, behind two VLAN tags', () => {
    const data = payloadOf(4001);
    const around = () => eth().vlan(7, 0x88a8).vlan(8).ipv6(CLIENT6, VIP6).extension(EXTENSION.destination);
    const whole = around().tcp(31337, 80, PSH | ACK, { payload: data });
    const small = builtSmall(
      ({ payload, ...tcp }) => around().tcp(31337, 80, tcp.flags, { payload, sequence: tcp.sequence }),
      data,
      1500 - 48 - 20,
      PSH | ACK,
    );
    expect(segments(whole)).toEqual(small);
  });

  test('a checksum that the sender left to its card is made for each', () => {
    const data = payloadOf(3000);
    const whole = large4(data, ACK).bytes();
    whole.set([0x12, 0x34], 50);
    expect(segments(whole)).toEqual(small4(data, 1460, ACK));
  });

  test('any size by any MTU', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9000 }),
        fc.integer({ min: 68, max: 9000 }),
        fc.nat(255),
        (lengthBytes, mtuBytes, flags) => {
          const data = payloadOf(lengthBytes);
          expect(segments(large4(data, flags), mtuBytes)).toEqual(small4(data, mtuBytes - 40, flags));
        },
      ),
      { numRuns: 40 },
    );
  });

  const first = eth().ipv4(CLIENT, VIP);
  test.each<[string, FrameBuilder, number]>([
    ['UDP', first.udp(5000, 53, { payload: payloadOf(3000) }), 1500],
    ['SCTP', first.sctp(1, 2, [{ type: 0, body: [...payloadOf(3000)] }]), 1500],
    ['a TCP packet without data', first.tcp(1, 2, SYN), 30],
    ['an MTU that the headers fill', first.tcp(1, 2, ACK, { payload: payloadOf(100) }), 40],
    [
      'a first fragment',
      eth()
        .ipv4(CLIENT, VIP, { moreFragments: true })
        .tcp(1, 2, ACK, { payload: payloadOf(3000) }),
      1500,
    ],
    [
      'a last fragment, which has no TCP header',
      eth().ipv4(CLIENT, VIP, { fragmentOffsetBytes: 8 }).raw(payloadOf(3000), { ipProtocol: 6 }),
      1500,
    ],
    [
      'a TCP header that claims no words',
      first.tcp(1, 2, ACK, { payload: payloadOf(3000), dataOffsetWords: 0 }),
      1500,
    ],
    [
      'a TCP header that claims four words',
      first.tcp(1, 2, ACK, { payload: payloadOf(3000), dataOffsetWords: 4 }),
      1500,
    ],
    ['a TCP header that is cut', first.raw(payloadOf(12), { ipProtocol: 6 }), 20],
    [
      'an ICMP error',
      first.icmp(
        3,
        4,
        innerPacket()
          .ipv4(VIP, CLIENT)
          .tcp(80, 1, ACK, { payload: payloadOf(3000) }),
      ),
      1500,
    ],
  ])('%s cannot be cut', (_name, frame, mtuBytes) => {
    expect(segments(frame, mtuBytes)).toBeUndefined();
  });

  test('stops when a part is not taken', () => {
    expect(segments(large4(payloadOf(5000), ACK), 1500, 1)).toBeUndefined();
  });
});

/** The frame as it leaves a sender whose card makes checksums: the field holds the sum of the pseudo-header. */
function leftToTheCard(frame: FrameBuilder, fieldOffset: number, pseudo: Uint8Array): Uint8Array {
  const bytes = frame.bytes();
  const sum = 0xffff - internetChecksum(pseudo);
  bytes.set([sum >> 8, sum & 255], fieldOffset);
  return bytes;
}

const pseudo4 = (protocol: number, lengthBytes: number) =>
  pseudoHeader(ipv4Bytes(CLIENT), ipv4Bytes(VIP), protocol, lengthBytes);
const pseudo6 = (protocol: number, lengthBytes: number) =>
  pseudoHeader(ipv6Bytes(CLIENT6), ipv6Bytes(VIP6), protocol, lengthBytes);

function completed(bytes: Uint8Array): string {
  const copy = Uint8Array.from(bytes);
  const { packet, view } = decoded(copy);
  completeChecksum(packet, view);
  return toHex(copy);
}

describe('completeChecksum()', () => {
  const payload = payloadOf(101);

  test.each<[string, FrameBuilder, number, Uint8Array]>([
    ['TCP over IPv4', eth().ipv4(CLIENT, VIP).tcp(1, 2, ACK, { payload }), 50, pseudo4(6, 121)],
    ['UDP over IPv4', eth().ipv4(CLIENT, VIP).udp(1, 2, { payload }), 40, pseudo4(17, 109)],
    ['TCP over IPv6', eth().ipv6(CLIENT6, VIP6).tcp(1, 2, ACK, { payload }), 70, pseudo6(6, 121)],
    [
      'UDP over IPv6 behind a tag',
      eth().vlan(7).ipv6(CLIENT6, VIP6).udp(1, 2, { payload }),
      64,
      pseudo6(17, 109),
    ],
  ])('%s', (_name, frame, fieldOffset, pseudo) => {
    expect(completed(leftToTheCard(frame, fieldOffset, pseudo))).toBe(toHex(frame.bytes()));
  });

  test('leaves every right checksum as it is, also where it looks like one left to the card', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 40 }), fc.boolean(), (data, isTcp) => {
        const frame = eth().ipv4(CLIENT, VIP);
        const whole = isTcp ? frame.tcp(1, 2, ACK, { payload: data }) : frame.udp(1, 2, { payload: data });
        expect(completed(whole.bytes())).toBe(toHex(whole.bytes()));
      }),
    );
    const whole = whoseChecksumIs(0xffff - internetChecksum(pseudo4(6, 22)));
    expect(completed(whole)).toBe(toHex(whole));
  });

  /** A TCP frame with two bytes of data, chosen so that its right checksum is this. */
  function whoseChecksumIs(wanted: number): Uint8Array {
    for (let value = 0; value < 0x10000; value++) {
      const bytes = eth()
        .ipv4(CLIENT, VIP)
        .tcp(1, 2, ACK, { payload: Uint8Array.of(value >> 8, value & 255) })
        .bytes();
      if (((bytes[50]! << 8) | bytes[51]!) === wanted) return bytes;
    }
    throw new Error('no such frame');
  }

  test('a UDP checksum of 0 is sent as 65535, for 0 means none (RFC 768)', () => {
    for (let value = 0; value < 0x10000; value++) {
      const frame = eth()
        .ipv6(CLIENT6, VIP6)
        .udp(1, 2, { payload: Uint8Array.of(value >> 8, value & 255) });
      const bytes = frame.bytes();
      if (bytes[60] !== 0xff || bytes[61] !== 0xff) continue;
      expect(completed(leftToTheCard(frame, 60, pseudo6(17, 10)))).toBe(toHex(bytes));
      return;
    }
    throw new Error('no such frame');
  });

  test('of none is none', () => {
    const frame = eth().ipv4(CLIENT, VIP).udp(1, 2, { payload, checksum: 0 }).bytes();
    expect(completed(frame)).toBe(toHex(frame));
  });

  test.each<[string, Uint8Array]>([
    [
      'first fragment',
      leftToTheCard(
        eth().ipv4(CLIENT, VIP, { moreFragments: true }).udp(1, 2, { payload }),
        40,
        pseudo4(17, 109),
      ),
    ],
    [
      'last fragment, whatever its data look like',
      leftToTheCard(
        eth().ipv4(CLIENT, VIP, { fragmentOffsetBytes: 8 }).raw(payloadOf(24), { ipProtocol: 17 }),
        40,
        pseudo4(17, 24),
      ),
    ],
    [
      'SCTP',
      eth()
        .ipv4(CLIENT, VIP)
        .sctp(1, 2, [{ type: 0, body: [1, 2, 3, 4] }])
        .bytes(),
    ],
    [
      'packet that ends before the field',
      eth().ipv4(CLIENT, VIP).raw(payloadOf(6), { ipProtocol: 17 }).bytes(),
    ],
  ])('%s stays as it is', (_name, frame) => {
    expect(completed(frame)).toBe(toHex(frame));
  });
});
