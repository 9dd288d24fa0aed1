/** Beginning, steps and end of a connection, with what they change in its server's load: ip_vs_conn.c. */
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import { isActiveSctpState, nextSctpState } from '../connection/sctp-state.ts';
import { isActiveTcpState, nextTcpState, TcpDirection } from '../connection/tcp-state.ts';
import type { RealServer } from '../service/real-server.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Path } from './path.ts';

/** A connection begins in state NONE, inactive; its first packet's step gives it state and time to live. */
export function remember(path: Path, service: VirtualService, server: RealServer): number {
  const { connections } = path;
  const connection = connections.insert(path.packet, server.id, path.now + path.timeouts.newConnection);
  if (connection === NO_CONNECTION) return NO_CONNECTION;
  connections.setFlag(connection, ConnectionFlag.Inactive | ConnectionFlag.NoOutput);
  server.inactiveConnections++;
  server.updateOverload();
  server.traffic.connections++;
  service.traffic.connections++;
  return connection;
}

export function forget(path: Path, connection: number): void {
  const { connections } = path;
  const server = path.registry.get(connections.serverOf(connection));
  if (connections.hasFlag(connection, ConnectionFlag.Inactive)) server.inactiveConnections--;
  else server.activeConnections--;
  server.updateOverload();
  connections.remove(connection);
}

/** New state and fresh timer, by the packet in path.packet. */
export function stepState(path: Path, connection: number, server: RealServer, side: TcpDirection): void {
  const { packet, connections, timeouts } = path;
  const before = connections.state(connection);
  if (packet.protocol === IpProtocol.Udp) {
    connections.setExpires(connection, path.now + timeouts.udp);
  } else if (packet.protocol === IpProtocol.Tcp) {
    const seesBoth = !connections.hasFlag(connection, ConnectionFlag.NoOutput);
    const direction = seesBoth ? side : TcpDirection.InputOnly;
    const state = nextTcpState(before, packet.tcpFlags, direction);
    if (state !== before) enterState(path, connection, server, state, isActiveTcpState(state));
    connections.setExpires(connection, path.now + timeouts.tcp[state]!);
  } else {
    const state = side === TcpDirection.Output ? before : nextSctpState(before, packet.sctpChunk);
    if (state !== before) enterState(path, connection, server, state, isActiveSctpState(state));
    connections.setExpires(connection, path.now + timeouts.sctp[state]!);
  }
}

function enterState(
  path: Path,
  connection: number,
  server: RealServer,
  state: number,
  isActive: boolean,
): void {
  const { connections } = path;
  connections.setState(connection, state);
  const wasInactive = connections.hasFlag(connection, ConnectionFlag.Inactive);
  if (isActive && wasInactive) {
    connections.clearFlag(connection, ConnectionFlag.Inactive);
    server.activeConnections++;
    server.inactiveConnections--;
  } else if (!isActive && !wasInactive) {
    connections.setFlag(connection, ConnectionFlag.Inactive);
    server.activeConnections--;
    server.inactiveConnections++;
  }
}
