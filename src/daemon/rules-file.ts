/** A file as ipvsadm-save writes it, read whole or not at all. */
import { readFileSync } from 'node:fs';
import { editsOfRules } from '../cli/diradm/rules.ts';
import { DirectorError } from '../errors.ts';
import { applyEdit, type Configuration } from '../service/configuration.ts';

/** `base` with the services of the file instead of its own. RULES_FILE names file, line and what is wrong with it. */
export async function readRulesFile(path: string, base: Configuration): Promise<Configuration> {
  const rules = await editsOfRules(readText(path), path);
  const hasSyncDaemon = rules.some(({ edit }) => edit.op === 'start-sync-daemon');
  const syncDaemons = hasSyncDaemon ? [] : base.syncDaemons;
  let configuration: Configuration = { ...base, services: new Map(), syncDaemons };
  for (const { line, edit } of rules) {
    try {
      configuration = applyEdit(configuration, edit);
    } catch (cause) {
      throw new DirectorError(
        'RULES_FILE',
        `${path}:${line}: ${(cause as Error).message}`,
        { path, line },
        cause,
      );
    }
  }
  return configuration;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new DirectorError(
      'RULES_FILE',
      `cannot read ${path}: ${(cause as Error).message}`,
      { path },
      cause,
    );
  }
}
