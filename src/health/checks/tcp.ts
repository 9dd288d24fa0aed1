/** Is a TCP connection made? SYN, SYN-ACK, ACK, then a reset. */
import { causeOf } from '../cause.ts';
import type { TcpCheck } from '../check.ts';
import type { Start } from '../running.ts';
import { connectStream, resetStream } from '../sockets.ts';

export const startTcp: Start<TcpCheck> = (_options, target, settle) => {
  const socket = connectStream(target);
  socket.on('connect', () => settle(null));
  socket.on('error', (error) => settle(causeOf(error)));
  return { stop: () => resetStream(socket) };
};
