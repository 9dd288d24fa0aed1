/** The states of TCP, row by row against the tables of net/netfilter/ipvs/ip_vs_proto_tcp.c as people write them down. */
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_TCP_TIMEOUTS_SEC,
  isActiveTcpState,
  nextTcpState,
  TCP_STATE_NAMES,
  TcpDirection,
  TcpState,
} from '../../src/connection/tcp-state.ts';
import { NOT_PRESENT } from '../../src/wire/packet.ts';
import { ACK, CWR, FIN, PSH, RST, SYN, URG } from '../helpers/frame-builder.ts';
import { readStateTable } from '../helpers/state-table.ts';

const INPUT_ONLY = `
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
| SYNACK | SYN_RECV | TIME_WAIT | ESTABLISHED | CLOSE |
`;

const INPUT = `
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
| SYNACK | SYN_RECV | TIME_WAIT | ESTABLISHED | SYN_RECV |
`;

const OUTPUT = `
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
| SYNACK | SYN_RECV | TIME_WAIT | ESTABLISHED | CLOSE |
`;

const SECURE_INPUT_ONLY = `
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
| SYNACK | · | TIME_WAIT | ESTABLISHED | CLOSE |
`;

const SECURE_INPUT = `
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
| SYNACK | · | · | · | CLOSE |
`;

const SECURE_OUTPUT = `
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
| SYNACK | · | TIME_WAIT | ESTABLISHED | CLOSE |
`;

const FLAGS: Readonly<Record<string, number>> = { SYN, FIN, ACK, RST };
const numberOf = (name: string): number => TCP_STATE_NAMES.indexOf(name);
const nameAfter = (state: string, flags: number, direction: TcpDirection, isSecure: boolean): string =>
  TCP_STATE_NAMES[nextTcpState(numberOf(state), flags, direction, isSecure)]!;

describe.each([
  ['the client alone is seen', INPUT_ONLY, TcpDirection.InputOnly, false],
  ['a packet of the client, both sides are seen', INPUT, TcpDirection.Input, false],
  ['a packet of the server', OUTPUT, TcpDirection.Output, false],
  ['secure_tcp: the client alone is seen', SECURE_INPUT_ONLY, TcpDirection.InputOnly, true],
  ['secure_tcp: a packet of the client, both sides are seen', SECURE_INPUT, TcpDirection.Input, true],
  ['secure_tcp: a packet of the server', SECURE_OUTPUT, TcpDirection.Output, true],
] as const)('%s', (_name, table, direction, isSecure) => {
  test.each(readStateTable(table))('$state, $event: $next', ({ state, event, next }) => {
    expect(nameAfter(state, FLAGS[event]!, direction, isSecure)).toBe(next);
  });

  test.each(TCP_STATE_NAMES)('%s: a packet with none of the four flags closes', (state) => {
    for (const flags of [0, PSH, URG, PSH | URG, CWR])
      expect(nameAfter(state, flags, direction, isSecure)).toBe('CLOSE');
  });

  test.each(TCP_STATE_NAMES)('%s: RST counts before SYN, SYN before FIN, FIN before ACK', (state) => {
    const stateAfter = (flags: number) => nameAfter(state, flags, direction, isSecure);
    for (let flags = 0; flags < 256; flags++) {
      const deciding = [RST, SYN, FIN, ACK].find((flag) => (flags & flag) !== 0) ?? 0;
      expect(stateAfter(flags), `flags ${flags}`).toBe(stateAfter(deciding));
    }
  });

  test.each(TCP_STATE_NAMES)('%s: a packet that ends before its flags changes nothing', (state) => {
    expect(nameAfter(state, NOT_PRESENT, direction, isSecure)).toBe(state);
  });
});

test('states have the numbers and names of the kernel', () => {
  expect(TCP_STATE_NAMES.map((name) => name.replaceAll('_', ''))).toEqual(
    Object.keys(TcpState).map((name) => name.toUpperCase()),
  );
  expect(Object.values(TcpState)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('four states count as active', () => {
  const active = TCP_STATE_NAMES.filter((_, state) => isActiveTcpState(state));
  expect(active).toEqual(['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'SYNACK']);
});

test('timeouts are those of the kernel', () => {
  const seconds = Object.fromEntries(
    TCP_STATE_NAMES.map((name, state) => [name, DEFAULT_TCP_TIMEOUTS_SEC[state]]),
  );
  expect(seconds).toEqual({
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
  });
});
