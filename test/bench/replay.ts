/**
 * `director replay` of a capture of a million packets, each time as a process of its own: how many packets in a second
 * of its CPU time, the start of Node.js included, and how much memory it had at most.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encodePcapFileHeader, encodePcapFrameHeader } from '../../src/capture-file/encode-pcap.ts';
import {
  encodeEnhancedPacket,
  encodeInterface,
  encodeSection,
} from '../../src/capture-file/encode-pcapng.ts';
import { TcpFlag } from '../../src/wire/transport.ts';
import { FrameTemplate } from './path.ts';
import { type Summary, summarize } from './statistics.ts';

const ROUNDS = 5;
const PACKETS = 1_000_000;
const CONNECTIONS = 100_000;
const PACKETS_PER_CONNECTION = PACKETS / CONNECTIONS;
/** Connections that are open at a time take turns. */
const ALIVE = 1000;
const PACKETS_PER_SECOND = 10_000;
const FRAME_BYTES = 60;
const RULES = [
  '-A -t 10.10.0.100:80 -s wlc',
  ...[11, 12, 13, 14].map((host) => `-a -t 10.10.0.100:80 -r 10.10.0.${host} -g -w 1`),
];

export interface ReplayRow {
  readonly what: string;
  /** Of CPU time. */
  readonly packetsPerSecond: Summary;
  readonly wallPacketsPerSecond: Summary;
  readonly memoryMiB: Summary;
  readonly hasBar: boolean;
}

const VARIANTS: readonly { what: string; file: string; options: readonly string[]; hasBar: boolean }[] = [
  { what: 'pcap, microseconds', file: 'micro.pcap', options: [], hasBar: true },
  { what: 'pcap, nanoseconds', file: 'nano.pcap', options: [], hasBar: true },
  { what: 'pcapng', file: 'frames.pcapng', options: [], hasBar: true },
  { what: 'pcap with gzip', file: 'micro.pcap.gz', options: [], hasBar: false },
  { what: 'pcap, with -w', file: 'micro.pcap', options: ['-w', 'out.pcap'], hasBar: false },
  {
    what: 'pcap, rr and wlc compared, with --html',
    file: 'micro.pcap',
    options: ['--compare', 'rr,wlc', '--html', 'report.html'],
    hasBar: false,
  },
  { what: 'pcap, with --packets', file: 'micro.pcap', options: ['--packets'], hasBar: false },
];

/** In turns, so that what else the machine does meets all alike. */
export function measureReplay(): ReplayRow[] {
  const folder = mkdtempSync(join(tmpdir(), 'director-bench-'));
  try {
    writeCaptures(folder);
    const samples = VARIANTS.map(() => [] as Sample[]);
    for (let round = 0; round < ROUNDS; round++)
      for (const [index, variant] of VARIANTS.entries())
        samples[index]!.push(replayOnce(folder, [variant.file, ...variant.options]));
    return VARIANTS.map(({ what, hasBar }, index) => {
      const of = (read: (sample: Sample) => number) => summarize(samples[index]!.map(read));
      return {
        what,
        hasBar,
        packetsPerSecond: of(({ cpuSec }) => PACKETS / cpuSec),
        wallPacketsPerSecond: of(({ wallSec }) => PACKETS / wallSec),
        memoryMiB: of(({ maxRssKiB }) => maxRssKiB / 1024),
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Sample {
  readonly cpuSec: number;
  readonly wallSec: number;
  readonly maxRssKiB: number;
}

/** The process writes what it took when it ends. */
function replayOnce(folder: string, args: readonly string[]): Sample {
  const usage = join(folder, 'usage.json');
  const main = join(import.meta.dirname, '../../src/cli/director/main.js');
  const preload = `data:text/javascript,${encodeURIComponent(saying(usage))}`;
  const output = openSync(join(folder, 'output'), 'w');
  execFileSync(process.execPath, ['--import', preload, main, 'replay', ...args, '--rules', 'rules'], {
    cwd: folder,
    stdio: ['ignore', output, 'inherit'],
  });
  closeSync(output);
  const said = readFileSync(join(folder, 'output'), 'utf8');
  const isComplete = args.includes('--packets')
    ? said.split('\n').length === PACKETS + 1
    : /^Forward +1,000,000/m.test(said);
  if (!isComplete) throw new Error(`the replay is not complete: ${said.slice(0, 2000)}`);
  return JSON.parse(readFileSync(usage, 'utf8'));
}

/** resourceUsage().maxRSS has what this process had before the fork, too; VmHWM has not. */
const saying = (usage: string): string => `
  import { readFileSync, writeFileSync } from 'node:fs';
  process.on('exit', () => {
    const { user, system } = process.cpuUsage();
    const maxRssKiB = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    const said = { cpuSec: (user + system) / 1e6, wallSec: process.uptime(), maxRssKiB };
    writeFileSync(${JSON.stringify(usage)}, JSON.stringify(said));
  });`;

function writeCaptures(folder: string): void {
  writeFileSync(join(folder, 'rules'), `${RULES.join('\n')}\n`);
  writeFrames(join(folder, 'micro.pcap'), [encodePcapFileHeader('microseconds')], (frame) => [
    encodePcapFrameHeader(frame, 'microseconds'),
    frame.data,
  ]);
  writeFrames(join(folder, 'nano.pcap'), [encodePcapFileHeader('nanoseconds')], (frame) => [
    encodePcapFrameHeader(frame, 'nanoseconds'),
    frame.data,
  ]);
  const head = [encodeSection('bench'), encodeInterface('eth0')];
  writeFrames(join(folder, 'frames.pcapng'), head, (frame) => [encodeEnhancedPacket(frame)]);
  writeFileSync(
    join(folder, 'micro.pcap.gz'),
    gzipSync(readFileSync(join(folder, 'micro.pcap')), { level: 6 }),
  );
}

type Frame = Parameters<typeof encodeEnhancedPacket>[0];

function writeFrames(
  path: string,
  head: readonly Uint8Array[],
  encode: (frame: Frame) => Uint8Array[],
): void {
  const file = openSync(path, 'w');
  let parts: Uint8Array[] = [...head];
  for (const frame of frames()) {
    parts.push(...encode(frame).map((part) => Uint8Array.from(part)));
    if (parts.length < 20_000) continue;
    writeSync(file, Buffer.concat(parts));
    parts = [];
  }
  writeSync(file, Buffer.concat(parts));
  closeSync(file);
}

/** SYN, data, FIN of each connection; a thousand connections at a time take turns. */
function* frames(): Generator<Frame> {
  const templates = { first: TcpFlag.Syn, between: TcpFlag.Ack, last: TcpFlag.Fin | TcpFlag.Ack };
  const first = new FrameTemplate(80, templates.first);
  const between = new FrameTemplate(80, templates.between);
  const last = new FrameTemplate(80, templates.last);
  for (let sent = 0; sent < PACKETS; sent++) {
    const group = Math.floor(sent / (ALIVE * PACKETS_PER_CONNECTION));
    const turn = Math.floor(sent / ALIVE) % PACKETS_PER_CONNECTION;
    const template = turn === 0 ? first : turn === PACKETS_PER_CONNECTION - 1 ? last : between;
    template.restore(group * ALIVE + (sent % ALIVE));
    yield {
      seconds: 1_700_000_000 + Math.floor(sent / PACKETS_PER_SECOND),
      nanoseconds: (sent % PACKETS_PER_SECOND) * (1e9 / PACKETS_PER_SECOND),
      data: new Uint8Array(template.view.buffer),
      originalLength: FRAME_BYTES,
      interface: 0,
    };
  }
}
