/** How the servers of a service are checked: what is asked, by which way, how often, and how many answers decide. */
import type { CheckOptions } from './check.ts';

export interface ServiceCheck {
  readonly options: CheckOptions;
  /**
   * `vip`: the service at its virtual address, as clients get it from this very server; `server`: at the server's
   * own address, which says nothing about the virtual one.
   */
  readonly via: 'vip' | 'server';
  /** Undefined: that of the service. */
  readonly port?: number;
  /** From the beginning of one check to that of the next. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** So many good checks in a row bring a failed server back. */
  readonly rise: number;
  /** So many bad ones in a row make it a failed one. */
  readonly fall: number;
}

export const DEFAULT_TIMING = { intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 2 } as const;

export const TCP_CHECK: ServiceCheck = { options: { kind: 'tcp' }, via: 'vip', ...DEFAULT_TIMING };
/** For what has no port to connect to. */
export const PING_CHECK: ServiceCheck = { options: { kind: 'ping' }, via: 'server', ...DEFAULT_TIMING };

/** What a service of the configuration file gets that names no check; `port` 0: all ports, or a firewall mark. */
export const defaultCheck = (protocol: 'tcp' | 'udp' | 'sctp' | undefined, port: number): ServiceCheck =>
  protocol === 'tcp' && port !== 0 ? TCP_CHECK : PING_CHECK;

/** An echo has no port, and a program may not want one. */
export const needsPort = ({ options: { kind } }: ServiceCheck): boolean => kind !== 'ping' && kind !== 'exec';
