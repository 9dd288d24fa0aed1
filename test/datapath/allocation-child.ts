/**
 * Run by allocation.test.ts in a process of its own: forwards a million frames of each kind and prints, as JSON, how
 * many bytes the heap grew for each frame while nothing was collected, and how often the collector ran all the same.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { forward } from '../../src/datapath/forward.ts';
import { createPath, type Path } from '../../src/datapath/path.ts';
import { verdictNames } from '../../src/datapath/verdict.ts';
import { parseMac } from '../../src/wire/address.ts';
import { PathSession } from '../../src/worker/session.ts';
import { addServer, addService } from '../helpers/edits.ts';
import {
  ACK,
  DIRECTOR_MAC,
  eth,
  type FrameBuilder,
  packet,
  payloadOf,
  RST,
  SYN,
} from '../helpers/frame-builder.ts';
import { CLIENT, CLIENT6, VIP, VIP6 } from '../helpers/sample-frames.ts';

const FRAMES = Number(process.argv[2] ?? 1_000_000);
const WARM_UP_FRAMES = 50_000;

const EDITS = [
  addService(`tcp ${VIP}:80`, { scheduler: 'wlc' }),
  addServer(`tcp ${VIP}:80`, '10.0.0.11:80'),
  addServer(`tcp ${VIP}:80`, '10.0.0.12:80'),
  addService(`udp ${VIP}:53`),
  addServer(`udp ${VIP}:53`, '10.0.0.11:53'),
  addService(`udp ${VIP}:54`, { onePacket: true, scheduler: 'rr' }),
  addServer(`udp ${VIP}:54`, '10.0.0.11:54'),
  addService(`udp ${VIP}:55`),
  addService(`tcp [${VIP6}]:80`),
  addServer(`tcp [${VIP6}]:80`, '[fd00:10::b]:80'),
];

function createTestPath(): Path {
  const path = createPath({
    sink: { transmit: () => true, deliver: () => true },
    ownMac: parseMac(DIRECTOR_MAC)!,
    connectionTableSize: 1000,
    seed: [1, 2],
  });
  const session = new PathSession(path);
  session.setNextHops(
    ['10.0.0.11', '10.0.0.12', 'fd00:10::b'].map((address) => ({
      address,
      kind: 'neighbor',
      mac: '02:00:00:00:00:0b',
      interface: null,
    })),
  );
  session.edit(EDITS);
  return path;
}

interface Kind {
  readonly name: string;
  readonly prepare?: (path: Path) => void;
  readonly before?: FrameBuilder;
  readonly frame: FrameBuilder;
  readonly verdict: string;
  /** Changes the frame in memory, so that the next one is of another connection. */
  readonly vary?: (frame: DataView, count: number) => void;
}

const client4 = () => eth().ipv4(CLIENT, VIP);
const client6 = () => eth().ipv6(CLIENT6, VIP6);
const IDENTIFICATION_OFFSET = 18;
const CLIENT_LOW_OFFSET = 28;
const CLIENT_PORT_OFFSET = 34;
/** Every frame from another port: with a table of 1000, all but the first of them find it full. */
const otherPort = (frame: DataView, count: number): void =>
  frame.setUint16(CLIENT_PORT_OFFSET, 1024 + (count % 60_000));
/** Every frame of another client. The identification makes up for its address in the checksum. */
function otherFlow(frame: DataView, count: number): void {
  const sum = frame.getUint16(IDENTIFICATION_OFFSET) + frame.getUint16(CLIENT_LOW_OFFSET);
  const low = count % 0xffff;
  frame.setUint16(CLIENT_LOW_OFFSET, low);
  frame.setUint16(IDENTIFICATION_OFFSET, (sum + 0xffff - low) % 0xffff);
  frame.setUint16(CLIENT_PORT_OFFSET, 1024 + Math.floor(count / 0xffff));
}

const KINDS: readonly Kind[] = [
  {
    name: 'IPv4 TCP of a connection',
    before: client4().tcp(31337, 80, SYN),
    frame: client4().tcp(31337, 80, ACK, { payload: payloadOf(100) }),
    verdict: 'Forward',
  },
  {
    name: 'IPv6 TCP of a connection',
    before: client6().tcp(31337, 80, SYN),
    frame: client6().tcp(31337, 80, ACK, { payload: payloadOf(100) }),
    verdict: 'Forward',
  },
  {
    name: 'IPv4 UDP of a connection',
    frame: client4().udp(5000, 53, { payload: payloadOf(100) }),
    verdict: 'Forward',
  },
  {
    name: 'tagged frame of a connection',
    before: client4().tcp(31337, 80, SYN),
    frame: eth().vlan(7).ipv4(CLIENT, VIP).tcp(31337, 80, ACK),
    verdict: 'Forward',
  },
  { name: 'one-packet scheduling', frame: client4().udp(5000, 54), verdict: 'Forward' },
  {
    name: 'connection that begins and ends',
    frame: client4().tcp(31337, 80, SYN),
    verdict: 'Forward',
    vary: (frame, count) => frame.setUint8(47, count & 1 ? RST : SYN | ACK),
  },
  {
    name: 'SYN flood against a full table',
    frame: client4().tcp(31337, 80, SYN),
    verdict: 'Forward',
    vary: otherPort,
  },
  {
    name: 'SYN flood, its first SYNs dropped',
    prepare: ({ synFlood }) => {
      synFlood.countHalfOpen();
      synFlood.countHalfOpen();
      synFlood.look(0, 1);
    },
    frame: client4().tcp(31337, 80, SYN),
    verdict: 'DropFirstSyn',
    vary: otherFlow,
  },
  {
    name: 'UDP flood against a full table',
    frame: client4().udp(5000, 53),
    verdict: 'Forward',
    vary: otherPort,
  },
  {
    name: 'flood of connections against a table that is full of such',
    frame: client4().tcp(31337, 80, SYN),
    verdict: 'DropConnectionTableFull',
    vary: (frame, count) => {
      otherPort(frame, (count + 1) >> 1);
      frame.setUint8(47, count & 1 ? SYN : ACK);
    },
  },
  {
    name: 'ICMP error about a connection',
    before: client4().tcp(31337, 80, SYN),
    frame: eth()
      .ipv4('198.51.100.1', VIP)
      .icmp(3, 4, packet().ipv4(VIP, CLIENT).tcp(80, 31337, ACK)),
    verdict: 'ForwardIcmpError',
  },
  { name: 'answer or none: port unreachable', frame: client4().udp(5000, 55), verdict: 'DropReplyLimit' },
  { name: 'no service', frame: client4().tcp(31337, 81, SYN), verdict: 'PassNotVirtual' },
  { name: 'nothing that opens', frame: client4().tcp(31337, 80, ACK), verdict: 'DeliverUnscheduled' },
];

function run(
  path: Path,
  view: DataView,
  memory: Uint8Array,
  bytes: Uint8Array,
  kind: Kind,
  frames: number,
): number {
  let verdict = -1;
  for (let count = 0; count < frames; count++) {
    memory.set(bytes);
    kind.vary?.(view, count);
    verdict = forward(path, view, bytes.length);
  }
  return verdict;
}

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });
const collect = (globalThis as { gc?: () => void }).gc!;

const results: Record<string, unknown>[] = [];
for (const kind of KINDS) {
  const path = createTestPath();
  const memory = new Uint8Array(2048);
  const view = new DataView(memory.buffer);
  const forwardOnce = (frame: FrameBuilder) => {
    memory.set(frame.bytes());
    forward(path, view, frame.bytes().length);
  };
  kind.prepare?.(path);
  if (kind.before !== undefined) forwardOnce(kind.before);
  const bytes = kind.frame.bytes();
  run(path, view, memory, bytes, kind, WARM_UP_FRAMES);
  collect();
  await new Promise((resolve) => setTimeout(resolve, 20));
  collections = 0;
  const before = process.memoryUsage().heapUsed;
  const verdict = run(path, view, memory, bytes, kind, FRAMES);
  const grownBytes = process.memoryUsage().heapUsed - before;
  await new Promise((resolve) => setTimeout(resolve, 20));
  results.push({
    name: kind.name,
    expected: kind.verdict,
    verdict: verdictNames.get(verdict),
    grownBytes,
    collections,
  });
}
console.log(JSON.stringify(results));
