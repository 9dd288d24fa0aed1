/** Beginning, steps and end of connections and templates, with what they change in a server's load: ip_vs_conn.c. */
import { ticksFromSec } from '../clock.ts';
import { ConnectionFlag, NO_CONNECTION } from '../connection/connection-table.ts';
import { isActiveSctpState, nextSctpState } from '../connection/sctp-state.ts';
import {
  isActiveTcpState,
  isHalfOpenTcpState,
  nextTcpState,
  TcpDirection,
  TcpState,
} from '../connection/tcp-state.ts';
import { TemplateState } from '../connection/template-state.ts';
import type { RealServer } from '../service/real-server.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Path } from './path.ts';

/** A template that connections still depend on when its time is up lives on for this long: ip_vs_conn_expire(). */
const DEPENDED_ON_SEC = 60;

export const isExpired = (path: Path, entry: number): boolean =>
  ((path.connections.expires(entry) - path.now) | 0) <= 0;

/**
 * A connection begins in state NONE, inactive; its first packet's step gives it state and time to live. NO_CONNECTION:
 * there is no room.
 */
export function remember(path: Path, server: RealServer, template: number): number {
  const { connections } = path;
  if (connections.isFull && !path.room.make(path, template)) return NO_CONNECTION;
  const connection = connections.insert(path.packet, server.id, path.now + path.timeouts.newConnection);
  connections.setFlag(connection, ConnectionFlag.Inactive | ConnectionFlag.NoOutput);
  if (template !== NO_CONNECTION) connections.dependOn(connection, template);
  server.inactiveConnections++;
  server.updateOverload();
  return connection;
}

/** By the key in path.key. Templates count apart, and towards no threshold. */
export function rememberTemplate(path: Path, server: RealServer, timeout: number): number {
  const { connections } = path;
  if (connections.isFull && !path.room.make(path, NO_CONNECTION)) return NO_CONNECTION;
  const template = connections.insert(path.key, server.id, path.now + timeout);
  connections.setTemplateTimeout(template, timeout);
  server.persistentConnections++;
  return template;
}

/** What happens when an entry's time is up. False: it lives on, because others depend on it. */
export function expire(path: Path, entry: number): boolean {
  const { connections } = path;
  if (connections.isTemplate(entry) && connections.dependents(entry) > 0) {
    const timeout = ticksFromSec(DEPENDED_ON_SEC);
    connections.setTemplateTimeout(entry, timeout);
    connections.setExpires(entry, path.now + timeout);
    return false;
  }
  forget(path, entry);
  return true;
}

export function forget(path: Path, entry: number): void {
  const { connections } = path;
  const server = path.registry.get(connections.serverOf(entry));
  if (connections.isTemplate(entry)) {
    server.persistentConnections--;
  } else {
    const template = connections.template(entry);
    if (template !== NO_CONNECTION) connections.dropDependent(template);
    if (connections.hasFlag(entry, ConnectionFlag.Inactive)) server.inactiveConnections--;
    else server.activeConnections--;
    server.updateOverload();
  }
  connections.remove(entry);
}

/** New state and fresh timer, by the packet in path.packet. */
export function stepState(path: Path, connection: number, server: RealServer, side: TcpDirection): void {
  const { packet, connections, timeouts } = path;
  const before = connections.state(connection);
  if (side !== TcpDirection.Output) connections.countPacket(connection);
  if (packet.protocol === IpProtocol.Udp) {
    connections.setExpires(connection, path.now + timeouts.udp);
    if (side === TcpDirection.Output) assureTemplate(path, connection);
  } else if (packet.protocol === IpProtocol.Tcp) {
    const seesBoth = !connections.hasFlag(connection, ConnectionFlag.NoOutput);
    const direction = seesBoth ? side : TcpDirection.InputOnly;
    const state = nextTcpState(before, packet.stateInput, direction, path.defense.isSecure);
    if (state !== before) {
      enterState(path, connection, server, state, isActiveTcpState(state));
      stepHandshake(path, connection, server, before, state);
    }
    connections.setExpires(connection, path.now + timeouts.tcp[state]!);
  } else {
    const state = side === TcpDirection.Output ? before : nextSctpState(before, packet.stateInput);
    if (state !== before) enterState(path, connection, server, state, isActiveSctpState(state));
    if (state !== before && isActiveSctpState(state)) assureTemplate(path, connection);
    connections.setExpires(connection, path.now + timeouts.sctp[state]!);
  }
}

/** Into and out of the half-open states: what that says of the client, of the server, and of a flood. */
function stepHandshake(
  path: Path,
  connection: number,
  server: RealServer,
  before: number,
  state: number,
): void {
  const wasHalfOpen = isHalfOpenTcpState(before);
  if (state === TcpState.Established) {
    assureTemplate(path, connection);
    if (!wasHalfOpen) return;
    server.lastAlive = path.now;
    path.synFlood.countEstablished();
  } else if (!wasHalfOpen && isHalfOpenTcpState(state)) path.synFlood.countHalfOpen();
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

/** A client that got as far as a handshake is a real one: ip_vs_control_assure_ct(). */
function assureTemplate({ connections }: Path, connection: number): void {
  const template = connections.template(connection);
  if (template !== NO_CONNECTION) connections.setState(template, TemplateState.Assured);
}
