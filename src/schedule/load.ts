/** How loaded a server is, as the least-connection schedulers count it (linux/ip_vs.h, ip_vs_dest_conn_overhead()). */
import type { RealServer } from '../service/real-server.ts';

/** An active connection weighs 256 times an inactive one (and counts among all of them once more). */
export const overhead = ({ activeConnections, connectionCount }: RealServer): number =>
  256 * activeConnections + connectionCount;

/** Whether loadA / weightA > loadB / weightB, without dividing. */
export function isMoreLoaded(loadA: number, weightA: number, loadB: number, weightB: number): boolean {
  const a = loadA * weightB;
  const b = loadB * weightA;
  if (a <= Number.MAX_SAFE_INTEGER && b <= Number.MAX_SAFE_INTEGER) return a > b;
  return BigInt(loadA) * BigInt(weightB) > BigInt(loadB) * BigInt(weightA);
}

/** Whether lblc and lblcr look for another server: this one is above its weight, and some is below half of its own. */
export function isBusy(server: RealServer, servers: readonly RealServer[]): boolean {
  if (server.activeConnections <= server.weight) return false;
  for (const other of servers) if (other.activeConnections * 2 < other.weight) return true;
  return false;
}
