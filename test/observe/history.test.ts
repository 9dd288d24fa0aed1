/** What the daemon remembers of what happened, and how log lines get there. */
import { describe, expect, test, vi } from 'vitest';
import { recordEvents } from '../../src/observe/event-log.ts';
import { History } from '../../src/observe/history.ts';

function historyOf(count: number, capacity = 100): History {
  const history = new History(capacity, () => 5);
  for (let number = 1; number <= count; number++) history.note('warning', `event ${number}`);
  return history;
}

const sequences = (history: History, after: number | undefined, limit = 1000) =>
  history.list(after, limit).map(({ sequence }) => sequence);

describe('the history', () => {
  test('has each event with its number, time and subject', () => {
    const history = historyOf(1);
    history.note('server-down', 'it is down', {
      service: 'tcp 10.0.0.100:80',
      server: { address: '10.0.0.11', port: 80 },
    });
    expect(history.list(undefined, 10)).toEqual([
      { sequence: 1, timeMs: 5, kind: 'warning', service: null, server: null, message: 'event 1' },
      {
        sequence: 2,
        timeMs: 5,
        kind: 'server-down',
        service: 'tcp 10.0.0.100:80',
        server: { address: '10.0.0.11', port: 80 },
        message: 'it is down',
      },
    ]);
  });

  test.each([
    [undefined, 3, [8, 9, 10]],
    [undefined, 1000, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    [0, 3, [1, 2, 3]],
    [7, 2, [8, 9]],
    [9, 1000, [10]],
    [10, 1000, []],
    [11, 2, [1, 2]],
  ] as const)('after %s, at most %s', (after, limit, expected) => {
    expect(sequences(historyOf(10), after, limit)).toEqual(expected);
  });

  test('forgets the oldest when it is full', () => {
    const history = historyOf(250, 100);
    expect(sequences(history, 0)).toEqual(Array.from({ length: 100 }, (_, index) => 151 + index));
    expect(sequences(history, 248)).toEqual([249, 250]);
    expect(history.lastSequence).toBe(250);
  });

  test('tells listeners, until they have enough', () => {
    const history = historyOf(0);
    const listener = vi.fn();
    const end = history.onEntry(listener);
    history.note('datapath', 'a');
    end();
    history.note('datapath', 'b');
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

describe('a log line', () => {
  const history = new History(100, () => 5);
  const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const recording = recordEvents(log, history);

  test('that is an event is in log and history', () => {
    const fields = { event: 'drained', service: 'tcp 10.0.0.100:80', server: '[fd00::1]:80' };
    recording.warn(fields, 'it is drained');
    recording.error({ event: 'datapath', pid: 5 }, 'it ended');
    expect(log.warn).toHaveBeenCalledExactlyOnceWith(fields, 'it is drained');
    expect(history.list(0, 9)).toMatchObject([
      {
        kind: 'drained',
        service: 'tcp 10.0.0.100:80',
        server: { address: 'fd00::1', port: 80 },
        message: 'it is drained',
      },
      { kind: 'datapath', service: null, server: null, message: 'it ended' },
    ]);
  });

  test('that is none is in the log only', () => {
    recording.info({ pid: 7 }, 'a line');
    expect(log.info).toHaveBeenCalledExactlyOnceWith({ pid: 7 }, 'a line');
    expect(history.lastSequence).toBe(2);
  });
});
