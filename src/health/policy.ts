/** What the director does about the health of a service's servers. */
import type { ServerAddress } from '../service/model.ts';
import type { ServiceCheck } from './service-check.ts';

export interface HealthPolicy {
  /** Null: nobody checks; what does not answer ARP or neighbour discovery is failed all the same. */
  readonly check: ServiceCheck | null;
  /** Takes the connections while no other server of the service can. */
  readonly sorry: ServerAddress | null;
  /** A server that came back gets its whole weight after so many seconds; 0: at once. */
  readonly slowStartSec: number;
}

export const NO_POLICY: HealthPolicy = { check: null, sorry: null, slowStartSec: 0 };
