/**
 * Second chance: a SYN that is sent again to a server which has shown no life since the one before, while another
 * server of the service has, goes to that other one. So a client's first retry reaches a server that lives, before any
 * check has noticed that one died. docs/OPERATIONS.md argues what counts as life, and what is risked.
 */
import { TICKS_PER_SECOND } from '../clock.ts';
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import { isHalfOpenTcpState } from '../connection/tcp-state.ts';
import { isMoreLoaded, overhead } from '../schedule/load.ts';
import type { RealServer } from '../service/real-server.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { forget } from './connection-life.ts';
import { admit, isOpening } from './open-connection.ts';
import type { Path } from './path.ts';

/** A SYN is sent again after a second (RFC 6298, 2.1); what comes sooner is a duplicate. */
export const MIN_WAIT = Math.floor(0.9 * TICKS_PER_SECOND);

/** One that has had more packets is the rest of an older connection: a server that is asked for so long has had its chances. */
export const MAX_SYNS = 3;

/** Undefined: the connection stays where it is. */
export function otherServerThatLives(
  path: Path,
  connection: number,
  server: RealServer,
): RealServer | undefined {
  const { packet, connections, settings, timeouts, now } = path;
  if (settings.second_chance === 0 || packet.protocol !== IpProtocol.Tcp || !isOpening(packet))
    return undefined;
  const state = connections.state(connection);
  if (!isHalfOpenTcpState(state) || !connections.hasFlag(connection, ConnectionFlag.NoOutput))
    return undefined;
  if (connections.packets(connection) > MAX_SYNS) return undefined;
  const since = (connections.expires(connection) - timeouts.tcp[state]!) | 0;
  if (((now - since) | 0) < MIN_WAIT || hasLivedSince(server, since)) return undefined;
  const service = path.services.match(packet);
  return service === undefined ? undefined : leastLoadedThatLives(service.servers, server, since);
}

/** The connection begins anew, with another server and without template. */
export function moveConnection(path: Path, connection: number, server: RealServer): RealServer | undefined {
  forget(path, connection);
  return admit(path, path.services.match(path.packet)!, server, NO_CONNECTION);
}

export const hasLivedSince = ({ lastAlive }: RealServer, since: number): boolean =>
  lastAlive !== 0 && ((lastAlive - since) | 0) >= 0;

/** As wlc chooses. */
function leastLoadedThatLives(
  servers: readonly RealServer[],
  avoided: RealServer,
  since: number,
): RealServer | undefined {
  let least: RealServer | undefined;
  for (const server of servers) {
    if (!server.isAvailable || server === avoided || !hasLivedSince(server, since)) continue;
    if (least === undefined || isMoreLoaded(overhead(least), least.weight, overhead(server), server.weight))
      least = server;
  }
  return least;
}
