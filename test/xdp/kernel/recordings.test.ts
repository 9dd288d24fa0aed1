/** Recordings of kernel IPVS against the program, by BPF_PROG_TEST_RUN: it differs where the path differs, and nowhere else. */
import { expect, test } from 'vitest';
import { describeWithRoot } from '../../helpers/netns.ts';
import { EXPECTED_DIFFERENCES, isTraffic, recordings } from '../../oracle/recordings.ts';
import { runTrafficCase } from '../../oracle/traffic-runner.ts';
import { createXdpBackend } from '../../oracle/xdp-backend.ts';

for (const [name, recording] of recordings) {
  if (!isTraffic(recording)) continue;
  describeWithRoot(`${name} by the program`, [], () => {
    test.each(recording.cases.map((each) => [each.name, each] as const))('%s', async (caseName, each) => {
      const { difference } = await runTrafficCase(recording, each, createXdpBackend);
      if (EXPECTED_DIFFERENCES[caseName] === undefined) expect(difference).toBeUndefined();
      else expect(difference).toBeDefined();
    });
  });
}
