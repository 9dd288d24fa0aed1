/** `npm run differential -- --steps 1000000 --seed 1`: the path against the program, as long as one likes. Needs root. */
import { runSearch } from '../model/command.ts';
import { PATH_AND_PROGRAM } from './twins.ts';

runSearch('differential', PATH_AND_PROGRAM);
