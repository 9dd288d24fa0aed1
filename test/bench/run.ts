/**
 * `npm run bench`: what forwarding costs, as medians with spread. `npm run bench -- NAME...` runs only those, and
 * `soak` only so; --vm adds the comparison with IPVS in a virtual machine. The path alone needs nothing; all else needs root and is left out,
 * aloud, without it.
 */
import { measureCapture } from './capture.ts';
import { measureHandover } from './handover.ts';
import { measurePage } from './page.ts';
import { measurePath, type PathRow } from './path.ts';
import { measurePcap } from './pcap.ts';
import { measureReplay } from './replay.ts';
import { measureRestore } from './restore.ts';
import { benchRing, RING_PARTS } from './ring.ts';
import { barCells, markdownTable, measuredTable } from './table.ts';
import { circumstances, writeReport } from './xdp/report.ts';
import { benchXdp, XDP_PARTS } from './xdp.ts';

function benchPath(): void {
  console.log(`\nThe TypeScript path alone, one core:\n\n${tableOf(measurePath())}`);
}

function benchHandover(): void {
  console.log(`\nA process takes over from another:\n\n${tableOf(measureHandover())}`);
}

function tableOf(rows: readonly PathRow[]): string {
  return measuredTable(
    'what',
    rows.map(({ what, unit, summary, bar }) => ({
      what: `${what}, ${unit}`,
      summary,
      digits: 0,
      bar: bar === undefined ? undefined : { atMost: bar },
    })),
  );
}

async function benchPcap(): Promise<void> {
  const { ours, bare, ratio } = await measurePcap();
  const table = measuredTable('frames per second, overloaded, in turns', [
    { what: 'director, 1,000 UDP flows', summary: ours, digits: 0 },
    { what: 'bare cap loop', summary: bare, digits: 0 },
    { what: 'ratio', summary: ratio, digits: 2, bar: { atLeast: 0.85 } },
  ]);
  console.log(`\nThe pcap engine on veth:\n\n${table}`);
}

async function benchCapture(): Promise<void> {
  const when = circumstances();
  const tables: string[] = [];
  for (const datapath of ['pcap', 'ring', 'xdp'] as const) {
    const result = await measureCapture(datapath);
    const bar = { atLeast: 0.9 };
    const table = measuredTable(`${datapath}: frames per second, overloaded, in turns`, [
      { what: 'nobody captures', summary: result.without, digits: 0 },
      { what: 'a filter that nothing passes', summary: result.filtered, digits: 0 },
      { what: 'every frame', summary: result.everything, digits: 0 },
      { what: 'ratio, the filter', summary: result.filteredRatio, digits: 2, bar },
      { what: 'ratio, every frame', summary: result.everythingRatio, digits: 2, bar },
    ]);
    tables.push(`${table}\n\nThe captures of every frame said: ${result.said.join('. ')}.`);
  }
  writeReport('capture', `\n${when}\n\n${tables.join('\n\n')}\n`);
  console.log(`\nForwarding while somebody captures:\n\n${tables.join('\n\n')}`);
}

async function benchRestore(): Promise<void> {
  const { restore, list } = await measureRestore();
  const table = measuredTable('milliseconds of the whole command', [
    { what: 'diradm -R', summary: restore, digits: 0, bar: { atMost: 3000 } },
    { what: 'diradm -L -n', summary: list, digits: 0, bar: { atMost: 1000 } },
  ]);
  console.log(`\n1,000 services with 10 servers each:\n\n${table}`);
}

function benchReplay(): void {
  const when = circumstances();
  const head = ['replay of', 'thousand packets a second of CPU time', '10 % … 90 %', 'bar', ''];
  const table = markdownTable(
    [...head, 'by the clock', 'memory at most, MiB', 'bar', ''],
    measureReplay().map(({ what, packetsPerSecond, wallPacketsPerSecond, memoryMiB, hasBar }) => [
      what,
      thousands(packetsPerSecond.median),
      `${thousands(packetsPerSecond.low)} … ${thousands(packetsPerSecond.high)}`,
      ...barCells(packetsPerSecond.median / 1000, hasBar ? { atLeast: 500 } : undefined),
      thousands(wallPacketsPerSecond.median),
      memoryMiB.median.toFixed(0),
      ...barCells(memoryMiB.median, hasBar ? { atMost: 200 } : undefined),
    ]),
  );
  writeReport('replay', `\n${when}\n\n${table}\n`);
  console.log(`\ndirector replay, a million packets of 60 bytes:\n\n${table}`);
}

async function benchPage(): Promise<void> {
  const when = circumstances();
  const { usable, key, wheel, heapBefore, heapAfter, nodesBefore, nodesAfter } = await measurePage();
  const times = measuredTable('1,000 services, 10,000 servers, all down; milliseconds', [
    {
      what: 'from the call for it until it shows services',
      summary: usable,
      digits: 0,
      bar: { atMost: 1000 },
    },
    { what: 'a key in the filter', summary: key, digits: 0, bar: { atMost: 100 } },
    { what: 'a turn of the wheel', summary: wheel, digits: 0, bar: { atMost: 100 } },
  ]);
  const memory = markdownTable(
    ['the tab', 'at first', 'a minute later', 'bar', ''],
    [
      [
        'heap without garbage, MiB',
        heapBefore.toFixed(1),
        heapAfter.toFixed(1),
        ...barCells(heapAfter, { atMost: Math.ceil(heapBefore * 1.1) }),
      ],
      ['nodes of the document', `${nodesBefore}`, `${nodesAfter}`, '', ''],
    ],
  );
  writeReport('page', `\n${when}\n\n${times}\n\n${memory}\n`);
  console.log(`\nThe web page:\n\n${times}\n\n${memory}`);
}

const thousands = (perSecond: number): string => (perSecond / 1000).toFixed(0);

interface Bench {
  readonly needsRoot: boolean;
  readonly run: () => void | Promise<void>;
}

const BENCHES = new Map<string, Bench>([
  ['path', { needsRoot: false, run: benchPath }],
  ['handover', { needsRoot: false, run: benchHandover }],
  ['replay', { needsRoot: false, run: benchReplay }],
  ['restore', { needsRoot: true, run: benchRestore }],
  ['page', { needsRoot: true, run: benchPage }],
  ['pcap', { needsRoot: true, run: benchPcap }],
  ...RING_PARTS.map((part): [string, Bench] => [part, { needsRoot: true, run: () => benchRing(part) }]),
  ['capture', { needsRoot: true, run: benchCapture }],
  ...XDP_PARTS.map((part): [string, Bench] => [part, { needsRoot: true, run: () => benchXdp(part) }]),
]);

/** What the words of the command line name; `xdp` is all of the XDP datapath. */
function chosen(words: readonly string[]): string[] {
  const withVm = words.includes('--vm');
  const rest = words.filter((word) => word !== '--vm');
  const xdp = XDP_PARTS.filter((part) => part !== 'vm' || withVm);
  const all = [...BENCHES.keys()].filter((name) => name !== 'soak' && (name !== 'vm' || withVm));
  const names = rest.length === 0 ? all : rest.flatMap((word) => (word === 'xdp' ? xdp : [word]));
  const unknown = names.find((name) => !BENCHES.has(name));
  if (unknown === undefined) return names;
  console.error(
    `there is no benchmark ${unknown}; there are: ${[...BENCHES.keys(), 'xdp'].join(', ')}, --vm`,
  );
  process.exit(2);
}

for (const name of chosen(process.argv.slice(2))) {
  const { needsRoot, run } = BENCHES.get(name)!;
  if (needsRoot && process.getuid?.() !== 0) console.log(`\nSKIPPED: ${name} needs root.`);
  else await run();
}
