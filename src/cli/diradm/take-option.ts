/** Option by option: each value is checked at once, and goes into the Draft or ends the run with ipvsadm's words. */
import { isIPv4 } from 'node:net';
import type { SyncRole, TransportProtocol, TunnelOptions } from '../../service/model.ts';
import { canonicalIp } from '../../wire/address.ts';
import type { Draft } from './draft.ts';
import { UsageError } from './errors.ts';
import type { CommandName, OptionName } from './option-table.ts';
import type { ReadOption } from './popt.ts';
import type { Resolver } from './resolver.ts';
import {
  type Endpoint,
  parseEndpoint,
  parseInetAton,
  parseInteger,
  parseIpv4OrHost,
  parseLeadingInteger,
} from './values.ts';

const DEFAULT_PERSISTENT_SEC = 360;
/** 31 days. */
const MAX_TIMEOUT_SEC = 2_678_400;
const MAX_INT = 0x7fffffff;
const MAX_FWMARK = 0xffffffff;
const ANY_CLIENT_PREFIX = 128;
/** One less than IFNAMSIZ and IP_VS_SCHEDNAME_MAXLEN, which are 16. */
const MAX_NAME_LENGTH = 15;

export function parseRole(command: CommandName, value: string): SyncRole {
  if (value === 'master' || value === 'backup') return value;
  throw new UsageError(
    command === 'start-daemon'
      ? 'illegal start-daemon parameter specified'
      : 'illegal start_daemon specified', // sic
  );
}

export async function takeOption(draft: Draft, read: ReadOption, resolver: Resolver): Promise<void> {
  const { name, short, long } = read.spec;
  if (short === '6') return takeIpv6(draft);
  if (name === undefined) return; // --sort, the default
  if (draft.given.has(name)) throw new UsageError(`multiple '${name}' options specified`);
  draft.given.add(name);
  const value = read.value ?? '';
  switch (name) {
    case 'service-address':
      return short === 'f' ? takeFwmark(draft, value) : takeService(draft, long, value, resolver);
    case 'real-server':
      return takeServer(draft, value, resolver);
    case 'netmask':
      return takeNetmask(draft, value, resolver);
    case 'forwarding-method':
      draft.forwarding = FORWARDING[short as keyof typeof FORWARDING];
      return;
    case 'persistent':
      draft.persistentSec = read.value === undefined ? DEFAULT_PERSISTENT_SEC : timeoutSec(read.value, 1);
      return;
    default:
      takeSimpleOption(draft, name, value);
  }
}

const FORWARDING = { m: 'masquerade', i: 'tunnel', g: 'direct-route' } as const;

/** Options whose value stands for itself. Those without a value are in `given`; toCommand reads them there. */
function takeSimpleOption(draft: Draft, name: OptionName, value: string): void {
  switch (name) {
    case 'scheduler':
      draft.scheduler = value.slice(0, MAX_NAME_LENGTH);
      return;
    case 'sched-flags':
      draft.schedulerFlags = value;
      return;
    case 'ops':
      draft.onePacket = true;
      return;
    case 'pe':
      draft.persistenceEngine = value.slice(0, MAX_NAME_LENGTH);
      return;
    case 'weight':
      draft.weight = integer(value, 0, MAX_INT, 'illegal weight specified');
      return;
    case 'u-threshold':
      draft.upperThreshold = integer(value, 0, MAX_INT, 'illegal u_threshold specified');
      return;
    case 'l-threshold':
      draft.lowerThreshold = integer(value, 0, MAX_INT, 'illegal l_threshold specified');
      return;
    case 'mcast-interface':
      draft.multicastInterface = value.slice(0, MAX_NAME_LENGTH);
      return;
    case 'syncid':
      draft.syncId = integer(value, 0, 255, 'illegal syncid specified');
      return;
    case 'mcast-group':
      draft.multicastGroup = multicastGroup(value);
      return;
    case 'mcast-port':
      draft.multicastPort = integer(value, 1, 65535, 'illegal mcast-port specified');
      return;
    case 'mcast-ttl':
      draft.multicastTtl = integer(value, 1, 255, 'illegal mcast-ttl specified');
      return;
    case 'sync-maxlen':
      draft.syncMaxLengthBytes = integer(value, 1, 65507, 'illegal sync-maxlen specified');
      return;
    case 'tun-type':
      draft.tunnelType = tunnelType(value);
      return;
    case 'tun-port':
      draft.tunnelPort = integer(value, 1, 65535, 'illegal tunnel port specified');
      return;
    case 'tun-csum':
      draft.tunnelChecksum = 'csum';
      return;
    case 'tun-remcsum':
      draft.tunnelChecksum = 'remcsum';
      return;
  }
}

function integer(text: string, min: number, max: number, message: string): number {
  const value = parseInteger(text, min, max);
  if (value === undefined) throw new UsageError(message);
  return value;
}

const timeoutSec = (text: string, minSec: number): number =>
  integer(text, minSec, MAX_TIMEOUT_SEC, `invalid timeout value \`${text}' specified`);

const PROTOCOLS: Readonly<Record<string, TransportProtocol>> = {
  'tcp-service': 'tcp',
  'udp-service': 'udp',
  'sctp-service': 'sctp',
};

async function takeService(draft: Draft, long: string, value: string, resolver: Resolver): Promise<void> {
  draft.protocol = PROTOCOLS[long]!;
  const endpoint = await parseEndpoint(value, draft.protocol, resolver);
  if (endpoint === undefined) throw new UsageError('illegal virtual server address[:port] specified');
  draft.family = endpoint.family;
  draft.address = endpoint.address;
  draft.port = endpoint.port ?? 0;
  if (endpoint.family === 6) draft.netmask = ANY_CLIENT_PREFIX;
}

function takeFwmark(draft: Draft, value: string): void {
  draft.fwmark = integer(value, 1, MAX_FWMARK, `invalid fwmark value \`${value}' specified`);
  draft.protocol = 'tcp';
}

function takeIpv6(draft: Draft): void {
  if (draft.fwmark === 0) throw new UsageError('-6 used before -f\n'); // and an empty line
  draft.family = 6;
  draft.netmask = ANY_CLIENT_PREFIX;
}

/** Before the service option there is no port to take over yet: 0 then, as in ipvsadm. */
async function takeServer(draft: Draft, value: string, resolver: Resolver): Promise<void> {
  const endpoint: Endpoint | undefined = await parseEndpoint(value, draft.protocol, resolver);
  if (endpoint === undefined) throw new UsageError('illegal real server address[:port] specified');
  const { family, address, port = draft.port } = endpoint;
  draft.server = { family, address, port };
}

async function takeNetmask(draft: Draft, value: string, resolver: Resolver): Promise<void> {
  if (draft.family === 6) {
    draft.netmask = parseLeadingInteger(value);
    if (draft.netmask < 1 || draft.netmask > 128) throw new UsageError('illegal ipv6 netmask specified');
    return;
  }
  const mask = await parseIpv4OrHost(value, resolver);
  if (mask === undefined) throw new UsageError('illegal virtual server persistent mask specified');
  draft.netmask = parseInetAton(mask)!;
}

function multicastGroup(text: string): string {
  if (text.includes(':')) {
    const group = canonicalIp(text);
    if (group === undefined || !/^ff..:/.test(group)) {
      throw new UsageError(`invalid IPv6 mcast-group \`${text}'`);
    }
    return group;
  }
  const firstByte = isIPv4(text) ? Number.parseInt(text, 10) : 0;
  if (firstByte < 224 || firstByte > 239) throw new UsageError(`invalid IPv4 mcast-group \`${text}'`);
  return text;
}

function tunnelType(text: string): TunnelOptions['type'] {
  if (text === 'ipip' || text === 'gue' || text === 'gre') return text;
  throw new UsageError('illegal tunnel type specified');
}

/** Words that belong to no option: --set takes three, all others are too many. */
export function takeLeftovers(draft: Draft, command: CommandName, leftovers: readonly string[]): void {
  let [unexpected] = leftovers;
  if (command === 'set') {
    const [tcp, tcpFin, udp] = leftovers;
    if (tcp === undefined || tcpFin === undefined || udp === undefined) {
      throw new UsageError('--set option requires 3 timeout values');
    }
    draft.timeoutsSec = [timeoutSec(tcp, 0), timeoutSec(tcpFin, 0), timeoutSec(udp, 0)];
    unexpected = leftovers[3];
  }
  if (unexpected !== undefined) throw new UsageError(`unexpected argument ${unexpected}`);
}
