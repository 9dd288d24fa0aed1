/**
 * The article's third test: a client opens a connection every 50 ms, a server fails, and comes back. The service is of a
 * configuration file, with the check that it has by default. All ways to fail: npm run bench:failover.
 */
import { describe, expect, test } from 'vitest';
import { FAILURES, failoverLab, observe } from '../helpers/failover.ts';
import { DATAPATHS, describeWithDirector, type Lab } from '../helpers/lab.ts';

const failureOf = (name: string) => FAILURES.find((failure) => failure.name === name)!;

describeWithDirector('failing over', ['ip'], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const lab: { current?: Lab } = failoverLab(datapath);

    test('a cable is pulled: no attempt fails, and the server comes back', async () => {
      const { failed, cutOff, backAfterMs } = await observe(lab.current!, failureOf('cable pulled'));
      expect(failed - cutOff).toBe(0);
      expect(backAfterMs).toBeLessThan(5000);
    });

    test('a web server is killed: no attempt fails that is begun later than 1.2 s after', async () => {
      const { lastFailedMs } = await observe(lab.current!, failureOf('web server killed'));
      expect(lastFailedMs).toBeLessThan(1200);
    });
  });
});
