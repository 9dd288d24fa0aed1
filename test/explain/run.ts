/** `npm run explained -- --steps 1000000 --seed 1`: explanations against the path, as long as one likes. */
import { runSearch } from '../model/command.ts';
import { EXPLANATION_AND_PATH } from './explained-path.ts';

runSearch('explained', EXPLANATION_AND_PATH);
