/**
 * The article's third test: a client opens a connection every 50 ms, a server fails, and comes back. The service is of a
 * configuration file, with the check that it has by default. All ways to fail: npm run bench:failover.
 */
import { expect, test } from 'vitest';
import { FAILURES, failoverLab, observe } from '../helpers/failover.ts';
import { DATAPATHS, describeWithDirector } from '../helpers/lab.ts';

const failureOf = (name: string) => FAILURES.find((failure) => failure.name === name)!;

describeWithDirector('failing over', ['ip'], () => {
  // Side by side, each in its lab: nearly all of it is waiting.
  const labs = DATAPATHS.map((datapath) => ({ datapath, lab: failoverLab(datapath) }));
  const observeAll = (name: string) =>
    Promise.all(
      labs.map(async ({ datapath, lab }) => ({
        datapath,
        ...(await observe(lab.current!, failureOf(name))),
      })),
    );

  test(`a cable is pulled, over ${DATAPATHS}: no attempt fails, and the server comes back`, async () => {
    for (const { datapath, failed, cutOff, backAfterMs } of await observeAll('cable pulled')) {
      expect(failed - cutOff, datapath).toBe(0);
      expect(backAfterMs, datapath).toBeLessThan(5000);
    }
  });

  test(`a web server is killed, over ${DATAPATHS}: no attempt fails that is begun later than 1.2 s after`, async () => {
    for (const { datapath, lastFailedMs } of await observeAll('web server killed'))
      expect(lastFailedMs, datapath).toBeLessThan(1200);
  });
});
