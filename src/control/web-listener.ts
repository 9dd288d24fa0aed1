/**
 * The TCP address of `director run --web`. It is taken before the director touches anything, so that one that cannot be
 * had is an error with nothing to undo; it answers when serve() says what with.
 */
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DirectorError } from '../errors.ts';
import { closeServer } from './close-server.ts';
import { renderEndpoint } from './endpoint.ts';
import type { EndpointFilter } from './protocol.ts';

const MAX_CONNECTIONS = 256;

export type WebAddress = Required<EndpointFilter>;

export interface WebListener {
  readonly url: string;
  readonly isLoopback: boolean;
  serve(answer: RequestListener): void;
  /** The second time, too. */
  close(): Promise<void>;
}

export async function openWebListener({ address, port }: WebAddress): Promise<WebListener> {
  let answer: RequestListener = (_request, response) => void answerTooEarly(response);
  const server = createServer((request, response) => answer(request, response));
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, { address, port });
  let closing: Promise<void> | undefined;
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${renderEndpoint({ address, port: bound.port })}/`,
    isLoopback: address.startsWith('127.') || address === '::1',
    serve(listener) {
      answer = listener;
    },
    close: () => {
      closing ??= closeServer(server);
      return closing;
    },
  };
}

function listening(server: Server, at: WebAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = REASONS[cause.code ?? ''] ?? cause.message;
      reject(
        new DirectorError('WEB_ADDRESS', `cannot listen on --web ${renderEndpoint(at)}: ${why}`, at, cause),
      );
    });
    server.listen({ host: at.address, port: at.port }, resolve);
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; ss -ltnp shows which, or take another port',
  EADDRNOTAVAIL: 'this host does not have the address; ip address shows those that it has',
  EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE; take one above',
};

function answerTooEarly(response: ServerResponse): void {
  response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '1' });
  response.end('the director is starting\n');
}
