/** Addresses and ports as listings show them: numbers with -n, else the names that the resolver has. */
import type { ServerAddress, ServiceAddress, TransportProtocol } from '../../service/model.ts';
import type { Resolver } from './resolver.ts';

/** `ip` is the protocol of whatever belongs to a firewall mark: its ports have no names. */
export type EndpointProtocol = TransportProtocol | 'ip';

export type RenderEndpoint = (endpoint: ServerAddress, protocol: EndpointProtocol) => string;

/** ipvsadm builds the text in a buffer of 60. */
const MAX_LENGTH = 59;

const render = (host: string, port: string | number, isIpv6: boolean): string =>
  (isIpv6 ? `[${host}]:${port}` : `${host}:${port}`).slice(0, MAX_LENGTH);

export const renderNumeric: RenderEndpoint = ({ address, port }) =>
  render(address, port, address.includes(':'));

export function protocolOf(service: ServiceAddress): EndpointProtocol {
  return 'fwmark' in service ? 'ip' : service.protocol;
}

/** Looks up each address once, all at a time, so that the rendering itself has nothing to wait for. */
export async function createNameRenderer(
  addresses: Iterable<string>,
  resolver: Resolver,
): Promise<RenderEndpoint> {
  const hosts = new Map<string, string>();
  const lookUp = async (address: string) => {
    hosts.set(address, (await resolver.hostName(address)) ?? address);
  };
  await Promise.all([...new Set(addresses)].map(lookUp));
  return ({ address, port }, protocol) => {
    const service = protocol === 'ip' ? undefined : resolver.serviceName(port, protocol);
    return render(hosts.get(address) ?? address, service ?? port, address.includes(':'));
  };
}
