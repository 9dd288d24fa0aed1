/** Which ports of which virtual addresses the services take: what the host must not answer for. */
import type { GuardedMark, GuardedPorts } from '../host/guard.ts';
import type { Configuration, ConfiguredService } from '../service/configuration.ts';

const FTP_PORT = 21;
const FTP_DATA_PORT = 20;
const FIRST_UNPRIVILEGED_PORT = 1024;
const LAST_PORT = 65535;

/** Of all the services in the configurations; disjoint, as nftables wants the ranges of a set. */
export function guardedPorts(...configurations: readonly Configuration[]): GuardedPorts[] {
  const ranges = configurations.flatMap(({ services }) => [...services.values()].flatMap(rangesOf));
  ranges.sort((a, b) => compareText(groupOf(a), groupOf(b)) || a.firstPort - b.firstPort);
  const disjoint: GuardedPorts[] = [];
  for (const range of ranges) {
    const last = disjoint.at(-1);
    const overlaps =
      last !== undefined && groupOf(last) === groupOf(range) && range.firstPort <= last.lastPort;
    if (overlaps)
      disjoint[disjoint.length - 1] = { ...last, lastPort: Math.max(last.lastPort, range.lastPort) };
    else disjoint.push(range);
  }
  return disjoint;
}

/** A persistent service on port 0 takes all ports; one on the FTP port also those of data connections. */
function rangesOf({ service, options }: ConfiguredService): GuardedPorts[] {
  if ('fwmark' in service) return [];
  const { protocol, address, port } = service;
  const range = (firstPort: number, lastPort: number) => ({ protocol, address, firstPort, lastPort });
  if (options.persistentSec === 0) return port === 0 ? [] : [range(port, port)];
  if (port === 0) return [range(0, LAST_PORT)];
  if (port !== FTP_PORT || protocol !== 'tcp') return [range(port, port)];
  return [range(FTP_DATA_PORT, FTP_PORT), range(FIRST_UNPRIVILEGED_PORT, LAST_PORT)];
}

const groupOf = ({ protocol, address }: GuardedPorts): string => `${address} ${protocol}`;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The rules that say which frames belong to which mark, and whether a service takes the mark. */
export function guardedMarks({ marks, services }: Configuration): GuardedMark[] {
  const taken = new Set(
    [...services.values()].flatMap(({ service }) =>
      'fwmark' in service ? [`${service.fwmark} ${service.family}`] : [],
    ),
  );
  return marks.map(({ mark, protocol, destination, ports, sources }) => ({
    protocols: protocol === undefined ? ['tcp', 'udp', 'sctp'] : [protocol],
    destination,
    firstPort: ports?.[0] ?? 0,
    lastPort: ports?.[1] ?? LAST_PORT,
    sources,
    isTaken: taken.has(`${mark} ${destination.includes(':') ? 6 : 4}`),
  }));
}
