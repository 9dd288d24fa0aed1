/** The real servers' neighbours, as the daemon follows them: watched as configured, told to log and datapath. */
import { type Neighbor, NeighborTable } from '../host/neighbors.ts';
import type { RouteSocket } from '../host/netlink.ts';
import type { Log } from '../log.ts';
import type { Configuration } from '../service/configuration.ts';
import type { NextHop } from '../worker/messages.ts';

/** How long a command waits for the MAC of a server that it added: the kernel's ARP takes a millisecond. */
const RESOLVE_WITHIN_MS = 100;

export interface ServerWatchOptions {
  readonly log: Log;
  readonly routes: RouteSocket;
  readonly interface: string;
  /** Whether the datapath sends by other interfaces, too. */
  readonly otherInterfaces: () => boolean;
  readonly onChange: (nextHop: NextHop) => void;
}

export class ServerWatch {
  private readonly log: Log;
  private readonly neighbors: NeighborTable;

  constructor({ log, routes, interface: name, otherInterfaces, onChange }: ServerWatchOptions) {
    this.log = log;
    this.neighbors = new NeighborTable(routes, name, { otherInterfaces });
    this.neighbors.onChange((neighbor, before) => {
      if (!isNews(neighbor, before)) return;
      this.logNeighbor(neighbor);
      onChange(nextHopOf(neighbor));
    });
  }

  list(): Neighbor[] {
    return this.neighbors.list();
  }

  /** Undefined when no server has this address. */
  get(address: string): Neighbor | undefined {
    return this.neighbors.get(address);
  }

  /** Whole seconds since the server last showed that it has its MAC; null: not known. */
  confirmedAgoSec(server: string): number | null {
    const agoMs = this.neighbors.confirmedAgoMs(server);
    return agoMs === null ? null : Math.floor(agoMs / 1000);
  }

  /** Those that the kernel has looked for. A program that was taken over knows the MACs of others from before. */
  nextHops(): NextHop[] {
    return this.neighbors
      .list()
      .filter(({ state }) => state !== 'INCOMPLETE')
      .map(nextHopOf);
  }

  /** Watches these servers alone, and gives the kernel a moment to find those that are new. */
  async follow({ services }: Configuration): Promise<void> {
    const servers = [...services.values()].flatMap((service) => service.servers);
    const addresses = new Set(servers.map(({ server }) => server.address));
    const added = [...addresses].filter((address) => this.neighbors.get(address) === undefined);
    this.neighbors.watchOnly(addresses);
    const deadlineMs = performance.now() + RESOLVE_WITHIN_MS;
    const isOpen = (address: string) => {
      const neighbor = this.neighbors.get(address);
      return neighbor?.kind === 'neighbor' && neighbor.mac === null;
    };
    while (added.some(isOpen) && performance.now() < deadlineMs)
      await new Promise((done) => setTimeout(done, 2));
  }

  close(): void {
    this.neighbors.close();
  }

  private logNeighbor({ server, kind, mac, state }: Neighbor): void {
    const fields = { server, kind, mac, state };
    // While the kernel asks for it there is nothing to say yet.
    if (state === 'INCOMPLETE') return;
    if (state === 'FAILED')
      this.log.warn(fields, `real server ${server} does not answer ARP or neighbour discovery`);
    else if (kind === 'unreachable')
      this.log.warn(fields, `real server ${server} cannot be reached: ${state}`);
    else this.log.info(fields, `real server ${server}: ${mac ?? 'this host'} (${state})`);
  }
}

/**
 * What is new to others. Of thousands of servers some are confirmed too late at any time, and go from REACHABLE to STALE
 * and back.
 */
function isNews(neighbor: Neighbor, before: Neighbor): boolean {
  const isSameWay =
    neighbor.kind === before.kind &&
    neighbor.mac === before.mac &&
    neighbor.interface?.index === before.interface?.index &&
    neighbor.interface?.mac === before.interface?.mac;
  // Without a MAC the state is the reason why.
  return !isSameWay || (neighbor.mac === null && neighbor.state !== before.state);
}

const nextHopOf = ({ server, kind, mac, interface: by }: Neighbor): NextHop => ({
  address: server,
  kind,
  mac,
  interface: by === null ? null : { index: by.index, mac: by.mac },
});
