/** What a real server's doctor starts from: this host alone. It needs no running daemon, and asks none. */
import { DirectorError } from '../errors.ts';
import type { Wanted } from './doctor.ts';
import { type HostView, hostBits, readHost } from './host-view.ts';
import { likelyLink, linkNamed } from './link.ts';
import type { SituationParts } from './situation.ts';

export async function realServerSituation({
  interfaceName,
  virtual,
  services,
}: Wanted): Promise<SituationParts> {
  const host = await readHost();
  const link = interfaceName === undefined ? likelyLink(host) : linkNamed(host, interfaceName);
  const named = [...virtual, ...services.map(({ address }) => address)];
  const found = named.length > 0 ? named : addressesOnLo(host);
  if (found.length === 0)
    throw new DirectorError(
      'OUT_OF_RANGE',
      'lo has no virtual address; name the one that this real server is for: --vip ADDRESS, or -t ADDRESS:PORT',
    );
  return {
    role: 'real-server',
    host,
    link,
    virtual: [...new Set(found)],
    services,
    servers: [],
    status: undefined,
  };
}

const addressesOnLo = ({ links }: HostView): string[] =>
  links
    .filter(({ name }) => name === 'lo')
    .flatMap(({ addresses }) => addresses)
    .filter(({ scope, address, prefixLength }) => scope !== 'host' && prefixLength > hostBits(address) / 4)
    .map(({ address }) => address);
