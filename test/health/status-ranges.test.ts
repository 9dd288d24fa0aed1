import { describe, expect, test } from 'vitest';
import { isExpected, parseStatusRanges } from '../../src/health/status-ranges.ts';

describe('expected statuses', () => {
  test.each([
    ['200', [200], [199, 201, 404]],
    ['200-399', [200, 302, 399], [199, 400]],
    ['200,204', [200, 204], [201, 203]],
    [' 200 - 299 , 401', [200, 299, 401], [300, 400]],
  ])('%s', (text, good, others) => {
    const ranges = parseStatusRanges(text)!;
    expect(good.filter((status) => !isExpected(status, ranges))).toEqual([]);
    expect(others.filter((status) => isExpected(status, ranges))).toEqual([]);
  });

  test.each(['', 'ok', '200-', '-200', '300-200', '99', '600', '200,,204', '2xx', '200-299-399'])(
    'are not %j',
    (text) => expect(parseStatusRanges(text)).toBeUndefined(),
  );
});
