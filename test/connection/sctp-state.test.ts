/** The states of SCTP, row by row against the input-only table of net/netfilter/ipvs/ip_vs_proto_sctp.c. */
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_SCTP_TIMEOUTS_SEC,
  isActiveSctpState,
  nextSctpState,
  SCTP_CLOSED,
  SCTP_STATE_NAMES,
} from '../../src/connection/sctp-state.ts';
import { NOT_PRESENT } from '../../src/wire/packet.ts';
import { SctpChunk } from '../../src/wire/transport.ts';
import { readStateTable } from '../helpers/state-table.ts';

const INPUT_ONLY = `
| state | DATA/SACK/HB | INIT | INIT-ACK | COOKIE-ECHO | COOKIE-ACK | SHUTDOWN | SHUT-ACK | SHUT-COMPL | ERROR | ABORT |
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
| CLOSED | · | INIT | · | · | · | · | · | · | · | · |
`;

/** Chunk types of each column. RFC 9260 §3.2; what a table has no column for counts as data. */
const CHUNKS: Readonly<Record<string, readonly number[]>> = {
  'DATA/SACK/HB': [
    SctpChunk.Data,
    SctpChunk.Sack,
    SctpChunk.Heartbeat,
    SctpChunk.HeartbeatAck,
    SctpChunk.EcnEcho,
    SctpChunk.Cwr,
    15,
    64,
    192,
    255,
  ],
  INIT: [SctpChunk.Init],
  'INIT-ACK': [SctpChunk.InitAck],
  'COOKIE-ECHO': [SctpChunk.CookieEcho],
  'COOKIE-ACK': [SctpChunk.CookieAck],
  SHUTDOWN: [SctpChunk.Shutdown],
  'SHUT-ACK': [SctpChunk.ShutdownAck],
  'SHUT-COMPL': [SctpChunk.ShutdownComplete],
  ERROR: [SctpChunk.Error],
  ABORT: [SctpChunk.Abort],
};

const nameAfter = (state: string, chunk: number): string =>
  SCTP_STATE_NAMES[nextSctpState(SCTP_STATE_NAMES.indexOf(state), chunk)]!;

describe('the client alone is seen', () => {
  test.each(readStateTable(INPUT_ONLY))('$state, $event: $next', ({ state, event, next }) => {
    for (const chunk of CHUNKS[event]!) expect(nameAfter(state, chunk), `chunk ${chunk}`).toBe(next);
  });

  test.each(SCTP_STATE_NAMES)('%s: a packet that ends before its chunk changes nothing', (state) => {
    expect(nameAfter(state, NOT_PRESENT)).toBe(state);
  });
});

test('only ESTABLISHED counts as active', () => {
  expect(SCTP_STATE_NAMES.filter((_, state) => isActiveSctpState(state))).toEqual(['ESTABLISHED']);
  expect(SCTP_STATE_NAMES[SCTP_CLOSED]).toBe('CLOSED');
});

test('timeouts are those of the kernel', () => {
  const seconds = Object.fromEntries(
    SCTP_STATE_NAMES.map((name, state) => [name, DEFAULT_SCTP_TIMEOUTS_SEC[state]]),
  );
  const { NONE, INIT1, REJECTED, ESTABLISHED, ...others } = seconds;
  expect({ NONE, INIT1, REJECTED, ESTABLISHED }).toEqual({
    NONE: 2,
    INIT1: 4,
    REJECTED: 4,
    ESTABLISHED: 900,
  });
  expect(new Set(Object.values(others))).toEqual(new Set([61]));
});
