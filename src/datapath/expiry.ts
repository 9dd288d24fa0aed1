/**
 * The end of connections whose time is up. No timer for each: a sweep walks the table, a slice at a time. A packet
 * that finds an expired connection ends it at once (forward.ts), so what lags behind by up to one round is only
 * the counts.
 */

import { expire, forget, isExpired } from './connection-life.ts';
import type { Path } from './path.ts';

export class ExpirySweep {
  private next = 1;

  /** Looks at up to maxEntries entries from where the last slice ended. Returns how many connections went. */
  run(path: Path, maxEntries: number): number {
    const { connections } = path;
    let expired = 0;
    const count = Math.min(maxEntries, connections.highestEntry);
    for (let looked = 0; looked < count; looked++) {
      if (this.next > connections.highestEntry) this.next = 1;
      const entry = this.next++;
      if (!connections.isLive(entry)) continue;
      if (isExpired(path, entry) ? expire(path, entry) : endsWithItsServer(path, entry)) expired++;
    }
    return expired;
  }
}

/** With expire_nodest_conn a server takes its connections along when it is removed: ip_vs_expire_nodest_conn_flush(). */
function endsWithItsServer(path: Path, entry: number): boolean {
  const { connections, registry } = path;
  if (!registry.get(connections.serverOf(entry)).takesConnectionsAlong) return false;
  if (connections.isTemplate(entry) && connections.dependents(entry) > 0) return false;
  forget(path, entry);
  return true;
}
