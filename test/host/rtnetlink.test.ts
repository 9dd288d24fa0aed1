import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDatagram } from '../../src/host/rtnetlink-answers.ts';
import {
  encodeFailNeighbor,
  encodeGetAddresses,
  encodeGetLinks,
  encodeGetNeighbors,
  encodeGetRoute,
  encodeProbeNeighbor,
  encodeUseNeighbor,
} from '../../src/host/rtnetlink-requests.ts';

/** Bytes in hex; `#` begins a comment. */
function hex(text: string): Buffer {
  return Buffer.from(text.replace(/#.*$/gm, '').replace(/\s/g, ''), 'hex');
}

const ENVELOPE = { sequence: 7, portId: 0x1234, interrupted: false };

const NEW_LINK = hex(`
  48000000 1000 0200 07000000 34120000  # nlmsghdr: 72 bytes, RTM_NEWLINK, NLM_F_MULTI, sequence 7, port id 0x1234
  00 00 0100 04000000 43100100 00000000 # ifinfomsg: ARPHRD_ETHER, index 4, UP|BROADCAST|RUNNING|MULTICAST|LOWER_UP
  0900 0300 65746830 00 000000          # IFLA_IFNAME "eth0"
  0800 0400 dc050000                    # IFLA_MTU 1500
  0500 1000 06 000000                   # IFLA_OPERSTATE up
  0a00 0100 02fc00000001 0000           # IFLA_ADDRESS
`);
const LINK = {
  type: 'link',
  ...ENVELOPE,
  deleted: false,
  index: 4,
  name: 'eth0',
  up: true,
  running: true,
  mac: '02:fc:00:00:00:01',
  mtu: 1500,
  operState: 'up',
};

const NEW_NEIGHBOR = hex(`
  34000000 1c00 0000 00000000 00000000  # nlmsghdr: 52 bytes, RTM_NEWNEIGH
  02 00 0000 04000000 0200 00 01        # ndmsg: AF_INET, index 4, NUD_REACHABLE, RTN_UNICAST
  0800 0100 c6120002                    # NDA_DST 198.18.0.2
  0a00 0200 0200000000aa 0000           # NDA_LLADDR
  0400 0300                             # NDA_CACHEINFO, cut to nothing
`);
const NEIGHBOR = {
  type: 'neighbor',
  sequence: 0,
  portId: 0,
  interrupted: false,
  deleted: false,
  interfaceIndex: 4,
  address: '198.18.0.2',
  mac: '02:00:00:00:00:aa',
  state: 'REACHABLE',
  managed: false,
  confirmedAgoMs: null,
};

const DONE = hex('14000000 0300 0200 07000000 34120000 00000000');

/** `bytes` with the 16-bit number at `offset` replaced. */
function with16(bytes: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16LE(value, offset);
  return copy;
}

describe.runIf(endianness() === 'LE')('rtnetlink messages, as a little-endian machine has them', () => {
  const rows: [string, Buffer, object[]][] = [
    ['a link', NEW_LINK, [LINK]],
    ['a deleted link', with16(NEW_LINK, 4, 17), [{ ...LINK, deleted: true }]],
    [
      'a link without carrier: up, not running',
      hex(`44000000 1000 0000 07000000 34120000 00 00 0100 04000000 03100000 00000000
           0900 0300 65746830 00 000000  0800 0400 dc050000  0500 1000 02 000000  0800 0100 00000000`),
      [{ ...LINK, running: false, mac: null, operState: 'down' }],
    ],
    ['a port of a bridge (AF_BRIDGE) is no link', Buffer.from(NEW_LINK).fill(7, 16, 17), []],
    ['a neighbour', NEW_NEIGHBOR, [NEIGHBOR]],
    [
      'a neighbour that was confirmed 250 ticks ago',
      hex(`44000000 1c00 0000 00000000 00000000 02 00 0000 04000000 0200 00 01
           0800 0100 c6120002  0a00 0200 0200000000aa 0000
           1400 0300 fa000000 10000000 20000000 01000000`),
      [{ ...NEIGHBOR, confirmedAgoMs: 2500 }],
    ],
    [
      'an IPv6 neighbour that failed, without MAC',
      hex(`30000000 1d00 0000 00000000 00000000 0a 00 0000 04000000 2000 00 01
           1400 0100 20010db8 00000000 00000000 00000002`),
      [{ ...NEIGHBOR, deleted: true, address: '2001:db8::2', mac: null, state: 'FAILED' }],
    ],
    [
      'a neighbour learnt by a routing daemon',
      Buffer.from(NEW_NEIGHBOR).fill(0x10, 26, 27),
      [{ ...NEIGHBOR, managed: true }],
    ],
    [
      'a neighbour that the kernel keeps fresh',
      hex(`2c000000 1c00 0000 00000000 00000000 02 00 0000 04000000 8000 00 01
           0800 0100 c6120002  0800 0f00 01000000`),
      [{ ...NEIGHBOR, mac: null, state: 'PERMANENT', managed: true }],
    ],
    ['a neighbour in no known state', with16(NEW_NEIGHBOR, 24, 0x1000), [{ ...NEIGHBOR, state: 'UNKNOWN' }]],
    [
      "an entry of a bridge's forwarding table is no neighbour",
      Buffer.from(NEW_NEIGHBOR).fill(7, 16, 17),
      [],
    ],
    [
      'an address; the own one, not the peer',
      hex(`28000000 1400 0000 07000000 34120000 02 18 80 00 04000000
           0800 0100 c6120009  0800 0200 c6120001`),
      [
        {
          type: 'address',
          ...ENVELOPE,
          deleted: false,
          interfaceIndex: 4,
          address: '198.18.0.1',
          prefixLength: 24,
        },
      ],
    ],
    [
      'a route on the link',
      hex(`3c000000 1800 0000 07000000 34120000  02 20 00 00 fe 00 00 01 00020000
           0800 0f00 fe000000  0800 0100 c6120002  0800 0400 04000000  0800 0700 c6120001`),
      [
        {
          type: 'route',
          ...ENVELOPE,
          deleted: false,
          destination: '198.18.0.2',
          routeType: 'unicast',
          interfaceIndex: 4,
          gateway: null,
          preferredSource: '198.18.0.1',
        },
      ],
    ],
    [
      'an IPv4 route through an IPv6 gateway (RTA_VIA)',
      hex(`34000000 1800 0000 07000000 34120000  02 00 00 00 fe 00 00 01 00020000
           1600 1200 0a00 fe800000 00000000 00000000 00000001 0000`),
      [
        {
          type: 'route',
          ...ENVELOPE,
          deleted: false,
          destination: null,
          routeType: 'unicast',
          interfaceIndex: null,
          gateway: 'fe80::1',
          preferredSource: null,
        },
      ],
    ],
    [
      'a refusal, with the request repeated',
      hex(`34000000 0200 0000 07000000 34120000 9bffffff
           20000000 1a00 0100 07000000 34120000 00000000000000000000000000000000`),
      [{ type: 'error', ...ENVELOPE, errno: 101, text: null }],
    ],
    [
      'a refusal with a sentence (NLM_F_CAPPED, NLM_F_ACK_TLVS)',
      hex(`34000000 0200 0003 07000000 34120000 eaffffff
           20000000 1c00 0100 07000000 34120000
           0f00 0100 6e6f20 73756368 206f6e65 00 00`),
      [{ type: 'error', ...ENVELOPE, errno: 22, text: 'no such one' }],
    ],
    [
      'an acknowledgement',
      hex('24000000 0200 0001 07000000 34120000 00000000 20000000 1c00 0500 07000000 34120000'),
      [{ type: 'error', ...ENVELOPE, errno: 0, text: null }],
    ],
    [
      'two entries and the end of a dump that was interrupted',
      Buffer.concat([NEW_NEIGHBOR, NEW_LINK, with16(DONE, 6, 0x12)]),
      [NEIGHBOR, LINK, { type: 'done', ...ENVELOPE, interrupted: true, errno: 0 }],
    ],
    [
      'a message of another kind (RTM_NEWRULE) before one of ours',
      Buffer.concat([with16(DONE, 4, 32), NEW_LINK]),
      [LINK],
    ],
    // Malformed
    ['nothing', Buffer.alloc(0), []],
    ['a header cut at byte 15', NEW_LINK.subarray(0, 15), []],
    ['a message cut by one byte', NEW_LINK.subarray(0, 71), []],
    ['a length below the header', with16(NEW_LINK, 0, 15), []],
    ['a length of 0', with16(NEW_LINK, 0, 0), []],
    [
      'a length past the datagram, after a good message',
      Buffer.concat([NEW_LINK, with16(NEW_LINK, 0, 73)]),
      [LINK],
    ],
    ['a length that leaves half an ifinfomsg', with16(NEW_LINK, 0, 24), []],
    ['a length that leaves half an ndmsg', with16(NEW_NEIGHBOR, 0, 24), []],
    [
      'an attribute of length 3: those after it are not read',
      with16(NEW_LINK, 52, 3),
      [{ ...LINK, operState: 'unknown', mac: null }],
    ],
    ['an attribute longer than its message', with16(NEW_LINK, 60, 200), [{ ...LINK, mac: null }]],
    ['an address that is too short for its family', with16(NEW_NEIGHBOR, 28, 7), []],
    ['an error message without errno', with16(with16(DONE, 4, 2), 0, 16), []],
    [
      'an error whose request says it is longer than all',
      hex('24000000 0200 0002 07000000 34120000 eaffffff ffffffff 1c00 0100 07000000 34120000'),
      [{ type: 'error', ...ENVELOPE, errno: 22, text: null }],
    ],
  ];
  test.each(rows)('decodes %s', (_name, datagram, want) => {
    expect(decodeDatagram(datagram)).toEqual(want);
  });

  const requests: [string, Buffer, string][] = [
    ['links', encodeGetLinks(1), `20000000 1200 0103 01000000 00000000 ${'00'.repeat(16)}`],
    ['addresses', encodeGetAddresses(2), `18000000 1600 0103 02000000 00000000 ${'00'.repeat(8)}`],
    ['neighbours', encodeGetNeighbors(3), `1c000000 1e00 0103 03000000 00000000 ${'00'.repeat(12)}`],
    [
      'the route to an address',
      encodeGetRoute(4, '198.18.0.2'),
      '24000000 1a00 0100 04000000 00000000  02 20 00 00 00 00 00 00 00000000  0800 0100 c6120002',
    ],
    [
      'the route to a link-local address',
      encodeGetRoute(4, 'fe80::1', 9),
      `38000000 1a00 0100 04000000 00000000  0a 80 00 00 00 00 00 00 00000000
       1400 0100 fe800000000000000000000000000001  0800 0400 09000000`,
    ],
    [
      'resolution of a neighbour',
      encodeUseNeighbor(5, { interfaceIndex: 4, address: '198.18.0.2', acknowledge: true }),
      '24000000 1c00 0504 05000000 00000000  02 000000 04000000 0000 01 00  0800 0100 c6120002',
    ],
    [
      'resolution of a neighbour that the kernel shall keep fresh',
      encodeUseNeighbor(5, { interfaceIndex: 4, address: '198.18.0.2' }, true),
      '2c000000 1c00 0104 05000000 00000000  02 000000 04000000 0000 01 00  0800 0100 c6120002  0800 0f00 01000000',
    ],
    [
      'a probe of a neighbour',
      encodeProbeNeighbor(5, { interfaceIndex: 4, address: '198.18.0.2' }),
      '24000000 1c00 0101 05000000 00000000  02 000000 04000000 1000 00 00  0800 0100 c6120002',
    ],
    [
      'that a neighbour be forgotten',
      encodeFailNeighbor(5, { interfaceIndex: 4, address: '198.18.0.2' }),
      '24000000 1c00 0101 05000000 00000000  02 000000 04000000 2000 00 00  0800 0100 c6120002',
    ],
  ];
  test.each(requests)('asks for %s', (_name, request, want) => {
    expect(request.toString('hex')).toBe(hex(want).toString('hex'));
  });

  test('decoding never throws and never loops, whatever the bytes', () => {
    const whole = Buffer.concat([NEW_LINK, NEW_NEIGHBOR, DONE]);
    const damaged = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 })
      .map((edits) =>
        edits.reduce((bytes, [at, value]) => bytes.fill(value, at, at + 1), Buffer.from(whole)),
      );
    const anything = fc.oneof(
      damaged,
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(anything, (bytes) => Array.isArray(decodeDatagram(bytes))),
      { numRuns: 5000 },
    );
  });
});

test('an address that is none is refused before anything is sent', () => {
  expect(() => encodeGetRoute(1, '198.18.0.256')).toThrow(TypeError);
});
