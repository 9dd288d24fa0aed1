/**
 * What the TypeScript path costs by itself: frames from memory to memory, one core. Before each frame is handled it
 * is put back as it was received; what that alone costs is measured in the same run and taken off.
 */
import { connectionTableBytes } from '../../src/connection/connection-table.ts';
import { forward } from '../../src/datapath/forward.ts';
import { createPath, type Path, type PathMemory } from '../../src/datapath/path.ts';
import { Verdict } from '../../src/datapath/verdict.ts';
import { fold16 } from '../../src/wire/checksum.ts';
import { TcpFlag } from '../../src/wire/transport.ts';
import { PathSession } from '../../src/worker/session.ts';
import { type Summary, summarize } from './statistics.ts';

const SAMPLES = 15;
const FRAMES_PER_SAMPLE = 400_000;
const NEW_PER_SAMPLE = 200_000;
const MILLION = 1_000_000;
const FRAME_BYTES = 60;
const OWN_MAC = { high: 0x0200, low: 0x00000100 };
const VIRTUAL_ADDRESS = 0x0a0a0064;
const CLIENT_NETWORK = 0x0b000000;

export interface PathRow {
  readonly what: string;
  readonly unit: string;
  readonly summary: Summary;
  /** At most; undefined: no bar. */
  readonly bar?: number;
}

export function measurePath(): PathRow[] {
  return [
    { what: 'hit, 1,000 connections', unit: 'ns/frame', summary: summarize(hits(1000)), bar: 150 },
    { what: 'hit, 100,000 connections', unit: 'ns/frame', summary: summarize(hits(100_000)) },
    { what: 'hit, 1,000,000 connections', unit: 'ns/frame', summary: summarize(hits(MILLION)) },
    { what: 'new connection, rr', unit: 'ns/frame', summary: summarize(news('rr')), bar: 600 },
    { what: 'new connection, wlc', unit: 'ns/frame', summary: summarize(news('wlc')), bar: 600 },
    { what: 'not ours (no such service)', unit: 'ns/frame', summary: summarize(notOurs()) },
    {
      what: 'memory, 1,000,000 connections',
      unit: 'bytes each',
      summary: summarize([bytesPerConnection()]),
      bar: 120,
    },
  ];
}

/** One TCP frame that can be any client's. */
export class FrameTemplate {
  readonly view = new DataView(new ArrayBuffer(FRAME_BYTES));
  private readonly baseSum: number;

  constructor(port: number, flags: number) {
    const { view } = this;
    view.setUint32(8, 0x00000200);
    view.setUint16(12, 0x0800);
    view.setUint16(14, 0x4500);
    view.setUint16(16, 40);
    view.setUint16(22, 0x4006);
    view.setUint32(30, VIRTUAL_ADDRESS);
    view.setUint16(36, port);
    view.setUint8(46, 0x50);
    view.setUint8(47, flags);
    let sum = 0;
    for (let at = 14; at < 34; at += 2) if (at !== 24) sum += view.getUint16(at);
    this.baseSum = sum;
  }

  /** The frame of client number n, as it was received. */
  restore(n: number): void {
    const { view } = this;
    const client = CLIENT_NETWORK + (n >>> 8);
    view.setUint16(0, OWN_MAC.high);
    view.setInt32(2, OWN_MAC.low);
    view.setUint8(22, 64);
    view.setUint32(26, client);
    view.setUint16(34, 1024 + (n & 255));
    view.setUint16(24, ~fold16(this.baseSum + (client >>> 16) + (client & 0xffff)) & 0xffff);
  }
}

export function createBenchPath(scheduler: string, connectionTableSize: number, memory?: PathMemory): Path {
  const path = createPath({
    sink: { transmit: () => true, deliver: () => true },
    ownMac: OWN_MAC,
    connectionTableSize,
    seed: [0x12345678, 0x5eed5eed],
    ...(memory === undefined ? {} : { memory }),
  });
  const session = new PathSession(path);
  const service = { protocol: 'tcp', address: '10.10.0.100', port: 80 } as const;
  const servers = [11, 12, 13, 14].map((host) => ({ address: `10.10.0.${host}`, port: 80 }));
  const tunnel = { type: 'ipip', port: 0, checksum: 'none' } as const;
  session.setNextHops(
    servers.map(({ address }, index) => ({
      address,
      kind: 'neighbor',
      mac: `02:00:00:00:00:0${index}`,
      interface: null,
    })),
  );
  session.edit([
    {
      op: 'add-service',
      service,
      options: {
        scheduler,
        schedulerFlags: 0,
        persistentSec: 0,
        netmask: -1 >>> 0,
        onePacket: false,
        persistenceEngine: '',
      },
    },
    ...servers.map((server) => ({
      op: 'add-server' as const,
      service,
      server,
      options: {
        forwarding: 'direct-route' as const,
        weight: 1,
        upperThreshold: 0,
        lowerThreshold: 0,
        tunnel,
      },
    })),
  ]);
  return path;
}

export function connect(path: Path, connections: number): void {
  const syn = new FrameTemplate(80, TcpFlag.Syn);
  for (let n = 0; n < connections; n++) {
    syn.restore(n);
    expectVerdict(forward(path, syn.view, FRAME_BYTES), Verdict.Forward);
  }
}

function hits(connections: number): number[] {
  const path = createBenchPath('rr', connections);
  connect(path, connections);
  const ack = new FrameTemplate(80, TcpFlag.Ack);
  return sampled(
    FRAMES_PER_SAMPLE,
    // A stride that is odd and far from 1 visits the connections in no order that a cache could guess.
    (n) => ack.restore((n * 7919) % connections),
    () => forward(path, ack.view, FRAME_BYTES),
    Verdict.Forward,
  );
}

function news(scheduler: string): number[] {
  const syn = new FrameTemplate(80, TcpFlag.Syn);
  const samples: number[] = [];
  for (let sample = 0; sample < SAMPLES + 1; sample++) {
    const path = createBenchPath(scheduler, NEW_PER_SAMPLE);
    const start = cpuNs();
    for (let n = 0; n < NEW_PER_SAMPLE; n++) {
      syn.restore(n);
      expectVerdict(forward(path, syn.view, FRAME_BYTES), Verdict.Forward);
    }
    samples.push((cpuNs() - start) / NEW_PER_SAMPLE);
  }
  return samples.slice(1);
}

function notOurs(): number[] {
  const path = createBenchPath('rr', 1000);
  connect(path, 1000);
  const other = new FrameTemplate(81, TcpFlag.Ack);
  return sampled(
    FRAMES_PER_SAMPLE,
    (n) => other.restore(n % 1000),
    () => forward(path, other.view, FRAME_BYTES),
    Verdict.PassNotVirtual,
  );
}

/** The first sample warms the compiler up and does not count. */
function sampled(
  frames: number,
  restore: (n: number) => void,
  handle: () => Verdict,
  expected: Verdict,
): number[] {
  const samples: number[] = [];
  for (let sample = 0; sample < SAMPLES + 1; sample++) {
    const startNs = cpuNs();
    for (let n = 0; n < frames; n++) {
      restore(n);
      expectVerdict(handle(), expected);
    }
    const middleNs = cpuNs();
    for (let n = 0; n < frames; n++) restore(n);
    samples.push((middleNs - startNs - (cpuNs() - middleNs)) / frames);
  }
  return samples.slice(1);
}

/** CPU time of this process: what others do on a shared core does not count, as it would in wall time. */
function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

function expectVerdict(verdict: Verdict, expected: Verdict): void {
  if (verdict !== expected)
    throw new Error(`a benchmark frame ended with verdict ${verdict}, not ${expected}`);
}

/** Resident memory that a full table of a million really takes, and not less than its formula says. */
function bytesPerConnection(): number {
  const before = process.memoryUsage().rss;
  const path = createBenchPath('rr', MILLION);
  connect(path, MILLION);
  const grown = process.memoryUsage().rss - before;
  if (path.connections.live !== MILLION) throw new Error('not all connections are there');
  return Math.max(grown, connectionTableBytes(MILLION)) / MILLION;
}
