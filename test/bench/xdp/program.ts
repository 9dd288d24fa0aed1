/** What a frame costs in the XDP program alone, with frames from memory: perf/one.sh ns. */
import { summarize } from '../statistics.ts';
import { type Bar, type Measured, measuredTable } from '../table.ts';
import { one, withTestbed } from './rig.ts';

/** The set-ups that are compared are made so many times, in turns; each is measured so many times then. */
const PASSES = 3;
const ROUNDS = 4;

interface SetUp {
  readonly services: number;
  readonly servers: number;
}

const BASE: SetUp = { services: 10, servers: 4 };
const SET_UPS: readonly SetUp[] = [
  BASE,
  { services: 1000, servers: 4 },
  { services: 10_000, servers: 4 },
  { services: 10, servers: 100 },
  { services: 10, servers: 1000 },
];

const HIT = { name: 'ack 1000', words: 'ACK, 1,000 connections', bar: { atMost: 4 } };
const NEW = { name: 'syn 0', words: 'SYN, each a new connection', bar: { atMost: 2 } };
type Case = typeof HIT;

/** Nanoseconds, of one round, without those of the measuring. */
interface Sample {
  readonly pass: number;
  readonly setUp: SetUp;
  readonly case: string;
  readonly director: number;
  readonly reference: number;
}

export function program(): string {
  const samples = withTestbed(() =>
    Array.from({ length: PASSES }, (_, pass) =>
      // Many services take long to set up.
      SET_UPS.filter(({ services }) => pass === 0 || services === BASE.services).flatMap((setUp) =>
        measure(setUp, pass),
      ),
    ).flat(),
  );
  const nsRows = [HIT, NEW].flatMap((frames) => [
    nsRow(samples, frames, BASE, 'reference'),
    ...SET_UPS.map((setUp) => nsRow(samples, frames, setUp, 'director')),
  ]);
  return [
    measuredTable('ns in the program, without those of the measuring', nsRows),
    measuredTable('ratio', [
      ...[HIT, NEW].map((frames) => ratioRow(samples, frames)),
      growthRow(samples, 100),
      growthRow(samples, 1000, { atMost: 1.1 }),
    ]),
  ].join('\n\n');
}

/** The two services that are measured are two of them. */
function measure(setUp: SetUp, pass: number): Sample[] {
  const environment = {
    DIRECTOR_SERVICES: String(setUp.services - 2),
    DIRECTOR_SERVERS: String(setUp.servers),
  };
  const lines = one(['ns', 'director', String(ROUNDS), 'ack:1000 syn:0'], environment);
  const samples: Sample[] = [];
  // Three lines for each case of each round: nothing, lb-arr, peer.
  for (let at = 0; at < lines.length; at += 3) {
    const [nothing, reference, director] = lines.slice(at, at + 3).map((line) => Number(line[3])) as [
      number,
      number,
      number,
    ];
    samples.push({
      pass,
      setUp,
      case: lines[at]!.slice(0, 2).join(' '),
      director: director - nothing,
      reference: reference - nothing,
    });
  }
  return samples;
}

const of = (samples: readonly Sample[], frames: Case, setUp: SetUp): Sample[] =>
  samples.filter((sample) => sample.case === frames.name && sample.setUp === setUp);

function nsRow(
  samples: readonly Sample[],
  frames: Case,
  setUp: SetUp,
  program: 'director' | 'reference',
): Measured {
  const { services, servers } = setUp;
  const name =
    program === 'reference'
      ? 'lb-arr'
      : `director, ${services.toLocaleString('en')} services, ${servers.toLocaleString('en')} servers each`;
  const ns = of(samples, frames, setUp).map((sample) => sample[program]);
  return { what: `${frames.words}: ${name}`, summary: summarize(ns), digits: 0 };
}

function ratioRow(samples: readonly Sample[], frames: Case): Measured {
  const ratios = of(samples, frames, BASE).map(({ director, reference }) => director / reference);
  return {
    what: `${frames.words}: director to lb-arr, 10 services, wlc`,
    summary: summarize(ratios),
    digits: 2,
    bar: frames.bar,
  };
}

/** Pass by pass, both as multiples of lb-arr: the core is not always equally fast. */
function growthRow(samples: readonly Sample[], servers: number, bar?: Bar): Measured {
  const many = SET_UPS.find((setUp) => setUp.servers === servers)!;
  const times = (setUp: SetUp, pass: number) => {
    const inPass = of(samples, HIT, setUp).filter((sample) => sample.pass === pass);
    return summarize(inPass.map(({ director, reference }) => director / reference)).median;
  };
  const growth = Array.from({ length: PASSES }, (_, pass) => times(many, pass) / times(BASE, pass));
  return {
    what: `${HIT.words}: director with ${servers.toLocaleString('en')} servers a service to 4`,
    summary: summarize(growth),
    digits: 2,
    bar,
  };
}
