/**
 * Names of hosts and services, from where the C library has them: the resolver (/etc/hosts, DNS, whatever
 * nsswitch.conf says) and /etc/services. The parser needs names to be numbers, the listings the other way round.
 */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import type { TransportProtocol } from '../../service/model.ts';

export interface Resolver {
  /** The first IPv4 address of a host, or undefined. */
  hostAddress(name: string): Promise<string | undefined>;
  servicePort(name: string, protocol: TransportProtocol): number | undefined;
  hostName(address: string): Promise<string | undefined>;
  serviceName(port: number, protocol: TransportProtocol): string | undefined;
}

interface ServiceDatabase {
  readonly ports: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<string, string>;
}

/** services(5): `name port/protocol alias…`; the first line for a name or a port counts. */
export function parseServices(text: string): ServiceDatabase {
  const ports = new Map<string, number>();
  const names = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [name, portAndProtocol, ...aliases] = line.replace(/#.*/, '').split(/\s+/).filter(Boolean);
    const match = /^(\d+)\/(\w+)$/.exec(portAndProtocol ?? '');
    if (name === undefined || match === null) continue;
    const [, port = '', protocol = ''] = match;
    if (!names.has(`${port}/${protocol}`)) names.set(`${port}/${protocol}`, name);
    for (const each of [name, ...aliases]) {
      if (!ports.has(`${each}/${protocol}`)) ports.set(`${each}/${protocol}`, Number(port));
    }
  }
  return { ports, names };
}

/** Reads what it needs when it is first asked. */
export function createSystemResolver(servicesFile = '/etc/services'): Resolver {
  let database: ServiceDatabase | undefined;
  const services = (): ServiceDatabase => {
    database ??= parseServices(readServices(servicesFile));
    return database;
  };
  return {
    async hostAddress(name) {
      const { lookup } = await import('node:dns/promises');
      return lookup(name, { family: 4 }).then(
        // It hands an IPv6 literal back as it is, whatever family was asked for.
        (found) => (isIPv4(found.address) ? found.address : undefined),
        () => undefined,
      );
    },
    async hostName(address) {
      const { lookupService } = await import('node:dns/promises');
      return lookupService(address, 0).then(
        (found) => found.hostname,
        () => undefined,
      );
    },
    servicePort: (name, protocol) => services().ports.get(`${name}/${protocol}`),
    serviceName: (port, protocol) => services().names.get(`${port}/${protocol}`),
  };
}

function readServices(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // minimal systems have none: numbers then
  }
}
