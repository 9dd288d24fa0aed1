/** `npm run differential -- --steps 1000000 --seed 1`: the path against the program, as long as one likes. Needs root. */
import { parseArgs } from 'node:util';
import { search } from '../model/search.ts';
import { PATH_AND_PROGRAM } from './twins.ts';

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const steps = Number(values.steps);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(steps) || steps < 1) {
  console.error('differential: --steps and --seed take whole numbers, for example --steps 1000000 --seed 1');
  process.exit(2);
}

const begun = performance.now();
const found = search({ seed, steps }, PATH_AND_PROGRAM);
const seconds = (performance.now() - begun) / 1000;
const rate = Math.round(found.steps / seconds);
console.log(
  `seed ${seed}: ${found.steps} steps in ${found.worlds} worlds, ${seconds.toFixed(1)} s, ${rate} a second`,
);
for (const [verdict, count] of [...found.verdicts].sort((a, b) => b[1] - a[1]))
  console.log(`  ${verdict} ${count}`);
if (found.problem !== undefined) {
  console.error(found.problem);
  process.exitCode = 1;
}
