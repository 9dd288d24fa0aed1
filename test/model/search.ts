/** Looks for a sequence of steps on which two directors disagree, and makes it as short as it can. */
import { Disagreement, Duel } from './duel.ts';
import { Random } from './random.ts';
import { firstSteps, randomWorld, renderStep, type Step, StepSource, type World } from './steps.ts';

/** Two directors side by side, which must agree on each step. */
export interface Contest {
  /** Throws a Disagreement. */
  run(step: Step): void;
  /** Frames by what became of them. */
  readonly reached: ReadonlyMap<string, number>;
}

export interface ContestKind {
  /** Who disagrees, for people. */
  readonly names: string;
  /** How to run the same steps again. */
  again(seed: number, steps: number): string;
  create(capacity: number): Contest;
  /** Makes some of a world's steps into others; by default none. */
  change?(step: Step, random: Random): Step;
}

const PATH_AND_BOOK: ContestKind = {
  names: 'path and book',
  again: (seed, steps) =>
    `DIRECTOR_MODEL_SEED=${seed} DIRECTOR_MODEL_STEPS=${steps} npx vitest run test/model`,
  create: (capacity) => new Duel(capacity),
};

/** As many random steps in each world, which begins empty. */
const WORLD_STEPS = 500;
const MAX_SHRINK_RUNS = 5000;

export interface Search {
  readonly seed: number;
  readonly steps: number;
}

export interface Found {
  readonly steps: number;
  readonly worlds: number;
  /** Frames by what became of them. */
  readonly verdicts: ReadonlyMap<string, number>;
  /** For people; undefined: they agreed all the way. */
  readonly problem: string | undefined;
}

export function search({ seed, steps }: Search, kind = PATH_AND_BOOK): Found {
  const verdicts = new Map<string, number>();
  let done = 0;
  let worlds = 0;
  for (; done < steps; worlds++) {
    const { world, sequence } = sequenceOf(seed, worlds, steps - done, kind);
    const { problem, contest, ran } = tryOut(world, sequence, kind);
    done += ran;
    for (const [verdict, count] of contest.reached)
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + count);
    if (problem === undefined) continue;
    const text = report({ seed, steps }, done, world, sequence.slice(0, ran), kind);
    return { steps: done, worlds: worlds + 1, verdicts, problem: text };
  }
  return { steps: done, worlds, verdicts, problem: undefined };
}

function sequenceOf(
  seed: number,
  number: number,
  atMost: number,
  { change = (step) => step }: ContestKind,
): { world: World; sequence: Step[] } {
  const random = new Random(Math.imul(seed, 0x9e3779b1) + number);
  const world = randomWorld(random);
  const sequence = firstSteps(world, random);
  const source = new StepSource(world, random);
  while (sequence.length < WORLD_STEPS) sequence.push(change(source.next(), random));
  sequence.length = Math.min(sequence.length, atMost);
  sequence.push({ do: 'list' });
  return { world, sequence };
}

function tryOut({ capacity }: World, sequence: readonly Step[], { create }: ContestKind) {
  const contest = create(capacity);
  let ran = 0;
  try {
    for (const step of sequence) {
      ran++;
      contest.run(step);
    }
  } catch (error) {
    const problem = error instanceof Disagreement ? error.message : String((error as Error).stack);
    return { problem, contest, ran };
  }
  return { problem: undefined, contest, ran };
}

/** Drops steps, in ever smaller pieces, as long as something is still wrong. */
function shrunk(world: World, sequence: readonly Step[], kind: ContestKind): readonly Step[] {
  let shortest = sequence;
  let runs = 0;
  for (let size = Math.ceil(sequence.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.length && runs < MAX_SHRINK_RUNS; runs++) {
      const candidate = [...shortest.slice(0, at), ...shortest.slice(at + size), { do: 'list' } as const];
      const { problem, ran } = tryOut(world, candidate, kind);
      if (
        problem !== undefined &&
        ran < shortest.length + 1 &&
        candidate.slice(0, ran).length < shortest.length
      )
        shortest = candidate.slice(0, ran);
      else at += size;
    }
  }
  return shortest;
}

function report(
  { seed, steps }: Search,
  done: number,
  world: World,
  sequence: readonly Step[],
  kind: ContestKind,
): string {
  const shortest = shrunk(world, shrunk(world, sequence, kind), kind);
  const { problem } = tryOut(world, shortest, kind);
  return [
    `${kind.names} disagree at step ${done}, seed ${seed}. ${shortest.length} of ${sequence.length} steps suffice,`,
    `in a table of ${world.capacity}:`,
    ...shortest.map((step, index) => `${String(index + 1).padStart(4)}. ${renderStep(step)}`),
    `then ${problem}`,
    `again: ${kind.again(seed, steps)}`,
  ].join('\n');
}
