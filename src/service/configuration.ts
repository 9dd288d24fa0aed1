/**
 * The configuration as the daemon holds it and lists it: immutable; an edit makes a new one. Errors are those
 * of the kernel's ip_vs_ctl.c, in its order of checks (recorded in test/oracle/recordings/ipvsadm-cli.json).
 */
import { DirectorError } from '../errors.ts';
import { parseIp } from '../wire/address.ts';
import { isUnicastIpv4 } from '../wire/ipv4.ts';
import { isRoutableUnicastIpv6 } from '../wire/ipv6.ts';
import { checkedMarkRule } from './mark-rule.ts';
import type {
  ConnectionTimeouts,
  Edit,
  MarkRule,
  ServerAddress,
  ServerOptions,
  ServiceAddress,
  ServiceOptions,
  SyncDaemon,
} from './model.ts';
import { DEFAULT_SETTINGS, type Settings, withSetting } from './settings.ts';

export interface ConfiguredServer {
  readonly server: ServerAddress;
  readonly options: ServerOptions;
}

export interface ConfiguredService {
  readonly service: ServiceAddress;
  readonly options: ServiceOptions;
  /** The one added last comes first. */
  readonly servers: readonly ConfiguredServer[];
}

export interface Configuration {
  /** By serviceKey(). */
  readonly services: ReadonlyMap<string, ConfiguredService>;
  readonly timeouts: ConnectionTimeouts;
  /** Master before backup. */
  readonly syncDaemons: readonly SyncDaemon[];
  readonly settings: Settings;
  /** In the order in which they are tried. */
  readonly marks: readonly MarkRule[];
}

/** Defaults of net/netfilter/ipvs/ip_vs_proto_tcp.c and ip_vs_proto_udp.c. */
export const DEFAULT_TIMEOUTS: ConnectionTimeouts = { tcpSec: 900, tcpFinSec: 120, udpSec: 300 };

export const EMPTY_CONFIGURATION: Configuration = {
  services: new Map(),
  timeouts: DEFAULT_TIMEOUTS,
  syncDaemons: [],
  settings: DEFAULT_SETTINGS,
  marks: [],
};

/** `none` is a service whose every connection fails. */
export const SCHEDULER_NAMES: ReadonlySet<string> = new Set(
  'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh none'.split(' '),
);
const PERSISTENCE_ENGINES: ReadonlySet<string> = new Set(['', 'sip']);
const MAX_WEIGHT = 0x7fffffff;

/** Text that is equal for equal service addresses; also how messages name a service. */
export function serviceKey(service: ServiceAddress): string {
  if ('fwmark' in service) return `fwmark ${service.fwmark}${service.family === 6 ? ' IPv6' : ''}`;
  return `${service.protocol} ${endpointText(service)}`;
}

export function endpointText({ address, port }: ServerAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * For many edits in a row: a copy whose services the following applyEdit() may change in place. Nobody else may hold
 * it while they do.
 */
export const draftOf = (configuration: Configuration): Configuration => ({
  ...configuration,
  services: new DraftServices(configuration.services),
});

/** Services that belong to one sequence of edits alone. */
class DraftServices extends Map<string, ConfiguredService> {}

const writable = (services: Configuration['services']): Map<string, ConfiguredService> =>
  services instanceof DraftServices ? services : new Map(services);

const emptied = (services: Configuration['services']): Map<string, ConfiguredService> =>
  services instanceof DraftServices ? new DraftServices() : new Map();

/** Throws a DirectorError and leaves the old configuration as it was, or returns the new one. */
export function applyEdit(configuration: Configuration, edit: Edit): Configuration {
  switch (edit.op) {
    case 'add-service':
    case 'edit-service':
      return putService(configuration, edit.op, edit.service, edit.options);
    case 'delete-service':
      return withoutService(configuration, edit.service);
    case 'flush':
      return { ...configuration, services: emptied(configuration.services) };
    case 'add-server':
    case 'edit-server':
    case 'delete-server':
      return changeServers(configuration, edit);
    case 'zero':
      if (edit.service !== undefined) findService(configuration, edit.service);
      return configuration;
    case 'set-timeouts':
      return { ...configuration, timeouts: mergedTimeouts(configuration.timeouts, edit.timeouts) };
    case 'start-sync-daemon':
      return startSyncDaemon(configuration, edit.daemon);
    case 'stop-sync-daemon':
      if (!configuration.syncDaemons.some((daemon) => daemon.role === edit.role)) {
        throw new DirectorError('SYNC_DAEMON_NOT_RUNNING', `no ${edit.role} sync daemon runs`);
      }
      return {
        ...configuration,
        syncDaemons: configuration.syncDaemons.filter((daemon) => daemon.role !== edit.role),
      };
    case 'set':
      return { ...configuration, settings: withSetting(configuration.settings, edit.name, edit.value) };
    case 'set-marks':
      return { ...configuration, marks: edit.rules.map(checkedMarkRule) };
  }
}

/** Throws SERVICE_NOT_FOUND. */
export function findService(configuration: Configuration, service: ServiceAddress): ConfiguredService {
  const found = configuration.services.get(serviceKey(service));
  if (found === undefined) {
    throw new DirectorError('SERVICE_NOT_FOUND', `there is no virtual service ${serviceKey(service)}`, {
      service,
    });
  }
  return found;
}

/** The servers at an address, and port if one is given, of one service or of all. Throws when there is none. */
export function findServers(
  configuration: Configuration,
  { address, port }: { readonly address: string; readonly port?: number },
  only: ServiceAddress | undefined,
): { service: ServiceAddress; server: ServerAddress }[] {
  const services =
    only === undefined ? [...configuration.services.values()] : [findService(configuration, only)];
  const found = services.flatMap(({ service, servers }) =>
    servers
      .filter(({ server }) => server.address === address && (port === undefined || server.port === port))
      .map(({ server }) => ({ service, server })),
  );
  if (found.length > 0) return found;
  const name = port === undefined ? address : endpointText({ address, port });
  const where = only === undefined ? 'any virtual service' : serviceKey(only);
  throw new DirectorError('SERVER_NOT_FOUND', `there is no real server ${name} of ${where}`);
}

function withService(configuration: Configuration, service: ConfiguredService): Configuration {
  return {
    ...configuration,
    services: writable(configuration.services).set(serviceKey(service.service), service),
  };
}

function putService(
  configuration: Configuration,
  op: 'add-service' | 'edit-service',
  service: ServiceAddress,
  options: ServiceOptions,
): Configuration {
  const existing = configuration.services.get(serviceKey(service));
  if (op === 'add-service' && existing !== undefined) {
    throw new DirectorError('SERVICE_EXISTS', `the virtual service ${serviceKey(service)} exists already`, {
      service,
    });
  }
  if (op === 'edit-service') findService(configuration, service);
  if (!SCHEDULER_NAMES.has(options.scheduler)) {
    const known = [...SCHEDULER_NAMES].join(', ');
    throw new DirectorError(
      'SCHEDULER_NOT_FOUND',
      `there is no scheduler "${options.scheduler}"; known: ${known}`,
    );
  }
  if (!PERSISTENCE_ENGINES.has(options.persistenceEngine)) {
    throw new DirectorError(
      'SCHEDULER_NOT_FOUND',
      `there is no persistence engine "${options.persistenceEngine}"`,
    );
  }
  return withService(configuration, { service, options, servers: existing?.servers ?? [] });
}

function withoutService(configuration: Configuration, service: ServiceAddress): Configuration {
  findService(configuration, service);
  const services = writable(configuration.services);
  services.delete(serviceKey(service));
  return { ...configuration, services };
}

type ServerEdit = Extract<Edit, { op: 'add-server' | 'edit-server' | 'delete-server' }>;

function changeServers(configuration: Configuration, edit: ServerEdit): Configuration {
  const service = findService(configuration, edit.service);
  if (edit.op !== 'delete-server') checkServerOptions(edit.options);
  const { address, port } = edit.server;
  const index = service.servers.findIndex(({ server }) => server.port === port && server.address === address);
  const names = `${endpointText(edit.server)} of ${serviceKey(edit.service)}`;
  if (edit.op === 'add-server') {
    if (index >= 0) throw new DirectorError('SERVER_EXISTS', `the real server ${names} exists already`);
    checkServerAddress(address);
    const added = { server: edit.server, options: edit.options };
    return withService(configuration, { ...service, servers: [added, ...service.servers] });
  }
  if (index < 0) throw new DirectorError('SERVER_NOT_FOUND', `there is no real server ${names}`);
  const servers =
    edit.op === 'delete-server'
      ? service.servers.toSpliced(index, 1)
      : service.servers.with(index, { server: edit.server, options: edit.options });
  return withService(configuration, { ...service, servers });
}

/** ip_vs_ctl.c, ip_vs_add_dest(): weight, then thresholds. */
function checkServerOptions({ weight, upperThreshold, lowerThreshold }: ServerOptions): void {
  if (weight < 0 || weight > MAX_WEIGHT) {
    throw new DirectorError('OUT_OF_RANGE', `weight ${weight} is outside 0..${MAX_WEIGHT}`, { weight });
  }
  if (lowerThreshold > upperThreshold) {
    const message = `lower threshold ${lowerThreshold} is above the upper threshold ${upperThreshold}`;
    throw new DirectorError('OUT_OF_RANGE', message, { lowerThreshold, upperThreshold });
  }
}

/** Unicast or loopback, as ip_vs_new_dest() asks. */
function checkServerAddress(address: string): void {
  const ip = parseIp(address);
  const isUnicast =
    ip !== undefined && (ip.version === 4 ? isUnicastIpv4(ip.words[0]) : isRoutableUnicastIpv6(ip.words));
  if (!isUnicast) {
    throw new DirectorError('SERVER_ADDRESS_INVALID', `${address} is not a unicast address`, { address });
  }
}

function mergedTimeouts(current: ConnectionTimeouts, wanted: ConnectionTimeouts): ConnectionTimeouts {
  return {
    tcpSec: wanted.tcpSec || current.tcpSec,
    tcpFinSec: wanted.tcpFinSec || current.tcpFinSec,
    udpSec: wanted.udpSec || current.udpSec,
  };
}

function startSyncDaemon(configuration: Configuration, daemon: SyncDaemon): Configuration {
  if (configuration.syncDaemons.some(({ role }) => role === daemon.role)) {
    throw new DirectorError('SYNC_DAEMON_RUNNING', `a ${daemon.role} sync daemon runs already`);
  }
  const syncDaemons = [...configuration.syncDaemons, daemon].sort((a, b) => b.role.localeCompare(a.role));
  return { ...configuration, syncDaemons };
}
