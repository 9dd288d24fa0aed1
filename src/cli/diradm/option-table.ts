/** ipvsadm 1.31's options: their spellings, what value they take, and their names in the table of legality.ts. */

/** Commands by their names in ipvsadm's messages (`flush` is -C). */
export type CommandName =
  | 'add-service'
  | 'edit-service'
  | 'delete-service'
  | 'flush'
  | 'list'
  | 'zero'
  | 'add-server'
  | 'edit-server'
  | 'delete-server'
  | 'set'
  | 'start-daemon'
  | 'stop-daemon'
  | 'restore'
  | 'save'
  | 'help'
  | 'version';

/** Options by their names in ipvsadm's messages, in the order in which their legality is checked. */
export const OPTION_NAMES = [
  'numeric',
  'connection',
  'service-address',
  'scheduler',
  'persistent',
  'netmask',
  'real-server',
  'forwarding-method',
  'weight',
  'u-threshold',
  'l-threshold',
  'mcast-interface',
  'timeout',
  'daemon',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'nosort',
  'syncid',
  'exact',
  'ops',
  'pe',
  'sched-flags',
  'mcast-group',
  'mcast-port',
  'mcast-ttl',
  'sync-maxlen',
  'tun-info',
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
] as const;

export type OptionName = (typeof OPTION_NAMES)[number];

export interface OptionSpec {
  readonly long: string;
  readonly short?: string;
  readonly value: 'none' | 'required' | 'optional';
  readonly command?: CommandName;
  /** Absent: may be given any number of times, with every command (--sort, and -6, which checks for itself). */
  readonly name?: OptionName;
}

function command(name: CommandName, short?: string, long: string = name): OptionSpec {
  const value = name === 'start-daemon' || name === 'stop-daemon' ? 'required' : 'none';
  return { long, value, command: name, ...(short === undefined ? {} : { short }) };
}

function option(
  value: OptionSpec['value'],
  name: OptionName,
  short?: string,
  long: string = name,
): OptionSpec {
  return { long, value, name, ...(short === undefined ? {} : { short }) };
}

export const REAL_SERVER_OPTION = option('required', 'real-server', 'r');

export const OPTIONS: readonly OptionSpec[] = [
  command('add-service', 'A'),
  command('edit-service', 'E'),
  command('delete-service', 'D'),
  command('flush', 'C', 'clear'),
  command('list', 'L'),
  command('list', 'l'),
  command('zero', 'Z'),
  command('add-server', 'a'),
  command('edit-server', 'e'),
  command('delete-server', 'd'),
  command('set'),
  command('start-daemon'),
  command('stop-daemon'),
  command('restore', 'R'),
  command('save', 'S'),
  command('help', 'h'),
  command('version', 'v'),
  option('required', 'service-address', 't', 'tcp-service'),
  option('required', 'service-address', 'u', 'udp-service'),
  option('required', 'service-address', undefined, 'sctp-service'),
  option('required', 'service-address', 'f', 'fwmark-service'),
  option('required', 'scheduler', 's'),
  option('optional', 'persistent', 'p'),
  option('required', 'netmask', 'M'),
  REAL_SERVER_OPTION,
  option('none', 'forwarding-method', 'm', 'masquerading'),
  option('none', 'forwarding-method', 'i', 'ipip'),
  option('none', 'forwarding-method', 'g', 'gatewaying'),
  option('required', 'weight', 'w'),
  option('required', 'u-threshold', 'x'),
  option('required', 'l-threshold', 'y'),
  option('none', 'numeric', 'n'),
  option('none', 'connection', 'c'),
  option('required', 'mcast-interface'),
  option('required', 'syncid'),
  option('none', 'timeout'),
  option('none', 'daemon'),
  option('none', 'stats'),
  option('none', 'rate'),
  option('none', 'thresholds'),
  option('none', 'persistent-conn'),
  option('none', 'nosort'),
  { long: 'sort', value: 'none' },
  option('none', 'exact', 'X'),
  { long: 'ipv6', short: '6', value: 'none' },
  option('none', 'ops', 'o'),
  option('required', 'pe'),
  option('required', 'sched-flags', 'b'),
  option('required', 'mcast-group'),
  option('required', 'mcast-port'),
  option('required', 'mcast-ttl'),
  option('required', 'sync-maxlen'),
  option('none', 'tun-info'),
  option('required', 'tun-type'),
  option('required', 'tun-port'),
  option('none', 'tun-nocsum'),
  option('none', 'tun-csum'),
  option('none', 'tun-remcsum'),
];
