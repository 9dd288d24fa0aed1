/**
 * The IPVS sysctls that matter to a director, by their names, values and defaults (linux,
 * Documentation/networking/ipvs-sysctl.rst), and three of our own: failed_connections, second_chance and
 * syn_flood_rate. Where IPVS measures the host's free memory the director measures the free places of its connection
 * table: low is when fewer than an eighth are left.
 */
import { DirectorError } from '../errors.ts';

interface SettingSpec {
  readonly default: number;
  readonly max: number;
  readonly min?: number;
  readonly meaning: string;
}

export const SETTINGS = {
  am_droprate: {
    default: 10,
    min: 1,
    max: 1_000_000,
    meaning: 'drop_packet 3 drops one first packet in so many',
  },
  conn_reuse_mode: {
    default: 1,
    max: 3,
    meaning:
      'a SYN on a connection that is over is scheduled anew: bit 0 after TIME_WAIT and CLOSE, bit 1 FIN_WAIT too',
  },
  drop_entry: {
    default: 0,
    max: 3,
    meaning:
      'drop half-open and idle connections at random: 0 never, 1 and 2 while the table is nearly full, 3 always',
  },
  drop_packet: {
    default: 0,
    max: 3,
    meaning: 'drop some first packets: 0 never, 1 and 2 while the table is nearly full, 3 one in am_droprate',
  },
  expire_nodest_conn: {
    default: 0,
    max: 1,
    meaning: 'connections of a removed server: 0 their packets are dropped, 1 they end at once',
  },
  expire_quiescent_template: {
    default: 0,
    max: 1,
    meaning: 'persistence to a server of weight 0: 0 goes on, 1 ends',
  },
  failed_connections: {
    default: 1,
    max: 2,
    meaning:
      'connections of a failed server: 0 stay, 1 a SYN is scheduled anew, 2 and anything else is answered with RST',
  },
  ignore_tunneled: {
    default: 0,
    max: 1,
    meaning: 'accepted; has no effect, since the director takes no tunneled packets apart',
  },
  nat_icmp_send: {
    default: 0,
    max: 1,
    meaning: 'accepted; has no effect, since the director does no masquerading',
  },
  schedule_icmp: {
    default: 0,
    max: 1,
    meaning: 'an ICMP error about no connection: 0 stays with this host, 1 is scheduled like a first packet',
  },
  second_chance: {
    default: 1,
    max: 1,
    meaning:
      'a SYN sent again to a server that shows no life, while another of its service does, goes to that one',
  },
  secure_tcp: {
    default: 0,
    max: 3,
    meaning: 'stricter TCP states: 0 never, 1 and 2 while the table is nearly full, 3 always',
  },
  sloppy_sctp: { default: 0, max: 1, meaning: '1: any SCTP packet but ABORT opens a connection' },
  sloppy_tcp: { default: 0, max: 1, meaning: '1: any TCP packet but RST opens a connection' },
  syn_flood_rate: {
    default: 10_000,
    max: 1_000_000_000,
    meaning:
      "more unanswered SYNs a second are a flood: a connection's first SYN is dropped (pcap, ring); 0 never",
  },
} as const satisfies Record<string, SettingSpec>;

export type SettingName = keyof typeof SETTINGS;
export type Settings = Readonly<Record<SettingName, number>>;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export const DEFAULT_SETTINGS: Settings = Object.fromEntries(
  SETTING_NAMES.map((name) => [name, SETTINGS[name].default]),
) as Settings;

/** Throws OUT_OF_RANGE with the name, the value and what it may be. */
export function withSetting(settings: Settings, name: string, value: number): Settings {
  if (!Object.hasOwn(SETTINGS, name)) {
    throw new DirectorError(
      'OUT_OF_RANGE',
      `there is no setting ${name}; there are: ${SETTING_NAMES.join(', ')}`,
      { name },
    );
  }
  const { min = 0, max }: SettingSpec = SETTINGS[name as SettingName];
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new DirectorError('OUT_OF_RANGE', `${name} takes ${min} to ${max}, not ${value}`, { name, value });
  }
  return { ...settings, [name]: value };
}
