/** Is a question over HTTP answered as expected? */
import { causeOf } from '../cause.ts';
import type { HttpCheck } from '../check.ts';
import { exchange, hostHeader } from '../http-exchange.ts';
import type { Start } from '../running.ts';
import { connectStream, resetStream } from '../sockets.ts';

const HTTP_PORT = 80;

export const startHttp: Start<HttpCheck> = (options, target, settle) => {
  const host = options.host ?? hostHeader(target, HTTP_PORT);
  let stop = () => {};
  const connect = () => {
    const socket = connectStream(target);
    stop = () => resetStream(socket);
    return socket;
  };
  const onTimeout = exchange(options, host, connect, settle, causeOf);
  return { stop: () => stop(), onTimeout };
};
