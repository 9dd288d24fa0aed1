/** Edits on this host: what it, or the datapath that runs on it, cannot have is refused before anything changes. */
import { DirectorError } from '../errors.ts';
import type { RouteSocket } from '../host/netlink.ts';
import { applyEdit, type Configuration } from '../service/configuration.ts';
import { ownBroadcasts } from './own-networks.ts';
import { type Capacity, CapacityCheck } from './xdp-capacity.ts';

export interface EditingHost {
  readonly routes: Pick<RouteSocket, 'link' | 'links' | 'addresses'>;
  /** Undefined: the datapath has no tables of a fixed size. */
  readonly capacity: Capacity | undefined;
}

/** applyEdit() for edits in a row, from `before` on. What is refused leaves a draft as it was, too. */
export function createApply({ routes, capacity }: EditingHost, before: Configuration): typeof applyEdit {
  const check = capacity === undefined ? undefined : new CapacityCheck(capacity, before);
  const broadcasts = ownBroadcasts(routes);
  return (configuration, edit) => {
    if (edit.op === 'start-sync-daemon' && routes.link(edit.daemon.interface) === undefined)
      throw new DirectorError('NO_SUCH_DEVICE', `there is no interface ${edit.daemon.interface}`);
    if (edit.op === 'add-server' && broadcasts.has(edit.server.address)) {
      // The kernel looks at the address last: what else is wrong is told first.
      applyEdit({ ...configuration, services: new Map(configuration.services) }, edit);
      throw new DirectorError(
        'SERVER_ADDRESS_INVALID',
        `${edit.server.address} is a broadcast address of this host's network`,
      );
    }
    return check?.apply(configuration, edit) ?? applyEdit(configuration, edit);
  };
}
