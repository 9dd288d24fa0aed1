/** A file as ipvsadm-save writes it, taken whole or not at all. */
import { editsOfRules } from '../cli/diradm/rules.ts';
import { DirectorError } from '../errors.ts';
import { type applyEdit, type Configuration, draftOf } from '../service/configuration.ts';

/** `base` with the services of the file instead of its own. RULES_FILE names file, line and what is wrong with it. */
export async function parseRules(
  text: string,
  path: string,
  base: Configuration,
  apply: typeof applyEdit,
): Promise<Configuration> {
  const rules = await editsOfRules(text, path);
  const hasSyncDaemon = rules.some(({ edit }) => edit.op === 'start-sync-daemon');
  const syncDaemons = hasSyncDaemon ? [] : base.syncDaemons;
  let configuration = draftOf({ ...base, services: new Map(), syncDaemons });
  for (const { line, edit } of rules) {
    try {
      configuration = apply(configuration, edit);
    } catch (cause) {
      if (!(cause instanceof DirectorError)) throw cause;
      throw new DirectorError('RULES_FILE', `${path}:${line}: ${cause.message}`, { path, line }, cause);
    }
  }
  return { ...configuration, services: new Map(configuration.services) };
}
