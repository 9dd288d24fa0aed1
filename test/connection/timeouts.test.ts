/** What --set changes, and that times stay what they are when the clock wraps. */
import { expect, test } from 'vitest';
import { ticksFromMs, ticksFromSec } from '../../src/clock.ts';
import { DEFAULT_TCP_TIMEOUTS_SEC, TcpState } from '../../src/connection/tcp-state.ts';
import { stateTimeouts } from '../../src/connection/timeouts.ts';
import { DEFAULT_TIMEOUTS } from '../../src/service/configuration.ts';

test('by default each state has its own', () => {
  const { newConnection, tcp, sctp, udp } = stateTimeouts(DEFAULT_TIMEOUTS);
  expect(newConnection).toBe(300);
  expect([...tcp]).toEqual(DEFAULT_TCP_TIMEOUTS_SEC.map((sec) => sec * 100));
  expect(sctp[8]).toBe(90_000);
  expect(udp).toBe(30_000);
});

test('--set changes ESTABLISHED, FIN_WAIT and UDP, nothing else', () => {
  const { tcp, udp } = stateTimeouts({ tcpSec: 11, tcpFinSec: 12, udpSec: 13 });
  const changed = [...tcp].flatMap((ticks, state) =>
    ticks === DEFAULT_TCP_TIMEOUTS_SEC[state]! * 100 ? [] : [[state, ticks]],
  );
  expect(changed).toEqual([
    [TcpState.Established, 1100],
    [TcpState.FinWait, 1200],
  ]);
  expect(udp).toBe(1300);
});

test('the longest that can be set fits between two wraps of the clock', () => {
  const LONGEST_SEC = 31 * 86_400;
  const { tcp } = stateTimeouts({ tcpSec: LONGEST_SEC, tcpFinSec: LONGEST_SEC, udpSec: LONGEST_SEC });
  expect(tcp[TcpState.Established]).toBe(ticksFromSec(LONGEST_SEC));
});

test('ticks are hundredths of a second in 32 bits', () => {
  expect(ticksFromMs(1234.9)).toBe(123);
  const wrapMs = 2 ** 31 * 10;
  expect(ticksFromMs(wrapMs)).toBe(-(2 ** 31));
  expect((ticksFromMs(wrapMs + 500) - ticksFromMs(wrapMs - 500)) | 0).toBe(100);
});
