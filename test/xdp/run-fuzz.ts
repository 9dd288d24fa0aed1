/** `npm run fuzz -- --frames 10000000 --seed 1`: mutated frames through the program, as many as one likes. Needs root. */
import { runCommand } from '../model/command.ts';
import { fuzz } from './fuzz.ts';

runCommand({ name: 'fuzz', counted: 'frames', defaultCount: 10_000_000 }, (frames, seed) => ({
  ...fuzz({ frames, seed }),
  summary: (seconds) => `${frames} frames, ${seconds.toFixed(1)} s`,
}));
