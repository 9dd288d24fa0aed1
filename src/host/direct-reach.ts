/** Whether a frame can go straight to a real server, by the host's routes; if not, why. */
import type { LinkMessage, RouteMessage } from './rtnetlink-format.ts';

const NO_MAC = '00:00:00:00:00:00';

export interface Reachability {
  readonly server: string;
  /** The director's own, and its link; undefined: there is none. */
  readonly interfaceName: string;
  readonly link: LinkMessage | undefined;
  readonly route: RouteMessage | 'none';
  /** The link that the route leaves by. */
  readonly routed: LinkMessage | undefined;
  /** Whether the datapath sends by other interfaces than its own. */
  readonly otherInterfaces: boolean;
}

/** A sentence, or undefined when the next hop is the server itself, on an interface that the datapath sends by. */
export function whyNotDirect(reachability: Reachability): string | undefined {
  const { server, interfaceName, link, route, otherInterfaces } = reachability;
  const segment = otherInterfaces ? 'a segment of this host' : `the same segment as ${interfaceName}`;
  const needed = `direct routing needs the server on ${segment}`;
  if (link === undefined) return `there is no interface ${interfaceName}`;
  const faulty = faultOf(link);
  if (faulty !== undefined) return faulty;
  if (route === 'none') return `there is no route to ${server}; ${needed}`;
  if (route.routeType !== 'unicast') return `the route to ${server} is of type ${route.routeType}; ${needed}`;
  const elsewhere = route.interfaceIndex === link.index ? undefined : whyNotElsewhere(reachability, needed);
  if (elsewhere !== undefined) return elsewhere;
  if (route.gateway !== null)
    return `the route to ${server} goes through the gateway ${route.gateway}; ${needed}`;
  return undefined;
}

function whyNotElsewhere({ server, routed, otherInterfaces }: Reachability, needed: string) {
  const leaves = `the route to ${server} leaves by ${routed?.name ?? 'another interface'}`;
  if (!otherInterfaces) return `${leaves}; ${needed}, or the xdp datapath`;
  if (routed === undefined || routed.mac === null || routed.mac === NO_MAC)
    return `${leaves}, which is no Ethernet interface; ${needed}`;
  return faultOf(routed);
}

function faultOf({ name, up, running }: LinkMessage): string | undefined {
  if (!up) return `${name} is down`;
  return running ? undefined : `${name} has no carrier`;
}
