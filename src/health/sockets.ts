/** Sockets that carry the mark of their target, and how they are closed. */
import { createSocket, type Socket as Datagram } from 'node:dgram';
import { isIPv6, Socket } from 'node:net';
import { loadHostAddon } from '../host/native.ts';
import type { CheckTarget } from './check.ts';

const familyOf = ({ address }: CheckTarget): 4 | 6 => (isIPv6(address) ? 6 : 4);

/**
 * A TCP connection under way. Node.js has no SO_MARK, so a marked socket is made by the addon; others are not, as
 * that costs some 50 µs more of the processor, beside the 60 of the rest of a check (Node 20.20, November 2026).
 */
export function connectStream(target: CheckTarget): Socket {
  const { address, port, mark } = target;
  requirePort(port);
  const socket =
    mark === 0
      ? new Socket()
      : new Socket({ fd: loadHostAddon().openSocket(familyOf(target), 'stream', mark) });
  return socket.connect({ host: address, port, autoSelectFamily: false });
}

/**
 * Ends a connection by a reset. An end by FIN would keep its port for a minute in TIME_WAIT: at a thousand checks a
 * second that is more than the 28,232 ports that Linux has for one server. Nothing is lost by it: what was asked
 * has been answered. Not so a connection that is not made yet, nor one whose end has begun (because the server ended
 * it, or the answer is whole), where Node.js 20 would fail and keep the file open for good. `outer`: what was
 * layered on the connection.
 */
export function resetStream(socket: Socket, outer: Socket = socket): void {
  if (socket.connecting || outer.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A UDP socket under way to being connected: the kernel passes on datagrams and ICMP errors of the target alone. */
export function connectDatagram(target: CheckTarget): Datagram {
  const family = familyOf(target);
  requirePort(target.port);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  socket.bind({ fd: loadHostAddon().openSocket(family, 'datagram', target.mark) });
  socket.connect(target.port, target.address);
  return socket;
}

/** Before anything is open: connect() would throw, and leave it open. */
function requirePort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 0xffff)
    throw new Error(`there is no port ${port} to connect to`);
}
