import { describe, expect, test } from 'vitest';
import { decodeEchoReply, echoReplyFilter, encodeEchoRequest } from '../../src/health/icmp-echo.ts';
import { fold16, sum16 } from '../../src/wire/checksum.ts';

const ECHO = { identifier: 0xabcd, sequence: 0x0102 };
const IPV4_HEADER = Buffer.from('4500002400000000400100007f0000017f000001', 'hex');

describe('an echo request', () => {
  test('over IPv4 has a checksum', () => {
    const message = encodeEchoRequest(4, ECHO);
    expect(message.subarray(0, 2).toString('hex')).toBe('0800');
    expect(message.subarray(4, 8).toString('hex')).toBe('abcd0102');
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    expect(fold16(sum16(view, 0, message.length))).toBe(0xffff);
  });

  test('over IPv6 leaves the checksum to the kernel', () => {
    expect(encodeEchoRequest(6, ECHO).subarray(0, 8).toString('hex')).toBe('80000000abcd0102');
  });
});

describe('an echo reply', () => {
  const message = Buffer.from('00000000abcd0102', 'hex');

  test('is found behind the IPv4 header, with or without options', () => {
    expect(decodeEchoReply(4, Buffer.concat([IPV4_HEADER, message]))).toEqual(ECHO);
    const longer = Buffer.concat([IPV4_HEADER, Buffer.alloc(4), message]);
    longer[0] = 0x46;
    expect(decodeEchoReply(4, longer)).toEqual(ECHO);
  });

  test('over IPv6 comes without IP header', () => {
    expect(decodeEchoReply(6, Buffer.from('81000000abcd0102', 'hex'))).toEqual(ECHO);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a header alone', IPV4_HEADER],
    ['a short message', Buffer.concat([IPV4_HEADER, message.subarray(0, 7)])],
    ['a request', Buffer.concat([IPV4_HEADER, encodeEchoRequest(4, ECHO)])],
  ])('is not %s', (_name, bytes) => expect(decodeEchoReply(4, bytes)).toBeUndefined());
});

test('the filter has a bit for every type but echo reply', () => {
  const wordsOf = (filter: Buffer) =>
    Array.from({ length: filter.length / 4 }, (_, i) => filter.readUInt32LE(4 * i));
  expect(wordsOf(echoReplyFilter(4))).toEqual([0xfffffffe]);
  const all = 0xffffffff;
  expect(wordsOf(echoReplyFilter(6))).toEqual([all, all, all, all, 0xfffffffd, all, all, all]);
});
