/** Verdicts as people name them in a filter: DropNoNeighbor, or Drop for all that begin so. */
import { Verdict } from '../datapath/verdict.ts';
import { DirectorError } from '../errors.ts';

const GROUPS = ['Forward', 'Deliver', 'Pass', 'Reply', 'Drop'];

/** Numbers of verdicts. Throws BAD_REQUEST for a name that is none. */
export function verdictsNamed(names: readonly string[]): number[] {
  return [...new Set(names.flatMap(verdictsOf))];
}

function verdictsOf(name: string): number[] {
  const wanted = name.toLowerCase();
  const all = Object.entries(Verdict).filter(([, verdict]) => verdict !== Verdict.Continue);
  const isGroup = GROUPS.some((group) => group.toLowerCase() === wanted);
  const found = all.filter(([each]) => {
    const known = each.toLowerCase();
    return isGroup ? known.startsWith(wanted) : known === wanted;
  });
  if (found.length > 0) return found.map(([, verdict]) => verdict);
  throw new DirectorError(
    'BAD_REQUEST',
    `there is no verdict ${JSON.stringify(name)}; expected ${GROUPS.join(', ')} for all of a kind, or one of ${all.map(([each]) => each).join(', ')}`,
    { name },
  );
}
