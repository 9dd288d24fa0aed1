/** The ring engine with one frame at a time, and with none. */
import { summarize } from '../statistics.ts';
import { type Measured, measuredTable } from '../table.ts';
import { one, withTestbed } from '../xdp/rig.ts';

const ROUNDS = 5;
const FRAMES = 2000;
const MAX_TURNS = 4;
const RING = 'director-ring';
const PEERS = ['afpacket', RING, 'director-pcap'] as const;
const MAX_MICROSECONDS = 200;
const IDLE_SEC = 20;
const IDLE_ROUNDS = 5;

interface Delay {
  readonly median: number;
  readonly p99: number;
}

/** A frame of a known flow; the next one is sent when it is back. */
export function loneFrame(): string {
  const rounds = withTestbed(() => Array.from({ length: ROUNDS }, () => PEERS.map(measureDelay)));
  const rows = PEERS.flatMap((peer, index) => {
    const delays = rounds.map((round) => round[index]!);
    const summaryOf = (of: keyof Delay) => summarize(delays.map((delay) => delay[of]));
    const bar = peer === RING ? { atMost: MAX_MICROSECONDS } : undefined;
    return [
      { what: `${peer}, median`, summary: summaryOf('median'), digits: 1, bar },
      { what: `${peer}, p99`, summary: summaryOf('p99'), digits: 1 },
    ] satisfies Measured[];
  });
  return measuredTable('microseconds until a lone frame is back', rows);
}

/** A turn in which others had a core for long, so that frames counted as lost after 20 ms, is taken again. */
function measureDelay(peer: string): Delay {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const [line] = one(['rtt', peer, String(FRAMES)]);
    const [, median, , p99, lost] = line!;
    if (Number(lost) < FRAMES / 100) return { median: Number(median), p99: Number(p99) };
  }
  throw new Error(`${peer}: of ${FRAMES} frames one in a hundred was lost, ${MAX_TURNS} times`);
}

export function idle(): string {
  const rounds = withTestbed(() => one(['idle', RING, String(IDLE_SEC), String(IDLE_ROUNDS)])).map(
    (line) => line.map(Number) as [number, number, number],
  );
  const summary = (of: (round: [number, number, number]) => number) => summarize(rounds.map(of));
  return measuredTable(`per cent of a core without a frame, over ${IDLE_SEC} s`, [
    { what: 'daemon', summary: summary(([daemon]) => daemon), digits: 2 },
    {
      what: 'datapath process and the one that stands by',
      summary: summary(([, processes]) => processes),
      digits: 2,
    },
    {
      what: 'together',
      summary: summary(([daemon, processes]) => daemon + processes),
      digits: 2,
      bar: { atMost: 1 },
    },
    {
      what: 'for comparison: Node.js with nothing but a timer of 50 ms',
      summary: summary(([, , nothing]) => nothing),
      digits: 2,
    },
  ]);
}
