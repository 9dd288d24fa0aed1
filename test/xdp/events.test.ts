/** Records of the program against bytes put together by hand after native/bpf/layout.h. */
import { expect, test } from 'vitest';
import { renderIpv4, renderMac } from '../../src/wire/address.ts';
import { decodeEvent } from '../../src/xdp/events.ts';
import { hex } from '../helpers/frame-builder.ts';

const KEY = '01020304 00000000 00000000 00000000 0a000064 00000000 00000000 00000000 0000abcd 00000411';
const NO_KEY = '00'.repeat(40);
const record = (text: string): Buffer => Buffer.from(hex(text));

test('a first fragment has the name of its datagram', () => {
  const event = decodeEvent(record(`02000000 00000000 0000000000000000 ${KEY}`));
  expect(event).toEqual({ kind: 'first-fragment', datagram: KEY.replaceAll(' ', '') });
});

test('a waiting fragment has its frame, as long as it says', () => {
  const frame = 'c0ffee';
  const padding = '99'.repeat(2048 - 3);
  const event = decodeEvent(
    record(`01000000 00000000 0000000000000000 ${KEY} 03000000 07000000 ${frame}${padding}`),
  );
  expect(event).toEqual({
    kind: 'waiting-fragment',
    frame: { frame: Buffer.from(hex(frame)), ifindex: 7, datagram: KEY.replaceAll(' ', '') },
  });
});

test('an ARP conflict says who, and of which address', () => {
  const event = decodeEvent(record(`03000000 640000c0 020000000b0c 0000 ${NO_KEY}`));
  if (event?.kind !== 'arp-conflict') throw new Error('it is another event');
  expect(renderMac(event.mac)).toBe('02:00:00:00:0b:0c');
  expect(renderIpv4(event.address)).toBe('192.0.0.100');
});

test('a kind that is not known is nothing', () => {
  expect(decodeEvent(record(`04000000 00000000 0000000000000000 ${NO_KEY}`))).toBeUndefined();
});
