/** The capture filter: its text, and what libpcap, asked through tcpdump, makes of it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';

const OTHER_MAC = '02:00:00:00:00:0b';

/** engine/pcap.ts needs the cap package, which is optional; tcpdump may be missing too. */
const engine = await import('../../src/engine/pcap.ts').catch(() => undefined);
const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;
const missing = [engine === undefined && 'the cap package', !hasTcpdump && 'tcpdump']
  .filter(Boolean)
  .join(' and ');
if (missing !== '')
  console.warn(`capture-filter.test.ts: skipped what needs ${missing}, which is not installed`);

const filterFor = (addresses: readonly string[]): string => engine!.captureFilter(DIRECTOR_MAC, addresses);

describe.skipIf(engine === undefined)('captureFilter()', () => {
  test('of no virtual address lets nothing in', () => {
    expect(filterFor([])).toBe('less 1');
  });

  test('names each address where it may stand, ARP only for IPv4', () => {
    const filter = filterFor([VIP, VIP6]);
    expect(filter).toContain(`dst host ${VIP} or dst host ${VIP6}`);
    expect(filter).toContain(`src host ${VIP} or src host ${VIP6}`);
    expect(filter).toContain(`arp src host ${VIP})`);
    expect(filter).not.toContain(`arp src host ${VIP6}`);
    expect(filterFor([VIP6])).not.toContain('arp');
  });

  test('of very many addresses names none', () => {
    const addresses = Array.from({ length: 65 }, (_, index) => `10.1.0.${index}`);
    expect(filterFor(addresses)).not.toContain('host');
    expect(filterFor(addresses.slice(1))).toContain('10.1.0.64');
  });
});

/** The frames of a capture file that pass the filter, by their names. */
function passing(filter: string, frames: Readonly<Record<string, FrameBuilder>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'capture-filter-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, captureFile(Object.values(frames).map((frame) => frame.bytes())));
    const { status, stdout, stderr } = spawnSync('tcpdump', ['-r', file, '-n', '-tt', filter], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`tcpdump: ${stderr}`);
    // Each frame was "captured" at the second of its number.
    const numbers = [...stdout.matchAll(/^(\d+)\./gm)].map(([, second]) => Number(second));
    return numbers.map((number) => Object.keys(frames)[number - 1]!);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** pcap-savefile(5), Ethernet. */
function captureFile(frames: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  for (const [index, value] of [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1].entries())
    header.writeUInt32LE(value, 4 * index);
  const records = frames.flatMap((frame, index) => {
    const record = Buffer.alloc(16);
    for (const [at, value] of [index + 1, 0, frame.length, frame.length].entries())
      record.writeUInt32LE(value, 4 * at);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}

const wanted: Readonly<Record<string, FrameBuilder>> = {
  'TCP to us': eth().ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'UDP over IPv6 to us': eth().ipv6(CLIENT6, VIP6).udp(1, 53),
  'later fragment': eth().ipv4(CLIENT, VIP, { fragmentOffsetBytes: 8 }).raw(payloadOf(8), { ipProtocol: 17 }),
  'ICMP error': eth()
    .ipv4('198.51.100.1', VIP)
    .icmp(3, 4, packet().ipv4(VIP, CLIENT).tcp(80, 1, ACK)),
  'one tag': eth().vlan(7).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'two tags, IPv6': eth().vlan(7).vlan(8).ipv6(CLIENT6, VIP6).tcp(1, 80, SYN),
  'service tag': eth().vlan(7, 0x88a8).vlan(8).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'our reply': eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
    .ipv4(VIP, CLIENT)
    .tcp(80, 1, SYN | ACK),
  'claim of the virtual address': eth({ to: 'ff:ff:ff:ff:ff:ff', from: OTHER_MAC }).arp({
    senderMac: OTHER_MAC,
    senderIp: VIP,
    targetIp: VIP,
  }),
};
const unwanted: Readonly<Record<string, FrameBuilder>> = {
  'to another address': eth().ipv4(CLIENT, '10.0.0.1').tcp(1, 80, SYN),
  'to another MAC': eth({ to: OTHER_MAC }).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'what we forwarded': eth({ from: DIRECTOR_MAC, to: OTHER_MAC }).ipv4(CLIENT, VIP).tcp(1, 80, SYN),
  'what we forwarded, tagged': eth({ from: DIRECTOR_MAC, to: OTHER_MAC })
    .vlan(7)
    .ipv4(CLIENT, VIP)
    .tcp(1, 80, SYN),
  'our ICMP answer': eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC })
    .ipv4(VIP, CLIENT)
    .icmp(3, 3, packet().ipv4(CLIENT, VIP).udp(1, 2)),
  'ARP request for the virtual address': eth({ to: 'ff:ff:ff:ff:ff:ff' }).arp({
    senderMac: GATEWAY_MAC,
    senderIp: '10.0.0.254',
    targetIp: VIP,
  }),
  'our own claim': eth({ to: 'ff:ff:ff:ff:ff:ff', from: DIRECTOR_MAC }).arp({
    senderMac: DIRECTOR_MAC,
    senderIp: VIP,
    targetIp: VIP,
  }),
  'our own ssh': eth({ from: DIRECTOR_MAC, to: GATEWAY_MAC }).ipv4('10.0.0.1', CLIENT).tcp(22, 1, ACK),
};

describe.skipIf(missing !== '')('libpcap', () => {
  test('lets in what the path wants, and no more', () => {
    expect(passing(filterFor([VIP, VIP6]), { ...wanted, ...unwanted })).toEqual(Object.keys(wanted));
  });

  test('lets nothing in without virtual addresses', () => {
    expect(passing(filterFor([]), wanted)).toEqual([]);
  });

  test('takes the filter of as many addresses as are named, and of more', () => {
    for (const count of [64, 65, 1000]) {
      const addresses = Array.from({ length: count }, (_, index) =>
        index % 2 ? `10.1.${index >> 8}.${index & 255}` : `fd00::${index.toString(16)}`,
      );
      expect(passing(filterFor(addresses), { other: wanted['TCP to us']! })).toEqual(
        count > 64 ? ['other'] : [],
      );
    }
  });
});
