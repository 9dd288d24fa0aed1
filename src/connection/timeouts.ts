/** How long a connection lives in each state, in ticks; --set changes three of them. */
import { ticksFromSec } from '../clock.ts';
import type { ConnectionTimeouts } from '../service/model.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { DEFAULT_SCTP_TIMEOUTS_SEC } from './sctp-state.ts';
import { DEFAULT_TCP_TIMEOUTS_SEC, TcpState } from './tcp-state.ts';

/** Of a connection whose first packet set no state: ip_vs_conn.c, ip_vs_conn_new(). */
const NEW_CONNECTION_SEC = 3;

export interface StateTimeouts {
  readonly newConnection: number;
  /** By TcpState. */
  readonly tcp: Int32Array;
  /** By state number of sctp-state.ts. */
  readonly sctp: Int32Array;
  readonly udp: number;
}

export function stateTimeouts({ tcpSec, tcpFinSec, udpSec }: ConnectionTimeouts): StateTimeouts {
  const tcp = Int32Array.from(DEFAULT_TCP_TIMEOUTS_SEC, ticksFromSec);
  tcp[TcpState.Established] = ticksFromSec(tcpSec);
  tcp[TcpState.FinWait] = ticksFromSec(tcpFinSec);
  const sctp = Int32Array.from(DEFAULT_SCTP_TIMEOUTS_SEC, ticksFromSec);
  return { newConnection: ticksFromSec(NEW_CONNECTION_SEC), tcp, sctp, udp: ticksFromSec(udpSec) };
}

/** Ticks that a connection lives in a state. */
export function timeoutOf({ tcp, sctp, udp }: StateTimeouts, protocol: number, state: number): number {
  if (protocol === IpProtocol.Tcp) return tcp[state]!;
  return protocol === IpProtocol.Sctp ? sctp[state]! : udp;
}
