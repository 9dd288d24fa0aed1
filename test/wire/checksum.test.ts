/** Sums against the plain way of RFC 1071, and the incremental update against doing it all again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksum, fold16, pseudoHeaderSum, sum16, updatedChecksum } from '../../src/wire/checksum.ts';
import { ipv4ChecksumIsValid, lowerIpv4Ttl, writeIpv4Checksum } from '../../src/wire/ipv4.ts';
import { eth, hex, internetChecksum, ipv4Bytes, pseudoHeader, SYN } from '../helpers/frame-builder.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

describe('checksum', () => {
  test('of the example in RFC 1071 §3', () => {
    expect(fold16(sum16(viewOf(hex('0001 f203 f4f5 f6f7')), 0, 8))).toBe(0xddf2);
    expect(checksum(viewOf(hex('0001 f203 f4f5 f6f7')), 0, 8)).toBe(0x220d);
  });

  test('of a header that other programs have checked too', () => {
    const header = hex('4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7');
    expect(checksum(viewOf(header), 0, 20)).toBe(0xb861);
  });

  test('is that of the plain way for any bytes of any length at any offset', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(10), (bytes, skip) => {
        const offset = Math.min(skip, bytes.length);
        const lengthBytes = bytes.length - offset;
        expect(checksum(viewOf(bytes), offset, lengthBytes)).toBe(internetChecksum(bytes.subarray(offset)));
      }),
    );
  });

  test('holds for 65,535 words of ones, where the carries are largest', () => {
    expect(checksum(viewOf(new Uint8Array(131_070).fill(0xff)), 0, 131_070)).toBe(0);
  });

  test('of a pseudo-header is that of its bytes', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.nat(255),
        fc.nat(0xffff),
        (from, to, protocol, lengthBytes) => {
          const bytes = new Uint8Array(8);
          viewOf(bytes).setInt32(0, from);
          viewOf(bytes).setInt32(4, to);
          const plain = pseudoHeader(bytes.subarray(0, 4), bytes.subarray(4), protocol, lengthBytes);
          expect(fold16(pseudoHeaderSum(from, to, protocol, lengthBytes))).toBe(
            0xffff - internetChecksum(plain),
          );
        },
      ),
    );
  });
});

describe('incremental update (RFC 1624)', () => {
  test('of the example in RFC 1624 §4, where RFC 1141 is wrong', () => {
    expect(updatedChecksum(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  test('is the same as doing it all again, for every TTL and random headers', () => {
    const header = fc.tuple(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.integer({ min: 1, max: 255 }),
    );
    fc.assert(
      fc.property(header, ([bytes, ttl]) => {
        bytes[0] = 0x45;
        bytes[8] = ttl;
        writeIpv4Checksum(viewOf(bytes), 0, 20);
        lowerIpv4Ttl(viewOf(bytes), 0);
        expect(bytes[8]).toBe(ttl - 1);
        expect(internetChecksum(bytes)).toBe(0);
        expect(ipv4ChecksumIsValid(viewOf(bytes), 0, 20)).toBe(true);
        const again = Uint8Array.from(bytes);
        writeIpv4Checksum(viewOf(again), 0, 20);
        expect(again).toEqual(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  test('reaches the header on either side of a wrap of the sum', () => {
    for (let id = 0; id < 0x10000; id++) {
      const frame = HEADER;
      viewOf(frame).setUint16(4, id);
      frame[8] = 64;
      writeIpv4Checksum(viewOf(frame), 0, 20);
      lowerIpv4Ttl(viewOf(frame), 0);
      if (internetChecksum(frame) !== 0) throw new Error(`identification ${id}`);
    }
  });
});

const HEADER = eth().ipv4('192.0.2.9', '10.0.0.100').tcp(1, 2, SYN).bytes().slice(14, 34);

test('the header of a builder and of the path agree', () => {
  expect(ipv4Bytes('10.0.0.100')).toEqual(HEADER.slice(16, 20));
  expect(ipv4ChecksumIsValid(viewOf(HEADER), 0, 20)).toBe(true);
});
