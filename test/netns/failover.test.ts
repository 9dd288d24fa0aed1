/**
 * The article's third test, in every way that a server can fail: a client opens a connection every 50 ms, rs1 fails,
 * and comes back. Services come from a configuration file, with the check that such a service has by default.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { FAILURES, type Outcome, observe } from '../helpers/failover.ts';
import { DATAPATHS, describeWithDirector, HOSTS, type Lab, labs, SOON, VIP } from '../helpers/lab.ts';

const { rs1, rs2 } = HOSTS;

const configOf = (check: string) => `
services:
  - service: tcp ${VIP}:80
    scheduler: rr
    ${check}
    servers: [{address: ${rs1.ipv4}}, {address: ${rs2.ipv4}}]
`;

describeWithDirector('failing over', ['ip'], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const { create } = labs();
    let lab: Lab;

    beforeAll(async () => {
      lab = await create(`failover-${datapath}`);
      const file = join(lab.folder, 'director.yaml');
      writeFileSync(file, configOf(''));
      await lab.startDirector(datapath, '--config', file);
    });

    beforeEach(async () => {
      await vi.waitFor(async () => {
        const { services } = await lab.client.readHealth();
        expect(services[0]!.servers.map(({ state }) => state)).toEqual(['up', 'up']);
      }, SOON);
    });

    test.each(FAILURES)('$name', async (failure) => {
      const outcome = await observe(lab, failure);
      console.log(`${datapath}, ${failure.name}: ${JSON.stringify(outcome)}`);
      expectWithinBars(failure.name, outcome);
    });
  });
});

function expectWithinBars(name: string, { failed, lastFailedMs, backAfterMs }: Outcome): void {
  if (name === 'cable pulled') expect(failed).toBe(0);
  if (name === 'web server killed') expect(lastFailedMs).toBeLessThan(1200);
  expect(lastFailedMs).toBeLessThan(3500);
  expect(backAfterMs).toBeLessThan(5000);
}
