/** `-S`: the lines that `-R` takes. Thresholds are left out, as ipvsadm 1.31 leaves them out. */
import type { ServerListing, ServiceListing } from '../../control/protocol.ts';
import type { ServerOptions, TransportProtocol } from '../../service/model.ts';
import { protocolOf, type RenderEndpoint } from './endpoint-names.ts';
import { netmaskText } from './listing.ts';
import { renderSchedulerFlags } from './scheduler-flags.ts';

const PROTOCOL_OPTIONS: Readonly<Record<TransportProtocol, string>> = {
  tcp: '-t',
  udp: '-u',
  sctp: '--sctp-service',
};
const FORWARDING_OPTIONS = { 'direct-route': '-g', tunnel: '-i', masquerade: '-m' } as const;
const CHECKSUM_OPTIONS = { none: '--tun-nocsum', csum: '--tun-csum', remcsum: '--tun-remcsum' } as const;

/** The line of the service, then those of its servers in the order given. */
export function renderSavedService(
  listing: ServiceListing,
  servers: readonly ServerListing[],
  renderEndpoint: RenderEndpoint,
): string {
  const { service } = listing;
  const name =
    'fwmark' in service
      ? `-f ${service.fwmark | 0}${service.family === 6 ? ' -6' : ''}`
      : `${PROTOCOL_OPTIONS[service.protocol]} ${renderEndpoint(service, service.protocol)}`;
  const lines = [`-A ${name} ${serviceOptionsText(listing)}\n`];
  for (const { server, options } of servers.filter(isConfigured)) {
    const address = renderEndpoint(server, protocolOf(service));
    lines.push(`-a ${name} -r ${address} ${serverOptionsText(options)}\n`);
  }
  return lines.join('');
}

function serviceOptionsText({ service, options }: ServiceListing): string {
  const isIpv6 = 'fwmark' in service ? service.family === 6 : service.address.includes(':');
  const words = [`-s ${options.scheduler}`];
  if (options.persistentSec !== 0) {
    words.push(`-p ${options.persistentSec}`);
    const mask = netmaskText(options, isIpv6);
    if (mask !== undefined) words.push(`-M ${mask}`);
  }
  if (options.persistenceEngine !== '') words.push(`--pe ${options.persistenceEngine}`);
  if (options.onePacket) words.push('-o');
  if (options.schedulerFlags !== 0) {
    words.push(`-b ${renderSchedulerFlags(options.schedulerFlags, options.scheduler)}`);
  }
  return words.join(' ');
}

/** A sorry server comes and goes by itself. */
const isConfigured = ({ options }: ServerListing): boolean => options.sorry !== true;

function serverOptionsText({ forwarding, weight, tunnel }: ServerOptions): string {
  const words = [FORWARDING_OPTIONS[forwarding], `-w ${weight}`];
  if (forwarding === 'tunnel') {
    words.push(`--tun-type ${tunnel.type}`);
    if (tunnel.type === 'gue') words.push(`--tun-port ${tunnel.port}`);
    if (tunnel.type !== 'ipip') words.push(CHECKSUM_OPTIONS[tunnel.checksum]);
  }
  return words.join(' ');
}
