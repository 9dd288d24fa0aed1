/** Which interface is meant. */
import { DirectorError } from '../errors.ts';
import type { HostLink, HostView } from './host-view.ts';

/** NO_SUCH_DEVICE names those that there are. */
export function linkNamed({ links }: HostView, name: string): HostLink {
  const link = links.find((each) => each.name === name);
  if (link === undefined) {
    const names = links.map((each) => each.name).join(', ');
    throw new DirectorError('NO_SUCH_DEVICE', `there is no interface ${name}; there are: ${names}`, { name });
  }
  if (link.mac === null)
    throw new DirectorError(
      'NO_SUCH_DEVICE',
      `${name} has no MAC address; direct routing needs an Ethernet interface`,
      { name },
    );
  return link;
}

/** The one that the default route leaves by, else the only one that is up and has addresses. */
export function likelyLink({ links, defaultRoutes }: HostView): HostLink {
  const candidates = links.filter(
    ({ mac, up, addresses }) => mac !== null && up && addresses.some(({ scope }) => scope === 'global'),
  );
  const ways = new Set(defaultRoutes.map(({ interfaceName }) => interfaceName));
  const routed = candidates.filter(({ name }) => ways.has(name));
  const chosen = routed.length > 0 ? routed : candidates;
  if (chosen.length === 1) return chosen[0]!;
  const names = candidates.map(({ name }) => name).join(', ') || 'none that is up and has an address';
  throw new DirectorError(
    'NO_SUCH_DEVICE',
    `which interface leads to the director? Name it with --interface; there are: ${names}`,
  );
}
