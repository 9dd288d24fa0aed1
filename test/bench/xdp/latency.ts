/** One frame at a time: how long until it is back, of the same flow and of a new one: perf/one.sh rtt. */
import { summarize } from '../statistics.ts';
import { type Measured, measuredTable } from '../table.ts';
import { one, withTestbed } from './rig.ts';

const ROUNDS = 7;
const FRAMES = 2000;
const FLOOR = 'xdp-tx';
const PEERS = [FLOOR, 'director', 'lb-arr', 'nft-hash'] as const;
const MODES = { same: 'a frame of a known flow', new: 'the first frame of a flow' } as const;
type Mode = keyof typeof MODES;
type Round = Record<string, Record<Mode, number>>;

export function latency(): string {
  const rounds = withTestbed(() => Array.from({ length: ROUNDS }, measureRound));
  const modes = Object.keys(MODES) as Mode[];
  const times = modes.flatMap((mode) => PEERS.map((peer) => timeRow(rounds, mode, peer)));
  const ratios = modes.map((mode) => ratioRow(rounds, mode));
  return [measuredTable('p50, microseconds', times), measuredTable('ratio, round by round', ratios)].join(
    '\n\n',
  );
}

/** The p50 of each peer and mode. */
function measureRound(): Round {
  return Object.fromEntries(
    PEERS.map((peer) => {
      const lines = one(['rtt', peer, String(FRAMES)]);
      for (const [mode, , , , lost] of lines)
        if (!(Number(lost) < FRAMES / 100))
          throw new Error(`${peer}, ${mode}: ${lost} of ${FRAMES} frames lost`);
      return [peer, Object.fromEntries(lines.map(([mode, p50]) => [mode, Number(p50)]))];
    }),
  ) as Round;
}

function timeRow(rounds: readonly Round[], mode: Mode, peer: string): Measured {
  return {
    what: `${MODES[mode]}: ${peer}`,
    summary: summarize(rounds.map((r) => r[peer]![mode])),
    digits: 1,
  };
}

function ratioRow(rounds: readonly Round[], mode: Mode): Measured {
  const ratios = rounds.map((round) => round.director![mode] / round[FLOOR]![mode]);
  return {
    what: `${MODES[mode]}: director to ${FLOOR}`,
    summary: summarize(ratios),
    digits: 2,
    bar: { atMost: 1.3 },
  };
}
