/** The ring engine under a load that it can carry: nothing lost, and for a long time no memory gained. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { barCells, markdownTable } from '../table.ts';
import { BENCH_FOLDER, one, withTestbed } from '../xdp/rig.ts';

const PEER = 'director-ring';
/** More than anybody can send here. */
const WITHOUT_BOUND = 10_000_000;
const PEAK_SEC = 5;
const FLOWS = 1000;
const LOSS_SEC = 30;
const LOSS_OF_PEAK = 0.6;
const SOAK_SEC = 600;
const SOAK_OF_PEAK = 0.5;
/** So that the table is in use, and does not fill. */
const SOAK_FLOWS = 100_000;
/** Of the measurements of memory, those that are the begin and those that are the end. */
const EDGE_SAMPLES = 5;
/** While the table fills, and code is compiled. */
const WARM_UP_SAMPLES = 6;
const MIB = 2 ** 20;
const MAX_GROWTH_MIB = 1;

interface Steady {
  readonly sent: number;
  readonly back: number;
  /** DropRingFull. */
  readonly unseen: number;
}

interface MemorySample {
  readonly role: 'daemon' | 'worker';
  readonly rss: number;
  readonly heapUsed: number;
}

export function loss(): string {
  return withTestbed(() => {
    const peak = measurePeak();
    const { sent, back, unseen } = steady(peak * LOSS_OF_PEAK, LOSS_SEC, FLOWS);
    return markdownTable(
      ['frames a second at most', 'offered', 'for', 'sent', '`DropRingFull`', 'lost', 'bar', ''],
      [
        [
          peak.toFixed(0),
          `${100 * LOSS_OF_PEAK} % of it`,
          `${LOSS_SEC} s`,
          String(sent),
          String(unseen),
          String(sent - back),
          ...barCells(sent - back, { atMost: 0 }),
        ],
      ],
    );
  });
}

export function soak(): string {
  const folder = mkdtempSync(join(tmpdir(), 'director-bench-'));
  try {
    return withTestbed(() => {
      const peak = measurePeak();
      const { sent, back } = steady(peak * SOAK_OF_PEAK, SOAK_SEC, SOAK_FLOWS, {
        NODE_OPTIONS: `--import ${join(BENCH_FOLDER, 'ring/memory-log.mjs')}`,
        MEMORY_LOG: folder,
      });
      const said = `${SOAK_SEC / 60} minutes at half of ${peak.toFixed(0)} frames a second, ${SOAK_FLOWS.toLocaleString('en')} flows: ${sent} frames sent, ${sent - back} lost.`;
      return `${said}\n\n${memoryTable(folder)}`;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const measurePeak = (): number => steady(WITHOUT_BOUND, PEAK_SEC, FLOWS).back / PEAK_SEC;

function steady(
  rate: number,
  seconds: number,
  flows: number,
  environment: Readonly<Record<string, string>> = {},
): Steady {
  const [line] = one(['steady', PEER, rate.toFixed(0), String(seconds), String(flows)], environment);
  const [sent, back, unseen] = line!.map(Number);
  return { sent: sent!, back: back!, unseen: unseen! };
}

/** Of each process that lived throughout: the one at work, the one that stands by, the daemon. */
function memoryTable(folder: string): string {
  const logs = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .map((lines) => lines.map((line) => JSON.parse(line) as MemorySample).slice(WARM_UP_SAMPLES))
    .filter((samples) => samples.length >= 2 * EDGE_SAMPLES);
  const rows = logs.map((samples) => {
    const begin = samples.slice(0, EDGE_SAMPLES);
    const end = samples.slice(-EDGE_SAMPLES);
    const heap = [begin, end].map((some) => mebibytes(some, 'heapUsed'));
    const rss = [begin, end].map((some) => mebibytes(some, 'rss'));
    const growth = heap[1]! - heap[0]!;
    return [
      samples[0]!.role,
      ...heap.map((value) => value.toFixed(2)),
      ...rss.map((value) => value.toFixed(1)),
      growth.toFixed(2),
      ...barCells(growth, { atMost: MAX_GROWTH_MIB }),
    ];
  });
  const head = [
    'process',
    'heap, MiB: begin',
    'end',
    'RSS, MiB: begin',
    'end',
    'the heap grew by',
    'bar',
    '',
  ];
  return markdownTable(head, rows);
}

/** The least of them: what is in use whatever else happens to be. */
const mebibytes = (samples: readonly MemorySample[], of: 'rss' | 'heapUsed'): number =>
  Math.min(...samples.map((sample) => sample[of])) / MIB;
