/**
 * Recordings of kernel IPVS against the path, a test for each case. Those of ipvsadm's command lines have their own
 * test, test/cli/diradm/recordings.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { EXPECTED_DIFFERENCES, isTraffic, recordings } from './recordings.ts';
import { runTrafficCase } from './traffic-runner.ts';

for (const [name, recording] of recordings) {
  if (!isTraffic(recording)) continue;
  describe(name, () => {
    test.each(recording.cases.map((each) => [each.name, each] as const))('%s', async (caseName, each) => {
      const { difference } = await runTrafficCase(recording, each);
      const reason = EXPECTED_DIFFERENCES[caseName];
      if (reason === undefined) expect(difference).toBeUndefined();
      else expect(difference, `agrees now, so that "${reason}" holds no more`).toBeDefined();
    });
  });
}

describe('recordings', () => {
  test('are all of a form that is run here or by diradm’s own test', () => {
    const others = recordings.filter(([, recording]) => !isTraffic(recording));
    for (const [name, { cases }] of others)
      for (const each of cases) expect('steps' in each, `${name}: ${each.name}`).toBe(true);
    expect(recordings.map(([name]) => name)).toContain('traffic.json');
  });

  test('have every case that is expected to differ', () => {
    const names = new Set(recordings.flatMap(([, { cases }]) => cases.map(({ name }) => name)));
    expect(Object.keys(EXPECTED_DIFFERENCES).filter((name) => !names.has(name))).toEqual([]);
  });
});
