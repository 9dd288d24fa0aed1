/** Probes as bytes, and what is read in answers. */
import { describe, expect, test } from 'vitest';
import { readIp, readOwner } from '../../src/doctor/probe-answers.ts';
import {
  datagram,
  echoRequest,
  tcpSegment,
  timestampRequest,
  whoHas,
} from '../../src/doctor/probe-frames.ts';
import { checksum } from '../../src/wire/checksum.ts';
import { TcpFlag } from '../../src/wire/transport.ts';
import { OWN, SERVER_MAC, VIP, VIP6 } from './facts.ts';

const OWN_MAC = '02:00:00:00:00:01';
const OWN6 = 'fd00::1';
const ends = { ownMac: OWN_MAC, own: OWN, mac: SERVER_MAC, to: VIP };
const ends6 = { ...ends, own: OWN6, to: VIP6 };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

describe('who has an address', () => {
  const arp = (sender: string) =>
    `ffffffffffff020000000001080600010800060400010200000000 01${sender}0000000000000a000064`.replace(
      / /g,
      '',
    ) + '00'.repeat(18);

  test('of IPv4 by ARP, with our address or, for a virtual one, with none', () => {
    expect(hex(whoHas(VIP, OWN_MAC, OWN)!)).toBe(arp('0a000001'));
    expect(hex(whoHas(VIP, OWN_MAC, undefined)!)).toBe(arp('00000000'));
  });

  test('of IPv6 by neighbour discovery, to the group of the address', () => {
    const frame = whoHas(VIP6, OWN_MAC, OWN6)!;
    expect(hex(frame)).toMatch(/^3333ff00010002000000000186dd6000000000203aff/);
    expect(readIp(frame)).toMatchObject({ source: OWN6, destination: 'ff02::1:ff00:100', protocol: 58 });
    expect(hex(frame)).toContain('fd000000000000000000000000000100'.concat('0101020000000001'));
  });

  test('cannot be asked of IPv6 without an address', () => {
    expect(whoHas(VIP6, OWN_MAC, undefined)).toBeUndefined();
  });

  test('an answer names address and MAC; a question is none', () => {
    const reply = Buffer.from(
      '0200000000010200000000110806000108000604000202000000001 10a000064020000000001 0a000001'.replace(
        / /g,
        '',
      ),
      'hex',
    );
    expect(readOwner(reply)).toEqual({ address: VIP, mac: SERVER_MAC });
    expect(readOwner(whoHas(VIP, OWN_MAC, OWN)!)).toBeUndefined();
    const advertisement = tcpSegment({ ...ends6, to: OWN6 }, { ownPort: 1, port: 2, sequence: 3, flags: 0 });
    expect(readOwner(advertisement)).toBeUndefined();
  });
});

describe('probes', () => {
  const syn = { ownPort: 61_001, port: 80, sequence: 0x01020304, flags: TcpFlag.Syn };

  test.each([
    ['ping', echoRequest(ends, 7, 9, 84)],
    ['ping of 1500 bytes', echoRequest(ends, 7, 9, 1500)],
    ['timestamp', timestampRequest(ends, 7)],
    ['SYN', tcpSegment(ends, syn)],
    ['datagram', datagram(ends, 61_001, 53)],
  ])('%s: IPv4, whole, not to be cut, checksums right', (_name, frame) => {
    expect(hex(frame).slice(0, 28)).toBe('020000000011020000000001' + '0800');
    const packet = readIp(frame)!;
    expect(packet).toMatchObject({ source: OWN, destination: VIP, isFragment: false });
    expect(checksum(viewOf(frame), 14, 20)).toBe(0);
    expect(frame.readUInt16BE(20)).toBe(0x4000);
    const [s, d] = [frame.readUInt32BE(26), frame.readUInt32BE(30)];
    const pseudo = [s >>> 16, s & 0xffff, d >>> 16, d & 0xffff, packet.protocol, packet.payload.length];
    const initial = packet.protocol === 1 ? 0 : pseudo.reduce((sum, word) => sum + word, 0);
    expect(checksum(viewOf(frame), 34, packet.payload.length, initial)).toBe(0);
  });

  test('are as long as is asked', () => {
    expect(readIp(echoRequest(ends, 1, 1, 1500))!.totalBytes).toBe(1500);
    expect(readIp(echoRequest(ends6, 1, 1, 1280))!.totalBytes).toBe(1280);
    expect(echoRequest(ends, 1, 1, 1500)).toHaveLength(1514);
  });

  test('of IPv6 have checksums over the addresses', () => {
    for (const frame of [echoRequest(ends6, 7, 9, 100), tcpSegment(ends6, syn), datagram(ends6, 1, 2)]) {
      const { protocol, payload } = readIp(frame)!;
      const addresses = checksum(viewOf(frame), 22, 32, protocol + payload.length);
      expect(checksum(viewOf(frame), 54, payload.length, ~addresses & 0xffff)).toBe(0);
    }
  });

  test('a SYN has its numbers; the reset after it has no window and no options', () => {
    const { payload } = readIp(tcpSegment(ends, syn))!;
    expect(hex(payload)).toMatch(/^ee49005001020304000000006002/);
    expect(readIp(tcpSegment(ends, { ...syn, flags: TcpFlag.Rst }))!.payload).toHaveLength(20);
  });
});

test.each(['', '00', 'ff'.repeat(14), `${'0'.repeat(24)}080045`, `${'0'.repeat(24)}86dd${'60'.repeat(20)}`])(
  'what is cut short is no answer: %s',
  (text) => {
    const frame = Buffer.from(text, 'hex');
    expect(readIp(frame)).toBeUndefined();
    expect(readOwner(frame)).toBeUndefined();
  },
);

test('a fragment is known as one', () => {
  const frame = echoRequest(ends, 1, 1, 100);
  frame.writeUInt16BE(0x2000, 20);
  expect(readIp(frame)!.isFragment).toBe(true);
});
