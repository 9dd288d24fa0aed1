/** `npm run model -- --steps 1000000 --seed 1`: the path against the book, as long as one likes. */
import { runSearch } from './command.ts';

runSearch('model');
