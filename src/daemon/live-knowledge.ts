/** What the daemon adds to an explanation: how servers are reached, and what checks and people said of them. */
import type { Knowledge } from '../explain/knowledge.ts';
import type { Neighbor } from '../host/neighbors.ts';
import type { DatapathKind } from '../worker/messages.ts';
import type { ServerHealth } from './server-health.ts';

export function liveKnowledge(
  datapath: DatapathKind,
  ownInterface: string,
  ownAddresses: readonly string[],
  neighbors: readonly Neighbor[],
  health: ServerHealth,
): Knowledge {
  const byAddress = new Map(neighbors.map((neighbor) => [neighbor.server, neighbor]));
  return {
    datapath,
    interface: ownInterface,
    ownAddresses,
    neighbor: (address) => {
      const found = byAddress.get(address);
      return found && { state: found.state, interface: found.interface?.name ?? null };
    },
    health: (service, server) => {
      const { cause, isDrained } = health.stateOf(service, server);
      return { cause, drained: isDrained };
    },
  };
}
