/** Why a check failed, in words for people. */

/** By `code` of the errors of Node.js: errno(3), OpenSSL's verification, its HTTP parser, its own. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed by the server',
  EPIPE: 'connection closed by the server',
  ECONNABORTED: 'connection closed by the server',
  EHOSTUNREACH: 'host unreachable',
  EHOSTDOWN: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  EADDRNOTAVAIL: 'no local address or port to connect from',
  EACCES: 'not permitted',
  EPERM: 'not permitted',
  EPROTO: 'protocol unreachable',
  EMFILE: 'this process has too many open files',
  ENFILE: 'this host has too many open files',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not valid yet',
  CERT_REVOKED: 'certificate is revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate is from an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate is from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate is from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate is from an authority that is not trusted',
  HPE_HEADER_OVERFLOW: 'header is longer than 16 KiB',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'answer is not HTTP',
};

/** Longest text of others that a cause has in it, in UTF-16 units. */
const QUOTED_UNITS = 200;

export function causeOf(error: unknown): string {
  const { code = '', syscall = '', message = String(error) } = error as NodeJS.ErrnoException;
  if (code === 'EPERM' && syscall === 'setsockopt')
    return 'a mark on packets needs CAP_NET_ADMIN; run as root';
  if (CAUSES[code] !== undefined) return CAUSES[code];
  if (code.startsWith('HPE_')) return 'answer is not HTTP';
  return printable(message.split('\n')[0]!);
}

/** UDP has no connections: its ECONNREFUSED is an ICMP port unreachable, udp(7). */
export function causeOfDatagram(error: NodeJS.ErrnoException): string {
  return error.code === 'ECONNREFUSED' ? 'port unreachable' : causeOf(error);
}

/** Text that a server or a program sent, as part of one line: no control characters, and not long. */
export function printable(text: string): string {
  const line = text.replace(/[\s\p{C}]+/gu, ' ').trim();
  return line.length > QUOTED_UNITS ? `${line.slice(0, QUOTED_UNITS)}…` : line;
}
