/** `npm run explained:xdp -- --steps 1000000 --seed 1`: explanations against the program, as long as one likes. Needs root. */
import { runSearch } from '../model/command.ts';
import { EXPLANATION_AND_PROGRAM } from './explained-program.ts';

runSearch('explained:xdp', EXPLANATION_AND_PROGRAM);
