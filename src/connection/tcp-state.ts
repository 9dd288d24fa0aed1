/**
 * What a TCP connection is in, judged by the flags of one side: net/netfilter/ipvs/ip_vs_proto_tcp.c. A director in
 * direct routing sees the client's half only (the input-only tables); of a connection that this host itself
 * serves it sees both.
 */
import { NOT_PRESENT } from '../wire/packet.ts';
import { TcpFlag } from '../wire/transport.ts';

/** Numbers of linux/ip_vs.h, IP_VS_TCP_S_*. */
export const TcpState = {
  None: 0,
  Established: 1,
  SynSent: 2,
  SynRecv: 3,
  FinWait: 4,
  TimeWait: 5,
  Close: 6,
  CloseWait: 7,
  LastAck: 8,
  Listen: 9,
  SynAck: 10,
} as const;

/** As ipvsadm -Lnc prints them, by number. */
export const TCP_STATE_NAMES: readonly string[] =
  'NONE ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN SYNACK'.split(' ');

/** Seconds that a connection lives in each state without a packet. */
export const DEFAULT_TCP_TIMEOUTS_SEC: readonly number[] = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120];

const ABBREVIATIONS = 'NO ES SS SR FW TW CL CW LA LI SA'.split(' ');
const STATE_COUNT = ABBREVIATIONS.length;

/** Which half of the conversation a packet is of, and whether the other half is seen too. */
export const TcpDirection = { InputOnly: 0, Input: 1, Output: 2 } as const;
export type TcpDirection = (typeof TcpDirection)[keyof typeof TcpDirection];

interface StateTable {
  readonly syn: string;
  readonly fin: string;
  readonly ack: string;
  readonly rst: string;
}

/** By TcpDirection; in each row the new states, by the state before. */
const NORMAL: readonly StateTable[] = [
  //       NO ES SS SR FW TW CL CW LA LI SA
  {
    syn: 'SR ES ES SR SR SR SR SR SR SR SR',
    fin: 'CL FW SS TW FW TW CL CW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW CL LI ES',
    rst: 'CL CL CL SR CL CL CL CL LA LI CL',
  },
  {
    syn: 'SR ES ES SR SR SR SR SR SR SR SR',
    fin: 'CL CW SS TW TW TW CL CW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW CL LI ES',
    rst: 'CL CL CL SR CL CL CL CL LA LI SR',
  },
  {
    syn: 'SS ES SS SR SS SS SS SS SS LI SR',
    fin: 'TW FW SS TW FW TW CL TW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW LA ES ES',
    rst: 'CL CL SS CL CL TW CL CL CL CL CL',
  },
];

/** The same while secure_tcp is in force: a SYN leads to SYNACK, and from there only a handshake leads on. */
const SECURE: readonly StateTable[] = [
  {
    syn: 'SA ES ES SR SA SA SA SA SA SA SA',
    fin: 'CL FW SS TW FW TW CL CW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW CL LI ES',
    rst: 'CL CL CL SR CL CL CL CL LA LI CL',
  },
  {
    syn: 'SR ES ES SR SR SR SR SR SR SR SA',
    fin: 'CL CW SS TW TW TW CL CW LA LI SA',
    ack: 'ES ES SS SR FW TW CL CW CL LI SA',
    rst: 'CL CL CL SR CL CL CL CL LA LI CL',
  },
  {
    syn: 'SS ES SS SA SS SS SS SS SS LI SA',
    fin: 'TW FW SS TW FW TW CL TW LA LI TW',
    ack: 'ES ES SS ES FW TW CL CW LA ES ES',
    rst: 'CL CL SS CL CL TW CL CL CL CL CL',
  },
];

/** Kinds of packet, as the tables have them. */
const Kind = { Syn: 0, Fin: 1, Ack: 2, Rst: 3, None: 4 } as const;
const KIND_COUNT = 5;
const FLAG_COMBINATIONS = 256;

/** RST counts before SYN, SYN before FIN, FIN before ACK. */
const KIND_OF_FLAGS = Uint8Array.from({ length: FLAG_COMBINATIONS }, (_, flags) => {
  if ((flags & TcpFlag.Rst) !== 0) return Kind.Rst;
  if ((flags & TcpFlag.Syn) !== 0) return Kind.Syn;
  if ((flags & TcpFlag.Fin) !== 0) return Kind.Fin;
  return (flags & TcpFlag.Ack) !== 0 ? Kind.Ack : Kind.None;
});

/** All of it in one array: secure, direction, kind of packet, state before -> state. A packet of no kind closes. */
const NEXT_STATE = Uint8Array.from(
  [...NORMAL, ...SECURE].flatMap(({ syn, fin, ack, rst }) =>
    [syn, fin, ack, rst].flatMap((row) => row.split(' ')).concat(new Array(STATE_COUNT).fill('CL')),
  ),
  (name) => ABBREVIATIONS.indexOf(name),
);

/** The state after a packet with these flags. A packet cut before its flags changes nothing. */
export function nextTcpState(
  state: number,
  flags: number,
  direction: TcpDirection,
  isSecure = false,
): number {
  if (flags === NOT_PRESENT) return state;
  const table = isSecure ? direction + NORMAL.length : direction;
  return NEXT_STATE[(table * KIND_COUNT + KIND_OF_FLAGS[flags]!) * STATE_COUNT + state]!;
}

/** The client has sent its SYN, and nothing since. */
export const isHalfOpenTcpState = (state: number): boolean =>
  state === TcpState.SynRecv || state === TcpState.SynAck;

/** Whether ipvsadm counts it under ActiveConn. */
export const isActiveTcpState = (state: number): boolean =>
  state === TcpState.Established ||
  state === TcpState.SynSent ||
  state === TcpState.SynRecv ||
  state === TcpState.SynAck;
