/** TLS over a connection of ours. */
import { isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { causeOf } from './cause.ts';
import type { TlsQuestion } from './check.ts';

/** A handshake under way over `socket`, which may still be connecting; resetting that ends both. */
export function connectTls(socket: Socket, { verify, serverName, authority }: TlsQuestion): TLSSocket {
  return connect({
    socket,
    secureContext: contextFor(authority),
    rejectUnauthorized: verify,
    servername: serverName === undefined || isIP(serverName) !== 0 ? '' : serverName,
    checkServerIdentity: (_name, certificate) =>
      serverName === undefined ? undefined : checkServerIdentity(serverName, certificate),
  });
}

/** By PEM text. Made once: it takes about a millisecond of the processor (Node 20.20), as much as a handshake. */
const contexts = new Map<string | undefined, SecureContext>();

function contextFor(authority: string | undefined): SecureContext {
  let context = contexts.get(authority);
  if (context === undefined) {
    context = createSecureContext({ ca: authority });
    contexts.set(authority, context);
  }
  return context;
}

/** What OpenSSL says of bytes that are no TLS, or of a version from before 1.2. */
const REASONS: Readonly<Record<string, string>> = {
  'wrong version number': 'answer is not TLS',
  'packet length too long': 'answer is not TLS',
  'unsupported protocol': 'server has no version of TLS that is in use today',
};

/** As causeOf(), which knows nothing of handshakes. */
export function causeOfTls(error: NodeJS.ErrnoException, { serverName }: TlsQuestion): string {
  const { code = '', syscall } = error;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `certificate is not for ${serverName}`;
  if (code === 'ECONNRESET' && syscall === undefined) return 'connection closed during the TLS handshake';
  const reason = opensslReason(error);
  if (reason === undefined) return causeOf(error);
  const alert = /(?:^|ssl\/tls |sslv3 |tlsv1 |tlsv13 )alert (.+)/.exec(reason);
  return alert === null ? (REASONS[reason] ?? `TLS: ${reason}`) : `TLS alert from the server: ${alert[1]}`;
}

/** A field of the error; where the handshake fails upon a write (EPROTO), a part of OpenSSL's line in the message. */
function opensslReason(error: NodeJS.ErrnoException & { reason?: string }): string | undefined {
  return error.reason ?? /:SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1];
}
