/** What an SCTP association is in, judged by the client's half: net/netfilter/ipvs/ip_vs_proto_sctp.c, input only. */
import { NOT_PRESENT } from '../wire/packet.ts';
import { SctpChunk } from '../wire/transport.ts';

/** As ipvsadm -Lnc prints them, by number (linux/ip_vs.h, IP_VS_SCTP_S_*). */
export const SCTP_STATE_NAMES: readonly string[] = [
  'NONE',
  'INIT1',
  'INIT',
  'C-SENT',
  'C-REPLIED',
  'C-WAIT',
  'COOKIE',
  'C-ECHOED',
  'ESTABLISHED',
  'S-SENT',
  'S-RECEIVED',
  'S-ACK-SENT',
  'REJECTED',
  'CLOSED',
];

const STATE_COUNT = SCTP_STATE_NAMES.length;
const ESTABLISHED = SCTP_STATE_NAMES.indexOf('ESTABLISHED');
export const SCTP_INIT1 = SCTP_STATE_NAMES.indexOf('INIT1');
export const SCTP_INIT = SCTP_STATE_NAMES.indexOf('INIT');
export const SCTP_CLOSED = SCTP_STATE_NAMES.indexOf('CLOSED');

/** Seconds that an association lives in each state without a packet. */
export const DEFAULT_SCTP_TIMEOUTS_SEC: readonly number[] = [
  2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61,
];

const ABBREVIATIONS = 'NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL'.split(' ');

//           before:  NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL
const ROWS = [
  /* DATA … */ 'ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL',
  /* INIT */ 'I1 IN IN IN IN IN CO CE ES SS SR SA IN IN',
  /* INIT-ACK */ 'CE CE CE CE CE CE CO CE ES SS SR SA RJ CL',
  /* COOKIE-ECHO */ 'ES ES ES ES ES ES CO CE ES SS SR SA RJ CL',
  /* COOKIE-ACK */ 'ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL',
  /* SHUTDOWN */ 'SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL',
  /* SHUTDOWN-ACK */ 'CL IN IN CS CR CW CO CE CL CL SR CL RJ CL',
  /* SHUTDOWN-COMPL */ 'CL CL CL CL CL CW CO CE ES SS CL CL RJ CL',
  /* ERROR */ 'CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL',
  /* ABORT */ 'CL CL CL CL CL RJ CL CL CL CL CL CL CL CL',
];
const TABLE = Uint8Array.from(
  ROWS.flatMap((row) => row.split(' ')),
  (name) => ABBREVIATIONS.indexOf(name),
);

/** Row of each chunk type; the ones that are not listed count as DATA. */
const ROW_OF_CHUNK = new Map<number, number>([
  [SctpChunk.Init, 1],
  [SctpChunk.InitAck, 2],
  [SctpChunk.CookieEcho, 3],
  [SctpChunk.CookieAck, 4],
  [SctpChunk.Shutdown, 5],
  [SctpChunk.ShutdownAck, 6],
  [SctpChunk.ShutdownComplete, 7],
  [SctpChunk.Error, 8],
  [SctpChunk.Abort, 9],
]);

/** The state after a packet whose deciding chunk is this. A packet cut before its chunk changes nothing. */
export function nextSctpState(state: number, chunk: number): number {
  if (chunk === NOT_PRESENT) return state;
  return TABLE[(ROW_OF_CHUNK.get(chunk) ?? 0) * STATE_COUNT + state]!;
}

export const isActiveSctpState = (state: number): boolean => state === ESTABLISHED;
