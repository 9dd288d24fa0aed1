/** Does the server complete a TLS handshake, with a certificate that is as it should be? */
import type { TlsCheck } from '../check.ts';
import type { Start } from '../running.ts';
import { connectStream, resetStream } from '../sockets.ts';
import { causeOfTls, connectTls } from '../tls-stream.ts';

export const startTls: Start<TlsCheck> = (options, target, settle) => {
  const socket = connectStream(target);
  const tls = connectTls(socket, options);
  tls.on('secureConnect', () => settle(null));
  tls.on('error', (error) => settle(causeOfTls(error, options)));
  return {
    stop: () => resetStream(socket, tls),
    onTimeout: (within) => (socket.connecting ? `no answer ${within}` : `no TLS handshake ${within}`),
  };
};
