/**
 * A command line becomes a Command, or a UsageError with ipvsadm's words and exit code. In ipvsadm's order: options
 * from left to right, each value at once, so that the first bad thing is the one reported; then words that belong
 * to no option; scheduler flags; the legality table; last, what depends on several options (toCommand).
 */
import { isIPv4 } from 'node:net';
import type {
  Edit,
  ForwardingMethod,
  ServerOptions,
  ServiceAddress,
  ServiceOptions,
  SyncDaemon,
  SyncRole,
  TransportProtocol,
  TunnelOptions,
} from '../../service/model.ts';
import { canonicalIp } from '../../wire/address.ts';
import type { Command, ListView } from './command.ts';
import { EXIT_FAILED, UsageError } from './errors.ts';
import { checkLegality, checkTunnelLegality } from './legality.ts';
import { type CommandName, OPTIONS, type OptionName, REAL_SERVER_OPTION } from './option-table.ts';
import { indexOptions, OptionReader, type ReadOption } from './popt.ts';
import type { Resolver } from './resolver.ts';
import { parseSchedulerFlags } from './scheduler-flags.ts';
import {
  type Endpoint,
  parseEndpoint,
  parseInetAton,
  parseInteger,
  parseIpv4OrHost,
  parseLeadingInteger,
} from './values.ts';

const OPTION_INDEX = indexOptions(OPTIONS);

const DEFAULT_SCHEDULER = 'wlc';
const DEFAULT_PERSISTENT_SEC = 360;
/** 31 days. */
const MAX_TIMEOUT_SEC = 2_678_400;
const MAX_INT = 0x7fffffff;
const MAX_FWMARK = 0xffffffff;
const ANY_CLIENT_MASK = 0xffffffff;
const ANY_CLIENT_PREFIX = 128;
const DEFAULT_MULTICAST_INTERFACE = 'eth0';
/** One less than IFNAMSIZ and IP_VS_SCHEDNAME_MAXLEN, which are 16. */
const MAX_NAME_LENGTH = 15;

/** What the options said, before it is known whether they make sense together. */
interface Draft {
  readonly given: Set<OptionName>;
  /** Set by -t, -u and --sctp-service, and by -f, whose server ports are looked up as TCP's. */
  protocol?: TransportProtocol;
  family: 4 | 6;
  address: string;
  port: number;
  fwmark: number;
  server: { family: 4 | 6; address: string; port: number };
  scheduler: string;
  schedulerFlags: string;
  persistentSec: number;
  netmask: number;
  onePacket: boolean;
  persistenceEngine: string;
  forwarding: ForwardingMethod;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  tunnelType: TunnelOptions['type'];
  tunnelPort: number;
  tunnelChecksum: TunnelOptions['checksum'];
  multicastInterface: string;
  syncId: number;
  multicastGroup: string;
  multicastPort: number;
  multicastTtl: number;
  syncMaxLengthBytes: number;
  role: SyncRole;
  timeoutsSec: readonly [number, number, number];
}

function emptyDraft(): Draft {
  return {
    given: new Set(),
    family: 4,
    address: '0.0.0.0',
    port: 0,
    fwmark: 0,
    server: { family: 4, address: '0.0.0.0', port: 0 },
    scheduler: '',
    schedulerFlags: '',
    persistentSec: 0,
    netmask: ANY_CLIENT_MASK,
    onePacket: false,
    persistenceEngine: '',
    forwarding: 'direct-route',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnelType: 'ipip',
    tunnelPort: 0,
    tunnelChecksum: 'none',
    multicastInterface: '',
    syncId: 0,
    multicastGroup: '',
    multicastPort: 0,
    multicastTtl: 0,
    syncMaxLengthBytes: 0,
    role: 'master',
    timeoutsSec: [0, 0, 0],
  };
}

/** `words`: the command line without the program's name, which is for the message that points to --help. */
export async function parseCommand(
  words: readonly string[],
  program: string,
  resolver: Resolver,
): Promise<Command> {
  if (words.length === 0) return listAll();
  const reader = new OptionReader(words, OPTION_INDEX);
  const first = readFirst(reader, program);
  const command = first.spec.command!;
  if (command === 'help' || command === 'version') return { kind: command };
  if (takesOldRealServerOption(command)) reader.redefineShort('R', REAL_SERVER_OPTION);
  const draft = emptyDraft();
  if (first.value !== undefined) draft.role = parseRole(command, first.value);
  for (let read = reader.read(); read !== undefined; read = reader.read()) {
    if (read.spec.command !== undefined) throw new UsageError(`invalid option \`${reader.currentWord}'`);
    await takeOption(draft, read, resolver);
  }
  takeLeftovers(draft, command, reader.leftovers);
  const schedulerFlags = parseSchedulerFlags(draft.schedulerFlags, draft.scheduler || DEFAULT_SCHEDULER);
  checkLegality(command, draft.given);
  return toCommand(command, draft, schedulerFlags);
}

function listAll(): Command {
  return { kind: 'list-services', view: 'plain', numeric: false, exact: false, sorted: true };
}

/** The first option must be a command; whatever else it is, popt's own errors included, gets the same answer. */
function readFirst(reader: OptionReader, program: string): ReadOption {
  let first: ReadOption | undefined;
  try {
    first = reader.read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  if (first?.spec.command !== undefined) return first;
  throw new TryHelpError(program);
}

export class TryHelpError extends UsageError {
  constructor(program: string) {
    super(`Try \`${program} -h' or '${program} --help' for more information.`, EXIT_FAILED);
  }
}

/** popt's own errors: a run of -R goes on after them, as it does not after any other. */
export function isParserError(error: UsageError): boolean {
  return error.exitCode === EXIT_FAILED && !(error instanceof TryHelpError);
}

/** ipvsadm 1.2 of 1999 had -R where today's has -r; today's refuses it here, so it is free to mean that again. */
function takesOldRealServerOption(command: CommandName): boolean {
  return command === 'add-server' || command === 'edit-server' || command === 'delete-server';
}

function parseRole(command: CommandName, value: string): SyncRole {
  if (value === 'master' || value === 'backup') return value;
  throw new UsageError(
    command === 'start-daemon'
      ? 'illegal start-daemon parameter specified'
      : 'illegal start_daemon specified', // sic
  );
}

async function takeOption(draft: Draft, read: ReadOption, resolver: Resolver): Promise<void> {
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
function takeLeftovers(draft: Draft, command: CommandName, leftovers: readonly string[]): void {
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

function toCommand(command: CommandName, draft: Draft, schedulerFlags: number): Command {
  switch (command) {
    case 'list':
      return toListCommand(draft);
    case 'save':
      return { kind: 'save', numeric: draft.given.has('numeric') };
    case 'restore':
    case 'help':
    case 'version':
      return { kind: command };
    default:
      return { kind: 'edit', edit: toEdit(command, draft, schedulerFlags) };
  }
}

type EditCommand = Exclude<CommandName, 'list' | 'save' | 'restore' | 'help' | 'version'>;

function toEdit(command: EditCommand, draft: Draft, schedulerFlags: number): Edit {
  switch (command) {
    case 'add-service':
    case 'edit-service':
      checkService(draft);
      return { op: command, service: serviceAddress(draft), options: serviceOptions(draft, schedulerFlags) };
    case 'delete-service':
      return { op: command, service: serviceAddress(draft) };
    case 'flush':
      return { op: command };
    case 'add-server':
    case 'edit-server':
      checkServer(draft);
      return {
        op: command,
        service: serviceAddress(draft),
        server: { address: draft.server.address, port: serverPort(draft) },
        options: serverOptions(draft),
      };
    case 'delete-server':
      return {
        op: command,
        service: serviceAddress(draft),
        server: { address: draft.server.address, port: draft.server.port },
      };
    case 'zero':
      return { op: 'zero', ...(draft.given.has('service-address') && { service: serviceAddress(draft) }) };
    case 'set': {
      const [tcpSec, tcpFinSec, udpSec] = draft.timeoutsSec;
      return { op: 'set-timeouts', timeouts: { tcpSec, tcpFinSec, udpSec } };
    }
    case 'start-daemon':
      return { op: 'start-sync-daemon', daemon: syncDaemon(draft) };
    case 'stop-daemon':
      return { op: 'stop-sync-daemon', role: draft.role };
  }
}

function serviceAddress({ fwmark, family, protocol, address, port }: Draft): ServiceAddress {
  return fwmark === 0 ? { protocol: protocol!, address, port } : { fwmark, family };
}

function checkService(draft: Draft): void {
  if (draft.fwmark !== 0) return;
  if (draft.port === 0 && draft.persistentSec === 0) {
    throw new UsageError('Zero port specified for non-persistent service');
  }
  if (draft.onePacket && draft.protocol !== 'udp') {
    throw new UsageError('One-Packet Scheduling is only for UDP virtual services');
  }
}

function serviceOptions(draft: Draft, schedulerFlags: number): ServiceOptions {
  const { persistentSec, netmask, onePacket, persistenceEngine } = draft;
  const scheduler = draft.scheduler || DEFAULT_SCHEDULER;
  return { scheduler, schedulerFlags, persistentSec, netmask, onePacket, persistenceEngine };
}

const TUNNEL_OPTIONS: readonly OptionName[] = [
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
];

function checkServer(draft: Draft): void {
  const isTunnel = draft.forwarding === 'tunnel';
  if (draft.server.family !== draft.family && !isTunnel) {
    throw new UsageError('Different address family is allowed only for tunneling servers');
  }
  if (!isTunnel && TUNNEL_OPTIONS.some((name) => draft.given.has(name))) {
    throw new UsageError('Tunnel options conflict with forward method');
  }
  if (isTunnel) checkTunnelLegality(draft.tunnelType, draft.given);
}

/** Only masquerading changes ports: otherwise the service's, except with marks, where there is none. */
function serverPort({ fwmark, forwarding, port, server }: Draft): number {
  return fwmark === 0 && forwarding !== 'masquerade' ? port : server.port;
}

function serverOptions(draft: Draft): ServerOptions {
  const { forwarding, weight, upperThreshold, lowerThreshold } = draft;
  const tunnel = { type: draft.tunnelType, port: draft.tunnelPort, checksum: draft.tunnelChecksum };
  return { forwarding, weight, upperThreshold, lowerThreshold, tunnel };
}

/**
 * With the kernel's defaults (ip_vs_sync.c, start_sync_thread): ipvsadm leaves them to it, but the director starts
 * nothing that would need to choose. A message fills an Ethernet frame; a backup takes 1024 bytes at least.
 */
function syncDaemon(draft: Draft): SyncDaemon {
  const { role, multicastGroup } = draft;
  const headerBytes = multicastGroup.includes(':') ? 48 : 28;
  const minLengthBytes = role === 'backup' ? 1024 : 1;
  const maxLengthBytes = draft.syncMaxLengthBytes || 1500 - headerBytes;
  return {
    role,
    interface: draft.multicastInterface || DEFAULT_MULTICAST_INTERFACE,
    syncId: draft.syncId,
    maxLengthBytes: Math.min(Math.max(maxLengthBytes, minLengthBytes), 65535 - headerBytes),
    group: multicastGroup || '224.0.0.81',
    port: draft.multicastPort || 8848,
    ttl: draft.multicastTtl || 1,
  };
}

/** First match wins. */
const VIEWS = ['stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'] as const;

function toListCommand(draft: Draft): Command {
  const { given } = draft;
  const hasNumbers = given.has('stats') || given.has('rate') || given.has('thresholds');
  const isSetting = given.has('timeout') || given.has('daemon');
  if (((given.has('connection') || isSetting) && hasNumbers) || (isSetting && given.has('persistent-conn'))) {
    throw new UsageError('options conflicts in the list command');
  }
  const numeric = given.has('numeric');
  if (given.has('connection')) {
    return { kind: 'list-connections', numeric, engineColumns: given.has('persistent-conn') };
  }
  if (given.has('timeout')) return { kind: 'list-timeouts' };
  if (given.has('daemon')) return { kind: 'list-sync-daemons' };
  const view: ListView = VIEWS.find((name) => given.has(name)) ?? 'plain';
  return {
    kind: 'list-services',
    view,
    ...(given.has('service-address') && { service: serviceAddress(draft) }),
    numeric,
    exact: given.has('exact'),
    sorted: !given.has('nosort'),
  };
}
