/** The state tables of IPVS as they are written down for people, and how long each state lasts: "IPVS by the book". */
import { readStateTable } from '../helpers/state-table.ts';

export type Direction = 'input-only' | 'input' | 'output';

const TCP = {
  normal: {
    'input-only': `
| state | SYN | FIN | ACK | RST |
|---|---|---|---|---|
| NONE | SYN_RECV | CLOSE | ESTABLISHED | CLOSE |
| ESTABLISHED | · | FIN_WAIT | · | CLOSE |
| SYN_SENT | ESTABLISHED | · | · | CLOSE |
| SYN_RECV | · | TIME_WAIT | ESTABLISHED | · |
| FIN_WAIT | SYN_RECV | · | · | CLOSE |
| TIME_WAIT | SYN_RECV | · | · | CLOSE |
| CLOSE | SYN_RECV | · | · | · |
| CLOSE_WAIT | SYN_RECV | · | · | CLOSE |
| LAST_ACK | SYN_RECV | · | CLOSE | · |
| LISTEN | SYN_RECV | · | · | · |
| SYNACK | SYN_RECV | TIME_WAIT | ESTABLISHED | CLOSE |`,
    input: `
| state | SYN | FIN | ACK | RST |
|---|---|---|---|---|
| NONE | SYN_RECV | CLOSE | ESTABLISHED | CLOSE |
| ESTABLISHED | · | CLOSE_WAIT | · | CLOSE |
| SYN_SENT | ESTABLISHED | · | · | CLOSE |
| SYN_RECV | · | TIME_WAIT | ESTABLISHED | · |
| FIN_WAIT | SYN_RECV | TIME_WAIT | · | CLOSE |
| TIME_WAIT | SYN_RECV | · | · | CLOSE |
| CLOSE | SYN_RECV | · | · | · |
| CLOSE_WAIT | SYN_RECV | · | · | CLOSE |
| LAST_ACK | SYN_RECV | · | CLOSE | · |
| LISTEN | SYN_RECV | · | · | · |
| SYNACK | SYN_RECV | TIME_WAIT | ESTABLISHED | SYN_RECV |`,
    output: `
| state | SYN | FIN | ACK | RST |
|---|---|---|---|---|
| NONE | SYN_SENT | TIME_WAIT | ESTABLISHED | CLOSE |
| ESTABLISHED | · | FIN_WAIT | · | CLOSE |
| SYN_SENT | · | · | · | · |
| SYN_RECV | · | TIME_WAIT | ESTABLISHED | CLOSE |
| FIN_WAIT | SYN_SENT | · | · | CLOSE |
| TIME_WAIT | SYN_SENT | · | · | · |
| CLOSE | SYN_SENT | · | · | · |
| CLOSE_WAIT | SYN_SENT | TIME_WAIT | · | CLOSE |
| LAST_ACK | SYN_SENT | · | · | CLOSE |
| LISTEN | · | · | ESTABLISHED | CLOSE |
| SYNACK | SYN_RECV | TIME_WAIT | ESTABLISHED | CLOSE |`,
  },
  secure: {
    'input-only': `
| state | SYN | FIN | ACK | RST |
|---|---|---|---|---|
| NONE | SYNACK | CLOSE | ESTABLISHED | CLOSE |
| ESTABLISHED | · | FIN_WAIT | · | CLOSE |
| SYN_SENT | ESTABLISHED | · | · | CLOSE |
| SYN_RECV | · | TIME_WAIT | ESTABLISHED | · |
| FIN_WAIT | SYNACK | · | · | CLOSE |
| TIME_WAIT | SYNACK | · | · | CLOSE |
| CLOSE | SYNACK | · | · | · |
| CLOSE_WAIT | SYNACK | · | · | CLOSE |
| LAST_ACK | SYNACK | · | CLOSE | · |
| LISTEN | SYNACK | · | · | · |
| SYNACK | · | TIME_WAIT | ESTABLISHED | CLOSE |`,
    input: `
| state | SYN | FIN | ACK | RST |
|---|---|---|---|---|
| NONE | SYN_RECV | CLOSE | ESTABLISHED | CLOSE |
| ESTABLISHED | · | CLOSE_WAIT | · | CLOSE |
| SYN_SENT | ESTABLISHED | · | · | CLOSE |
| SYN_RECV | · | TIME_WAIT | · | · |
| FIN_WAIT | SYN_RECV | TIME_WAIT | · | CLOSE |
| TIME_WAIT | SYN_RECV | · | · | CLOSE |
| CLOSE | SYN_RECV | · | · | · |
| CLOSE_WAIT | SYN_RECV | · | · | CLOSE |
| LAST_ACK | SYN_RECV | · | CLOSE | · |
| LISTEN | SYN_RECV | · | · | · |
| SYNACK | · | · | · | CLOSE |`,
    output: `
| state | SYN | FIN | ACK | RST |
|---|---|---|---|---|
| NONE | SYN_SENT | TIME_WAIT | ESTABLISHED | CLOSE |
| ESTABLISHED | · | FIN_WAIT | · | CLOSE |
| SYN_SENT | · | · | · | · |
| SYN_RECV | SYNACK | TIME_WAIT | ESTABLISHED | CLOSE |
| FIN_WAIT | SYN_SENT | · | · | CLOSE |
| TIME_WAIT | SYN_SENT | · | · | · |
| CLOSE | SYN_SENT | · | · | · |
| CLOSE_WAIT | SYN_SENT | TIME_WAIT | · | CLOSE |
| LAST_ACK | SYN_SENT | · | · | CLOSE |
| LISTEN | · | · | ESTABLISHED | CLOSE |
| SYNACK | · | TIME_WAIT | ESTABLISHED | CLOSE |`,
  },
} as const;

const SCTP = `
| state | DATA | INIT | INIT-ACK | COOKIE-ECHO | COOKIE-ACK | SHUTDOWN | SHUT-ACK | SHUT-COMPL | ERROR | ABORT |
|---|---|---|---|---|---|---|---|---|---|---|
| NONE | ESTABLISHED | INIT1 | C-ECHOED | ESTABLISHED | ESTABLISHED | S-RECEIVED | CLOSED | CLOSED | CLOSED | CLOSED |
| INIT1 | · | INIT | C-ECHOED | ESTABLISHED | · | · | INIT | CLOSED | · | CLOSED |
| INIT | · | · | C-ECHOED | ESTABLISHED | · | · | · | CLOSED | · | CLOSED |
| C-SENT | · | INIT | C-ECHOED | ESTABLISHED | ESTABLISHED | · | · | CLOSED | · | CLOSED |
| C-REPLIED | · | INIT | C-ECHOED | ESTABLISHED | ESTABLISHED | · | · | CLOSED | · | CLOSED |
| C-WAIT | ESTABLISHED | INIT | C-ECHOED | ESTABLISHED | · | · | · | · | · | REJECTED |
| COOKIE | · | · | · | · | ESTABLISHED | · | · | · | · | CLOSED |
| C-ECHOED | · | · | · | · | ESTABLISHED | · | · | · | · | CLOSED |
| ESTABLISHED | · | · | · | · | · | S-RECEIVED | CLOSED | · | · | CLOSED |
| S-SENT | · | · | · | · | · | · | CLOSED | · | · | CLOSED |
| S-RECEIVED | · | · | · | · | · | · | · | CLOSED | · | CLOSED |
| S-ACK-SENT | · | · | · | · | · | · | CLOSED | CLOSED | · | CLOSED |
| REJECTED | · | INIT | · | · | · | · | · | · | · | CLOSED |
| CLOSED | · | INIT | · | · | · | · | · | · | · | · |`;

const nextStates = (markdown: string): ReadonlyMap<string, string> =>
  new Map(readStateTable(markdown).map(({ state, event, next }) => [`${state} ${event}`, next]));

const tcpTables = {
  normal: {
    'input-only': nextStates(TCP.normal['input-only']),
    input: nextStates(TCP.normal.input),
    output: nextStates(TCP.normal.output),
  },
  secure: {
    'input-only': nextStates(TCP.secure['input-only']),
    input: nextStates(TCP.secure.input),
    output: nextStates(TCP.secure.output),
  },
} as const;
const sctpTable = nextStates(SCTP);

const FLAGS = { FIN: 1, SYN: 2, RST: 4, ACK: 16 } as const;

/** RST, else SYN, else FIN, else ACK; a packet with none of them closes. */
export function tcpStateAfter(state: string, flags: number, direction: Direction, isSecure: boolean): string {
  const event = (['RST', 'SYN', 'FIN', 'ACK'] as const).find((name) => (flags & FLAGS[name]) !== 0);
  if (event === undefined) return 'CLOSE';
  return tcpTables[isSecure ? 'secure' : 'normal'][direction].get(`${state} ${event}`)!;
}

/** RFC 9260 §3.2; chunks that are not here count as DATA. */
const CHUNK_EVENTS = new Map([
  [1, 'INIT'],
  [2, 'INIT-ACK'],
  [6, 'ABORT'],
  [7, 'SHUTDOWN'],
  [8, 'SHUT-ACK'],
  [9, 'ERROR'],
  [10, 'COOKIE-ECHO'],
  [11, 'COOKIE-ACK'],
  [14, 'SHUT-COMPL'],
]);

export const sctpStateAfter = (state: string, chunk: number): string =>
  sctpTable.get(`${state} ${CHUNK_EVENTS.get(chunk) ?? 'DATA'}`)!;

export const TCP_SECONDS: Readonly<Record<string, number>> = {
  NONE: 2,
  ESTABLISHED: 900,
  SYN_SENT: 120,
  SYN_RECV: 60,
  FIN_WAIT: 120,
  TIME_WAIT: 120,
  CLOSE: 10,
  CLOSE_WAIT: 60,
  LAST_ACK: 30,
  LISTEN: 120,
  SYNACK: 120,
};

export const sctpSeconds = (state: string): number =>
  ({ NONE: 2, INIT1: 4, REJECTED: 4, ESTABLISHED: 900 })[state] ?? 61;

export const isActiveTcp = (state: string): boolean =>
  ['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'SYNACK'].includes(state);
