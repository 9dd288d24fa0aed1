/** What a health check is asked and what it answers: plain data. The checks are in checks/, a file for each kind. */

/**
 * One server, and how it is reached. Every socket of a check is connected to `address` and `port`; a mark is
 * on it before, so that a firewall rule can lead its packets elsewhere.
 */
export interface CheckTarget {
  /** IPv4 or IPv6, no name. */
  readonly address: string;
  /** 1 … 65535; 'ping' has no use for it. */
  readonly port: number;
  /** SO_MARK, socket(7): 32 bits, needs CAP_NET_ADMIN, or since Linux 5.17 CAP_NET_RAW. 0: none. */
  readonly mark: number;
  /** What clients know the server by; null when the service has no such address, as one by firewall mark. */
  readonly virtual: VirtualEndpoint | null;
  /** The service's name, for programs of 'exec' and whoever reads their output. */
  readonly service: string;
}

export interface VirtualEndpoint {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly address: string;
  readonly port: number;
}

export interface CheckResult {
  readonly ok: boolean;
  readonly durationMs: number;
  /** Part of a sentence for people, such as 'connection refused'; empty when `ok`. */
  readonly cause: string;
}

export type CheckOptions =
  | PingCheck
  | TcpCheck
  | HttpCheck
  | HttpsCheck
  | TlsCheck
  | DnsCheck
  | UdpCheck
  | ExecCheck;

/** Good: an ICMP echo reply. */
export interface PingCheck {
  readonly kind: 'ping';
}

/** Good: the connection is made. */
export interface TcpCheck {
  readonly kind: 'tcp';
}

/** What is asked over HTTP/1.1. Redirections are answers like others, and not followed. */
export interface HttpQuestion {
  /**
   * GET by default, as it is what clients ask. Many applications answer HEAD with an error, and GET costs hardly
   * more: without `expectBody` the connection ends with the header.
   */
  readonly method?: 'GET' | 'HEAD';
  /** With query, if any; '/' by default. */
  readonly path?: string;
  /** The Host header; by default what clients ask for, that is the virtual address, else the target's. */
  readonly host?: string;
  /** Codes and ranges: '200', '200-399' (the default), '200-299,304'. */
  readonly expectStatus?: string;
  /** Text that is in the first 64 KiB of the body. */
  readonly expectBody?: string;
}

/** Good: the status is expected, and the body has the expected text. */
export interface HttpCheck extends HttpQuestion {
  readonly kind: 'http';
}

/** What is asked of a TLS handshake. */
export interface TlsQuestion {
  /**
   * The certificate must be valid today, come from a trusted authority and, if there is a `serverName`, be
   * for that name.
   */
  readonly verify: boolean;
  /** Server name indication, RFC 6066 §3. An IP address is compared with the certificate but not sent. */
  readonly serverName?: string;
  /** PEM: the authorities trusted, instead of those that Node.js brings and NODE_EXTRA_CA_CERTS adds. */
  readonly authority?: string;
}

/** As 'http' over TLS. `serverName` is by default the name in `host`. */
export interface HttpsCheck extends HttpQuestion, TlsQuestion {
  readonly kind: 'https';
}

/** Good: the handshake succeeds. */
export interface TlsCheck extends TlsQuestion {
  readonly kind: 'tls';
}

export const DNS_TYPES = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'] as const;
export type DnsType = (typeof DNS_TYPES)[number];

/** Good: an answer with the expected code and, if asked for, the expected record. Over TCP when UDP is too small. */
export interface DnsCheck {
  readonly kind: 'dns';
  readonly name: string;
  readonly type: DnsType;
  /** In capitals as RFC 1035 §4.1.1 and RFC 2136 have them: NOERROR (the default), NXDOMAIN, REFUSED … */
  readonly expectCode?: string;
  /**
   * One record of this type, written as in a zone file, without the final dot: '192.0.2.1', '10 mail.example',
   * '0 5 5060 sip.example'; TXT without quotes.
   */
  readonly expectAnswer?: string;
}

/** Bytes of a datagram. `hex`: two digits each; white space is passed over. */
export type Payload = { readonly text: string } | { readonly hex: string };

/**
 * Good: an answer, with the expected bytes in it if there are some. Without expected bytes silence is good, too,
 * and only an ICMP error is not.
 */
export interface UdpCheck {
  readonly kind: 'udp';
  /** By default an empty datagram. */
  readonly payload?: Payload;
  readonly expectAnswer?: Payload;
}

/** Good: the program ends with 0. docs/HEALTH-CHECKS.md has its environment. */
export interface ExecCheck {
  readonly kind: 'exec';
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
}
