/** `npm run fuzz -- --frames 10000000 --seed 1`: mutated frames through the program, as many as one likes. Needs root. */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: { frames: { type: 'string', default: '10000000' }, seed: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const frames = Number(values.frames);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(frames) || frames < 1) {
  console.error('fuzz: --frames and --seed take whole numbers, for example --frames 1000000 --seed 1');
  process.exit(2);
}
const begun = performance.now();
const { verdicts, problem } = fuzz({ frames, seed });
console.log(`seed ${seed}: ${frames} frames, ${((performance.now() - begun) / 1000).toFixed(1)} s`);
for (const [verdict, count] of [...verdicts].sort((a, b) => b[1] - a[1]))
  console.log(`  ${verdict} ${count}`);
if (problem !== undefined) {
  console.error(problem);
  process.exitCode = 1;
}
