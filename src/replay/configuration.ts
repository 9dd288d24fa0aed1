/** What a replay runs with: a rules or configuration file, with the schedulers of the file or another one. */
import { parseConfig } from '../daemon/config-file.ts';
import { parseRules } from '../daemon/rules-file.ts';
import { DirectorError } from '../errors.ts';
import {
  applyEdit,
  type Configuration,
  EMPTY_CONFIGURATION,
  SCHEDULER_NAMES,
} from '../service/configuration.ts';
import { readTextFile } from '../text-file.ts';

export interface RulesSource {
  readonly rules?: string;
  readonly config?: string;
}

/** Of the one file that is named. */
export async function readConfiguration({ rules, config }: RulesSource): Promise<Configuration> {
  const path = rules ?? config;
  if (path === undefined)
    throw new DirectorError('OUT_OF_RANGE', 'which services? name their file with --rules or --config');
  const configuration =
    rules === undefined
      ? parseConfig(readTextFile(path, 'CONFIG_FILE'), path).configuration
      : await parseRules(readTextFile(path, 'RULES_FILE'), path, EMPTY_CONFIGURATION, applyEdit);
  if (configuration.services.size > 0) return configuration;
  throw new DirectorError(rules === undefined ? 'CONFIG_FILE' : 'RULES_FILE', `${path} has no service`);
}

/** Schedulers that take flags. */
const HASHING = new Set(['sh', 'mh']);

/** All services with this scheduler. */
export function withScheduler(configuration: Configuration, scheduler: string): Configuration {
  if (!SCHEDULER_NAMES.has(scheduler)) {
    const known = [...SCHEDULER_NAMES].join(' ');
    throw new DirectorError(
      'SCHEDULER_NOT_FOUND',
      `there is no scheduler ${scheduler}; there are: ${known}`,
      { scheduler },
    );
  }
  const services = [...configuration.services].map(([key, service]) => {
    const schedulerFlags = HASHING.has(scheduler) ? service.options.schedulerFlags : 0;
    return [key, { ...service, options: { ...service.options, scheduler, schedulerFlags } }] as const;
  });
  return { ...configuration, services: new Map(services) };
}
