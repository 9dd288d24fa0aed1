/** What a file asks for. */
import type { PlanRequest } from '../control/protocol.ts';
import type { applyEdit } from '../service/configuration.ts';
import type { Desired } from './desired.ts';
import { parseRules } from './rules-file.ts';

/** Of that which a rules file cannot say, what there is. `apply` refuses what this host cannot do. */
export async function desiredBy(
  { name, format, text }: PlanRequest,
  { configuration, policies }: Desired,
  apply: typeof applyEdit,
): Promise<Desired> {
  if (format === 'rules')
    return { configuration: await parseRules(text, name, configuration, apply), policies };
  // Loaded for those who have such a file: it takes a tenth of a second.
  const { parseConfig } = await import('./config-file.ts');
  return parseConfig(text, name, apply);
}
