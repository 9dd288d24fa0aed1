/** Everything that goes to stdout, as text: pure, from the daemon's replies. Names have been looked up before. */
import type { ServicesReply } from '../../control/protocol.ts';
import type { ServiceAddress } from '../../service/model.ts';
import type { ListServices } from './command.ts';
import type { RenderEndpoint } from './endpoint-names.ts';
import { renderService, renderVersionLine, TITLES } from './listing.ts';
import { inKernelOrder, sortServers, sortServices } from './order.ts';
import { renderSavedService } from './save.ts';

/** Undefined if the one service that is asked for does not exist. */
export function renderServices(
  command: ListServices,
  reply: ServicesReply,
  renderEndpoint: RenderEndpoint,
): string | undefined {
  const { service, view, exact, sorted } = command;
  const title = TITLES[view];
  const format = { view, exact, renderEndpoint };
  const render = (listing: ServicesReply['services'][number]) =>
    renderService(listing, sorted ? sortServers(listing.servers) : listing.servers, format);
  if (service !== undefined) {
    const found = reply.services.find((listing) => isSameService(listing.service, service));
    return found && title + render(found);
  }
  const unsorted = inKernelOrder(reply.services);
  const services = sorted ? sortServices(unsorted) : unsorted;
  return renderVersionLine(reply.connectionTableSize) + title + services.map(render).join('');
}

function isSameService(a: ServiceAddress, b: ServiceAddress): boolean {
  if ('fwmark' in a) return 'fwmark' in b && a.fwmark === b.fwmark && a.family === b.family;
  return !('fwmark' in b) && a.protocol === b.protocol && a.address === b.address && a.port === b.port;
}

export function renderSaved(reply: ServicesReply, renderEndpoint: RenderEndpoint): string {
  return sortServices(inKernelOrder(reply.services))
    .map((listing) => renderSavedService(listing, sortServers(listing.servers), renderEndpoint))
    .join('');
}

export function renderTimeouts({ timeouts }: ServicesReply): string {
  return `Timeout (tcp tcpfin udp): ${timeouts.tcpSec} ${timeouts.tcpFinSec} ${timeouts.udpSec}\n`;
}

/** Master before backup; what is 0 or empty is left out. */
export function renderSyncDaemons({ syncDaemons }: ServicesReply): string {
  return [...syncDaemons]
    .sort((a, b) => b.role.localeCompare(a.role))
    .map((daemon) => {
      const words = [`mcast=${daemon.interface}`, `syncid=${daemon.syncId}`];
      if (daemon.maxLengthBytes !== 0) words.push(`maxlen=${daemon.maxLengthBytes}`);
      if (daemon.group !== '') words.push(`group=${daemon.group}`);
      if (daemon.port !== 0) words.push(`port=${daemon.port}`);
      if (daemon.ttl !== 0) words.push(`ttl=${daemon.ttl}`);
      return `${daemon.role} sync daemon (${words.join(', ')})\n`;
    })
    .join('');
}
