import { describe, expect, test } from 'vitest';
import {
  countOf,
  formatByteRate,
  formatBytes,
  formatClock,
  formatCount,
  formatMoment,
  formatMs,
  formatPercent,
  formatSi,
  formatSpan,
  formatTime,
} from '../../src/web/format.ts';

describe('numbers', () => {
  test.each([
    [0, '0'],
    [0.004, '0'],
    [0.25, '0.25'],
    [1, '1'],
    [9.994, '9.99'],
    [9.996, '10'],
    [12.34, '12.3'],
    [99.96, '100'],
    [100, '100'],
    [999.4, '999'],
    [999.5, '1 k'],
    [1234, '1.23 k'],
    [999_500, '1 M'],
    [45_600_000, '45.6 M'],
    [7e18, '7000 P'],
  ])('%d is written with three digits: %s', (value, text) => {
    expect(formatSi(value)).toBe(text);
  });

  test('have their unit after the prefix', () => {
    expect(formatSi(12.3, '/s')).toBe('12.3 /s');
    expect(formatBytes(512)).toBe('512 B');
    expect(formatByteRate(1_234_567)).toBe('1.23 MB/s');
  });

  test('that are counted are whole, with thousands apart', () => {
    expect([0, 999, 1000, 1_048_576].map(formatCount)).toEqual(['0', '999', '1,000', '1,048,576']);
    expect([countOf(1, 'server'), countOf(1200, 'server')]).toEqual(['1 server', '1,200 servers']);
  });

  test('are parts of a whole, which may be nothing', () => {
    expect([formatPercent(1, 3), formatPercent(0, 0), formatPercent(5, 5)]).toEqual([
      '33.3 %',
      '0 %',
      '100 %',
    ]);
  });
});

describe('times', () => {
  test.each([
    [-1, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [90_000, '1 d 1 h'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(formatSpan(seconds)).toBe(text);
  });

  test('of a check and of a connection', () => {
    expect([formatMs(1.236), formatMs(1500)]).toEqual(['1.24 ms', '1.5 s']);
    expect([formatClock(0), formatClock(899)]).toEqual(['00:00', '14:59']);
  });

  test('of the day, with the date only if it is another one', () => {
    const moment = new Date(2026, 2, 1, 14, 3, 7).getTime();
    expect(formatTime(moment)).toBe('14:03:07');
    expect(formatMoment(moment, moment + 3_600_000)).toBe('14:03:07');
    expect(formatMoment(moment, moment + 86_400_000)).toBe('2026-03-01 14:03:07');
  });
});
