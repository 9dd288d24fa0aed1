/** Is a question over HTTP and TLS answered as expected, with a certificate that is as it should be? */
import { isIP } from 'node:net';
import type { HttpsCheck } from '../check.ts';
import { exchange, hostHeader } from '../http-exchange.ts';
import type { Start } from '../running.ts';
import { connectStream, resetStream } from '../sockets.ts';
import { causeOfTls, connectTls } from '../tls-stream.ts';

const HTTPS_PORT = 443;

export const startHttps: Start<HttpsCheck> = (options, target, settle) => {
  const host = options.host ?? hostHeader(target, HTTPS_PORT);
  const question = withServerName(options);
  let stop = () => {};
  const connect = () => {
    const socket = connectStream(target);
    const tls = connectTls(socket, question);
    stop = () => resetStream(socket, tls);
    return tls;
  };
  const onTimeout = exchange(options, host, connect, settle, (error) => causeOfTls(error, question));
  return { stop: () => stop(), onTimeout };
};

/** As browsers do: the name in the URL is the name in the certificate. */
function withServerName(options: HttpsCheck): HttpsCheck {
  const name = options.host?.replace(/:\d*$/, '');
  if (options.serverName !== undefined || name === undefined || isIP(name) !== 0 || name.startsWith('['))
    return options;
  return { ...options, serverName: name };
}
