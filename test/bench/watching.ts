/**
 * What it costs to look on: 1,000 services with 10,000 servers, each at an address of its own, and a million live
 * connections. How long those who ask wait, and what is forwarded meanwhile: perf/one.sh watching.
 */
import { withRoomForNeighbors } from './neighbor-room.ts';
import { summarize } from './statistics.ts';
import { type Measured, measuredTable } from './table.ts';
import { one, withTestbed } from './xdp/rig.ts';

const SERVICES = 1000;
const SERVERS = 10;
const CONNECTIONS = 1_000_000;
const ROUNDS = 7;
const WINDOW_SEC = 4;

const VARIANTS = { answer: 'all servers answer ARP', silent: 'nearly no server answers ARP' } as const;
type Variant = keyof typeof VARIANTS;

const ASKED = {
  command: 'director status, ms',
  status: 'GET /v1/status, ms',
  scrape: 'GET /metrics with series of each server, ms',
} as const;

/** What was forwarded. */
interface Window {
  /** Frames per second of the time that generator, program and sink had on their core. */
  readonly rate: number;
  /** So much of the core that was. */
  readonly share: number;
}

const RATE = 'million frames per second of the core';

interface Round {
  readonly without: Window;
  readonly with: Window;
  readonly asked: Readonly<Record<keyof typeof ASKED, readonly number[]>>;
}

export function watching(): Promise<string> {
  return withRoomForNeighbors(() =>
    (Object.keys(VARIANTS) as Variant[])
      .map((variant) =>
        tableOf(
          variant,
          withTestbed(() => measure(variant)),
        ),
      )
      .join('\n\n'),
  );
}

function measure(variant: Variant): Round[] {
  const environment = {
    DIRECTOR_SERVICES: String(SERVICES - 2),
    DIRECTOR_SERVERS: String(SERVERS),
    DIRECTOR_OWN: variant,
    DIRECTOR_FILL: String(CONNECTIONS),
    DIRECTOR_TABLE: String(2 * CONNECTIONS),
    DIRECTOR_OPTIONS: `--metrics-servers ${2 * SERVICES * SERVERS}`,
  };
  return roundsOf(one(['watching', 'director', String(ROUNDS), String(WINDOW_SEC)], environment));
}

/** What was asked in a round stands before what was forwarded in it. */
function roundsOf(lines: readonly string[][]): Round[] {
  const rounds: Round[] = [];
  let asked = { command: [] as number[], status: [] as number[], scrape: [] as number[] };
  for (const [kind, ...words] of lines) {
    if (kind === 'asked') asked[words[0] as keyof typeof ASKED].push(Number(words[1]));
    if (kind !== 'forwarded') continue;
    rounds.push({ without: windowOf(words.slice(0, 4)), with: windowOf(words.slice(4)), asked });
    asked = { command: [], status: [], scrape: [] };
  }
  return rounds;
}

function windowOf(words: readonly string[]): Window {
  const [framesPerSecond, , generator, ksoftirqd] = words.map(Number) as [number, number, number, number];
  const share = generator + ksoftirqd;
  return { rate: framesPerSecond / share, share };
}

function tableOf(variant: Variant, rounds: readonly Round[]): string {
  const summary = (of: (round: Round) => number) => summarize(rounds.map(of));
  const rows: Measured[] = [
    { what: `${RATE}, nobody asks`, summary: summary((round) => round.without.rate / 1e6), digits: 2 },
    { what: `${RATE}, somebody asks`, summary: summary((round) => round.with.rate / 1e6), digits: 2 },
    {
      what: 'ratio, round by round',
      summary: summary((round) => round.with.rate / round.without.rate),
      digits: 3,
      bar: { atLeast: 0.95 },
    },
    {
      what: 'part of core 0 that was had, nobody asks',
      summary: summary((r) => r.without.share),
      digits: 2,
    },
    { what: 'part of core 0 that was had, somebody asks', summary: summary((r) => r.with.share), digits: 2 },
    ...Object.entries(ASKED).map(([name, what]) => ({
      what: `${what}, the slowest of each round`,
      summary: summary(({ asked }) => Math.max(...asked[name as keyof typeof ASKED])),
      digits: 0,
      bar: { atMost: 1000 },
    })),
  ];
  return measuredTable(VARIANTS[variant], rows);
}
