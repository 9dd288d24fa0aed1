/** `-L`: services and their servers in ipvsadm's columns (its print_title, print_service_entry, print_largenum). */
import type { ServerListing, ServiceListing } from '../../control/protocol.ts';
import type {
  ForwardingMethod,
  ServerOptions,
  ServiceOptions,
  TrafficCounters,
} from '../../service/model.ts';
import { renderIpv4 } from '../../wire/address.ts';
import type { ListView } from './command.ts';
import { protocolOf, type RenderEndpoint } from './endpoint-names.ts';
import { renderSchedulerFlags } from './scheduler-flags.ts';

/** What ipvsadm prints for the IPVS version of today's kernels; programs look for this line. */
const IPVS_VERSION = '1.2.1';
const SERVICE_WIDTH = 33;
const SERVER_WIDTH = 28;
const LOCAL = 'Prot LocalAddress:Port';
const REMOTE = '  -> RemoteAddress:Port';

export const renderVersionLine = (connectionTableSize: number): string =>
  `IP Virtual Server version ${IPVS_VERSION} (size=${connectionTableSize})\n`;

const wideTitle = (columns: string): string => `${LOCAL.padEnd(SERVICE_WIDTH)} ${columns}\n${REMOTE}\n`;

export const TITLES: Readonly<Record<ListView, string>> = {
  stats: wideTitle('   Conns   InPkts  OutPkts  InBytes OutBytes'),
  rate: wideTitle('     CPS    InPPS   OutPPS    InBPS   OutBPS'),
  thresholds: wideTitle('Uthreshold Lthreshold ActiveConn InActConn '),
  'persistent-conn': wideTitle('Weight    PersistConn ActiveConn InActConn '),
  'tun-info': `${LOCAL} Scheduler Flags\n${REMOTE}           Forward TunnelInfo    Weight ActiveConn InActConn\n`,
  plain: `${LOCAL} Scheduler Flags\n${REMOTE}           Forward Weight ActiveConn InActConn\n`,
};

export interface ListFormat {
  readonly view: ListView;
  /** Large numbers in full. */
  readonly exact: boolean;
  readonly renderEndpoint: RenderEndpoint;
}

/** A service and the servers given, in that order. */
export function renderService(
  listing: ServiceListing,
  servers: readonly ServerListing[],
  format: ListFormat,
) {
  const lines = [serviceLine(listing, format)];
  for (const server of servers) lines.push(serverLine(server, listing, format));
  return lines.join('');
}

function serviceLine(listing: ServiceListing, { view, exact, renderEndpoint }: ListFormat): string {
  const name = serviceName(listing, renderEndpoint);
  if (view !== 'stats' && view !== 'rate') return `${name} ${schedulerText(listing)}\n`;
  const traffic = view === 'stats' ? listing.counters : listing.rates;
  return `${name.padEnd(SERVICE_WIDTH)}${trafficColumns(traffic, exact)}\n`;
}

/** IPv4 is cut to the column, IPv6 pushes the others to the right. */
function serviceName({ service }: ServiceListing, renderEndpoint: RenderEndpoint): string {
  if ('fwmark' in service) return `FWM  ${service.fwmark | 0}${service.family === 6 ? ' IPv6' : ''}`;
  const name = `${service.protocol.toUpperCase().padEnd(4)} ${renderEndpoint(service, service.protocol)}`;
  return service.address.includes(':') ? name : name.slice(0, SERVICE_WIDTH);
}

function schedulerText({ service, options }: ServiceListing): string {
  const isIpv6 = 'fwmark' in service ? service.family === 6 : service.address.includes(':');
  const words = [options.scheduler];
  if (options.schedulerFlags !== 0) {
    words.push(`(${renderSchedulerFlags(options.schedulerFlags, options.scheduler)})`);
  }
  if (options.persistentSec !== 0) {
    words.push(`persistent ${options.persistentSec}`);
    const mask = netmaskText(options, isIpv6);
    if (mask !== undefined) words.push(`mask ${mask}`);
    if (options.persistenceEngine !== '') words.push(`pe ${options.persistenceEngine}`);
  }
  if (options.onePacket) words.push('ops');
  return words.join(' ');
}

/** Undefined for the default, which tells every client from every other. */
export function netmaskText({ netmask }: ServiceOptions, isIpv6: boolean): string | undefined {
  if (isIpv6) return netmask === 128 ? undefined : String(netmask);
  return netmask >>> 0 === 0xffffffff ? undefined : renderIpv4(netmask);
}

function serverLine(listing: ServerListing, { service }: ServiceListing, format: ListFormat): string {
  const { server, options, activeConnections, inactiveConnections } = listing;
  const text = format.renderEndpoint(server, protocolOf(service));
  const address = server.address.includes(':') ? text : text.slice(0, SERVER_WIDTH);
  // ipvsadm's users look here for who takes connections.
  const weight = options.failed === true ? 0 : (options.weightInForce ?? options.weight);
  const load = `${left(activeConnections, 10)} ${left(inactiveConnections, 10)}`;
  const columns = () => {
    switch (format.view) {
      case 'plain':
        return ` ${left(FORWARDING_NAMES[options.forwarding], 7)} ${left(weight, 6)} ${load}`;
      case 'tun-info':
        return (
          ` ${left(FORWARDING_NAMES[options.forwarding], 7)} ${left(tunnelText(options), 13)}` +
          ` ${left(weight, 6)} ${load}`
        );
      case 'thresholds':
        return ` ${left(options.upperThreshold, 10)} ${left(options.lowerThreshold, 10)} ${load}`;
      case 'persistent-conn':
        return ` ${left(weight, 9)} ${left(listing.persistentConnections, 11)} ${load}`;
      case 'stats':
        return trafficColumns(listing.counters, format.exact);
      case 'rate':
        return serverRateColumns(listing.rates, format.exact);
    }
  };
  return `  -> ${address.padEnd(SERVER_WIDTH)}${columns()}\n`;
}

const FORWARDING_NAMES: Readonly<Record<ForwardingMethod, string>> = {
  'direct-route': 'Route',
  tunnel: 'Tunnel',
  masquerade: 'Masq',
};

const CHECKSUM_NAMES = { none: '-c', csum: '+c', remcsum: 'r+c' } as const;

function tunnelText({ forwarding, tunnel }: ServerOptions): string {
  if (forwarding !== 'tunnel') return 'n/a';
  if (tunnel.type === 'ipip') return 'ipip';
  const port = tunnel.type === 'gue' ? `:${tunnel.port}` : '';
  return `${tunnel.type}${port}:${CHECKSUM_NAMES[tunnel.checksum]}`;
}

const left = (value: string | number, width: number): string => String(value).padEnd(width);

function trafficColumns(traffic: TrafficCounters, exact: boolean): string {
  const { connections, inPackets, outPackets, inBytes, outBytes } = traffic;
  return [connections, inPackets, outPackets, inBytes, outBytes].map((n) => renderCount(n, exact)).join('');
}

/** The first three of a server are never shortened, those of a service are; so it is in ipvsadm. */
function serverRateColumns(
  { connections, inPackets, outPackets, inBytes, outBytes }: TrafficCounters,
  exact: boolean,
) {
  const perSecond = [connections, inPackets, outPackets].map((n) => ` ${String(Math.trunc(n)).padStart(8)}`);
  return `${perSecond.join('')}${renderCount(inBytes, exact)}${renderCount(outBytes, exact)}`;
}

/** Divided, and with what letter, from 10^8 up, where eight digits no longer hold it. */
const UNITS = [
  { below: 1e9, divisor: 1e3, letter: 'K' },
  { below: 1e11, divisor: 1e6, letter: 'M' },
  { below: 1e14, divisor: 1e9, letter: 'G' },
  { below: Number.POSITIVE_INFINITY, divisor: 1e12, letter: 'T' },
] as const;

/** One column of numbers, with the blank before it: nine characters, more only if exact. */
export function renderCount(value: number, exact: boolean): string {
  const whole = Math.trunc(value);
  if (exact || whole < 1e8) return ` ${String(whole).padStart(8)}`;
  const { divisor, letter } = UNITS.find(({ below }) => whole < below)!;
  return `${String(Math.trunc(whole / divisor)).padStart(8)}${letter}`;
}
