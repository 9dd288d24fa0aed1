/** What a director's doctor starts from: what the daemon says, or, where none answers, what was named. */
import type { DirectorClient } from '../control/client.ts';
import type { NeighborListing, ServiceListing, StatusReply } from '../control/protocol.ts';
import { DirectorError } from '../errors.ts';
import { endpointText } from '../service/configuration.ts';
import type { MarkRule, ServerOptions, ServiceAddress } from '../service/model.ts';
import { parseIp } from '../wire/address.ts';
import type { Wanted } from './doctor.ts';
import { type HostLink, readHost } from './host-view.ts';
import { linkNamed } from './link.ts';
import type { ServerService, ServerView, ServiceView, SituationParts } from './situation.ts';

interface Configured {
  readonly status: StatusReply;
  readonly services: readonly ServiceListing[];
  readonly marks: readonly MarkRule[];
}

export async function directorSituation(client: DirectorClient, wanted: Wanted): Promise<SituationParts> {
  const configured = await readConfigured(client, wanted);
  const interfaceName = wanted.interfaceName ?? configured?.status.interface.name ?? '';
  const host = await readHost();
  const link = linkNamed(host, interfaceName);
  if (configured !== undefined) requireSameHost(link, configured.status);
  const services = configured === undefined ? [] : serviceViews(configured);
  const named = wanted.services.filter((each) => !services.some((other) => isSame(each, other)));
  const virtual = [...wanted.virtual, ...[...services, ...named].map(({ address }) => address)];
  return {
    role: 'director',
    host,
    link,
    virtual: [...new Set(virtual)],
    services,
    servers: configured === undefined ? [] : serverViews(configured),
    status: configured?.status,
  };
}

/** Control sockets are files: those of other network namespaces answer, too. */
function requireSameHost({ name, mac }: HostLink, { interface: theirs }: StatusReply): void {
  if (mac === theirs.mac) return;
  throw new DirectorError(
    'OUT_OF_RANGE',
    `the director that answers is in another network namespace: its ${name} is ${theirs.mac}, the one here ${mac}; run doctor there`,
  );
}

const isSame = (a: ServiceView, b: ServiceView): boolean =>
  a.protocol === b.protocol && a.address === b.address && a.port === b.port;

/** Undefined: no director answers, and what it would say was named. */
async function readConfigured(client: DirectorClient, wanted: Wanted): Promise<Configured | undefined> {
  try {
    const [status, { services }, { rules }] = [
      await client.readStatus(),
      await client.listServices(),
      await client.readMarks(),
    ];
    if (wanted.interfaceName === undefined || wanted.interfaceName === status.interface.name)
      return { status, services, marks: rules };
    throw new DirectorError(
      'OUT_OF_RANGE',
      `--interface ${wanted.interfaceName}: the director that answers runs on ${status.interface.name}; leave it out, or name another --socket`,
    );
  } catch (error) {
    if ((error as DirectorError).code !== 'DAEMON_UNREACHABLE') throw error;
    if (wanted.interfaceName !== undefined && wanted.virtual.length + wanted.services.length > 0)
      return undefined;
    throw new DirectorError(
      'DAEMON_UNREACHABLE',
      `${(error as Error).message}. To look at this host without it, name --interface and --vip; on a real server: director doctor --real-server`,
      {},
      error,
    );
  }
}

function serviceViews({ services, marks }: Configured): ServiceView[] {
  return services.flatMap(({ service }) => addressesOf(service, marks));
}

/** A service of a mark has the addresses and ports of the rules that set it; networks and ranges are not asked for. */
function addressesOf(service: ServiceAddress, marks: readonly MarkRule[]): ServiceView[] {
  if (!('fwmark' in service)) return [service];
  return marks
    .filter(
      ({ mark, destination }) => mark === service.fwmark && parseIp(destination)?.version === service.family,
    )
    .map(({ protocol = 'tcp', destination, ports }) => ({
      protocol,
      address: destination,
      port: ports !== undefined && ports[0] === ports[1] ? ports[0] : 0,
    }));
}

function serverViews({ services, marks, status }: Configured): ServerView[] {
  const neighbors = new Map(status.neighbors.map((neighbor) => [neighbor.server, neighbor]));
  const byAddress = new Map<string, { neighbor: NeighborListing; services: ServerService[] }>();
  for (const { service, servers } of services) {
    for (const { server, options } of servers) {
      const neighbor = neighbors.get(server.address);
      if (neighbor === undefined) continue;
      const known = byAddress.get(server.address) ?? { neighbor, services: [] };
      byAddress.set(server.address, known);
      const { forwarding } = options;
      const names = {
        option: optionOf(service),
        serverText: endpointText(server),
        forwarding,
        kept: keptOf(options),
      };
      known.services.push(...addressesOf(service, marks).map((at) => ({ ...at, ...names })));
    }
  }
  return [...byAddress.values()].map(({ neighbor, services: its }) => ({
    address: neighbor.server,
    kind: neighbor.kind,
    mac: neighbor.mac,
    state: neighbor.state,
    interfaceName: neighbor.interface ?? status.interface.name,
    services: its,
  }));
}

/** What `diradm -e` takes away unless it is said again. */
const keptOf = ({ weight, upperThreshold, lowerThreshold }: ServerOptions): string =>
  [
    `-w ${weight}`,
    ...(upperThreshold > 0 ? [`-x ${upperThreshold}`] : []),
    ...(lowerThreshold > 0 ? [`-y ${lowerThreshold}`] : []),
  ].join(' ');

const OPTIONS = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

function optionOf(service: ServiceAddress): string {
  if ('fwmark' in service) return `-f ${service.fwmark}${service.family === 6 ? ' -6' : ''}`;
  return `${OPTIONS[service.protocol]} ${endpointText(service)}`;
}
