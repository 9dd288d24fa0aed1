/** The capture filter: its text, and what libpcap, asked through tcpdump, makes of it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseMac } from '../../src/wire/address.ts';
import { DIRECTOR_MAC, type FrameBuilder } from '../helpers/frame-builder.ts';
import { VIP, VIP6 } from '../helpers/sample-frames.ts';
import { OUR_REPLY, unwanted, wanted } from '../helpers/wanted-frames.ts';

/** engine/pcap.ts needs the cap package, which is optional; tcpdump may be missing too. */
const engine = await import('../../src/engine/pcap.ts').catch(() => undefined);
const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;
const missing = [engine === undefined && 'the cap package', !hasTcpdump && 'tcpdump']
  .filter(Boolean)
  .join(' and ');
if (missing !== '')
  console.warn(`capture-filter.test.ts: skipped what needs ${missing}, which is not installed`);

const filterFor = (addresses: readonly string[], ownReplies = true): string =>
  engine!.captureFilter({ ownMac: parseMac(DIRECTOR_MAC)!, addresses, ownReplies });

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

describe.skipIf(missing !== '')('libpcap', () => {
  test('lets in what the path wants, and no more', () => {
    expect(passing(filterFor([VIP, VIP6]), { ...wanted, ...unwanted })).toEqual(Object.keys(wanted));
  });

  test('lets in nothing that this host sends if that is not wanted', () => {
    const { [OUR_REPLY]: ours, ...others } = wanted;
    const filter = filterFor([VIP, VIP6], false);
    expect(passing(filter, { ...others, [OUR_REPLY]: ours!, ...unwanted })).toEqual(Object.keys(others));
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
