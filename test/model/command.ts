/** The command lines of what looks for mistakes by chance: how much of it and from which seed, and what has come of it. */
import { parseArgs } from 'node:util';
import { type ContestKind, search } from './search.ts';

export interface Command {
  /** As in `npm run NAME`. */
  readonly name: string;
  /** What is counted: the option that says how many. */
  readonly counted: 'steps' | 'frames';
  readonly defaultCount: number;
}

export interface Result {
  /** What was done in so many seconds, for people. */
  readonly summary: (seconds: number) => string;
  /** Frames by what became of them. */
  readonly verdicts: ReadonlyMap<string, number>;
  /** For people; undefined: nothing was wrong. */
  readonly problem: string | undefined;
}

/** Of this process: exits with 2 if its arguments are at fault, with 1 if there is a problem. */
export function runCommand(command: Command, run: (count: number, seed: number) => Result): void {
  const { count, seed } = readArguments(command);
  const begun = performance.now();
  const { summary, verdicts, problem } = run(count, seed);
  console.log(`seed ${seed}: ${summary((performance.now() - begun) / 1000)}`);
  for (const [verdict, times] of [...verdicts].sort((a, b) => b[1] - a[1]))
    console.log(`  ${verdict} ${times}`);
  if (problem !== undefined) {
    console.error(problem);
    process.exitCode = 1;
  }
}

/** As runCommand(), for two directors side by side. */
export function runSearch(name: string, kind?: ContestKind): void {
  runCommand({ name, counted: 'steps', defaultCount: 1_000_000 }, (count, seed) => {
    const { steps, worlds, verdicts, problem } = search({ seed, steps: count }, kind);
    const summary = (seconds: number) =>
      `${steps} steps in ${worlds} worlds, ${seconds.toFixed(1)} s, ${Math.round(steps / seconds)} a second`;
    return { summary, verdicts, problem };
  });
}

function readArguments({ name, counted, defaultCount }: Command): { count: number; seed: number } {
  const { values } = parseArgs({ options: { [counted]: { type: 'string' }, seed: { type: 'string' } } });
  const count = Number(values[counted] ?? defaultCount);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (Number.isSafeInteger(seed) && Number.isSafeInteger(count) && count >= 1) return { count, seed };
  console.error(
    `${name}: --${counted} and --seed take whole numbers, for example --${counted} 1000000 --seed 1`,
  );
  process.exit(2);
}
