/** Which options go with which command, and which exclude each other. */
import { UsageError } from './errors.ts';
import { type CommandName, OPTION_NAMES, type OptionName } from './option-table.ts';

interface Rule {
  readonly required?: readonly OptionName[];
  readonly optional?: readonly OptionName[];
  /** At most one of these. */
  readonly exclusive?: readonly OptionName[];
}

const SERVICE_RULE: Rule = {
  required: ['service-address'],
  optional: ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags'],
};

const SERVER_RULE: Rule = {
  required: ['service-address', 'real-server'],
  optional: [
    'forwarding-method',
    'weight',
    'u-threshold',
    'l-threshold',
    'tun-type',
    'tun-port',
    'tun-nocsum',
    'tun-csum',
    'tun-remcsum',
  ],
};

const RULES: Readonly<Record<CommandName, Rule>> = {
  'add-service': SERVICE_RULE,
  'edit-service': SERVICE_RULE,
  'delete-service': { required: ['service-address'] },
  flush: {},
  list: {
    optional: [
      'numeric',
      'stats',
      'rate',
      'thresholds',
      'persistent-conn',
      'nosort',
      'syncid', // taken and ignored
      'exact',
      'tun-info',
    ],
    exclusive: ['connection', 'service-address', 'timeout', 'daemon'],
  },
  'add-server': SERVER_RULE,
  'edit-server': SERVER_RULE,
  'delete-server': { required: ['service-address', 'real-server'] },
  set: {},
  'start-daemon': {
    optional: ['mcast-interface', 'syncid', 'mcast-group', 'mcast-port', 'mcast-ttl', 'sync-maxlen'],
  },
  'stop-daemon': { optional: ['syncid'] },
  restore: {},
  save: { optional: ['numeric'] },
  zero: { optional: ['service-address'] },
  help: {},
  version: {},
};

/** All that may stand with this command. */
export function optionsOf(command: CommandName): readonly OptionName[] {
  const { required = [], optional = [], exclusive = [] } = RULES[command];
  return [...required, ...optional, ...exclusive];
}

/** Throws for the first option, in the order of OPTION_NAMES, that is missing or does not belong. */
export function checkLegality(command: CommandName, given: ReadonlySet<OptionName>): void {
  const { required = [], optional = [], exclusive = [] } = RULES[command];
  let chosen: OptionName | undefined;
  for (const name of OPTION_NAMES) {
    if (required.includes(name)) {
      if (given.has(name)) continue;
      throw new UsageError(`You need to supply the '${name}' option for the '${command}' command`);
    }
    if (!given.has(name) || optional.includes(name)) continue;
    if (!exclusive.includes(name)) {
      throw new UsageError(`Illegal '${name}' option with the '${command}' command`);
    }
    if (chosen !== undefined) throw conflict(name, chosen, `'${command}' command`);
    chosen = name;
  }
}

const TUNNEL_CHECKSUMS = ['tun-nocsum', 'tun-csum', 'tun-remcsum'] as const;

const TUNNEL_RULES: Readonly<Record<'ipip' | 'gue' | 'gre', Rule>> = {
  ipip: {},
  gue: { required: ['tun-port'], exclusive: TUNNEL_CHECKSUMS },
  gre: { exclusive: ['tun-nocsum', 'tun-csum'] },
};

/** The same for the options of a tunnel type. */
export function checkTunnelLegality(type: 'ipip' | 'gue' | 'gre', given: ReadonlySet<OptionName>): void {
  const { required = [], exclusive = [] } = TUNNEL_RULES[type];
  const where = `'${type}' tunnel type`;
  let chosen: OptionName | undefined;
  for (const name of ['tun-port', ...TUNNEL_CHECKSUMS] as const) {
    if (required.includes(name)) {
      if (given.has(name)) continue;
      throw new UsageError(`You need to supply the '${name}' option for the ${where}`);
    }
    if (!given.has(name)) continue;
    if (!exclusive.includes(name)) throw new UsageError(`Illegal '${name}' option with the ${where}`);
    if (chosen !== undefined) throw conflict(name, chosen, where);
    chosen = name;
  }
}

function conflict(name: OptionName, earlier: OptionName, where: string): UsageError {
  return new UsageError(`The option '${name}' conflicts with the '${earlier}' option in the ${where}`);
}
