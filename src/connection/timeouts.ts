/** How long a connection lives in each state, in ticks; --set changes three of them. */
import { ticksFromSec } from '../clock.ts';
import type { ConnectionTimeouts } from '../service/model.ts';
import { DEFAULT_SCTP_TIMEOUTS_SEC } from './sctp-state.ts';
import { DEFAULT_TCP_TIMEOUTS_SEC, TcpState } from './tcp-state.ts';

export interface StateTimeouts {
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
  return { tcp, sctp: Int32Array.from(DEFAULT_SCTP_TIMEOUTS_SEC, ticksFromSec), udp: ticksFromSec(udpSec) };
}
