/** Sorry server, slow start, drain, and checks that outlive a crash, as people use them, over each datapath. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { ServerHealthListing } from '../../src/control/protocol.ts';
import {
  DATAPATHS,
  describeWithDirector,
  HOSTS,
  type Lab,
  labs,
  type RunningDirector,
  SOON,
  VIP,
} from '../helpers/lab.ts';

const WEB = `http://${VIP}/`;
const RS1 = HOSTS.rs1.ipv4;
const RS2 = HOSTS.rs2.ipv4;

describeWithDirector('health, as people use it', [], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const { create } = labs();
    let lab: Lab;
    let director: RunningDirector;
    let configFile: string;

    beforeAll(async () => {
      lab = await create(`health-${datapath}`);
      configFile = join(lab.folder, 'director.yaml');
      write('servers: []');
      director = await lab.startDirector(datapath, '--config', configFile);
    });

    const write = (more: string) =>
      writeFileSync(
        configFile,
        `services:\n  - {service: 'tcp ${VIP}:80', scheduler: rr, check: {kind: tcp, rise: 1, fall: 1}, ${more}}\n`,
      );

    /** Waits until the servers are as told. */
    const see = (wanted: Readonly<Record<string, Partial<ServerHealthListing>>>) =>
      vi.waitFor(async () => {
        const { services } = await lab.client.readHealth();
        const found = Object.fromEntries(services[0]!.servers.map((each) => [each.server.address, each]));
        expect(found).toMatchObject(wanted);
      }, SOON);

    const pages = async (count: number) =>
      new Set(await Promise.all(Array.from({ length: count }, () => lab.page(WEB))));

    test('all servers down: the sorry server answers; one comes back slowly, and it goes', async () => {
      write(`slowStart: 30, sorry: ${RS2}, servers: [{address: ${RS1}, weight: 20}]`);
      await lab.client.reload();
      await see({ [RS1]: { state: 'up', weightInForce: 20 } });
      expect(await pages(2)).toEqual(new Set([RS1]));

      process.kill(await lab.webServerPid('rs1'), 'SIGKILL');
      await see({ [RS1]: { state: 'down', weightInForce: 0 } });
      expect(await pages(2)).toEqual(new Set([RS2]));

      await lab.startWebServer('rs1');
      await see({ [RS1]: { state: 'up' } });
      expect(await pages(2)).toEqual(new Set([RS1]));
      const [server] = (await lab.client.readHealth()).services[0]!.servers;
      expect(server!.weightInForce).toBeGreaterThan(0);
      expect(server!.weightInForce).toBeLessThan(20);
    });

    test('drain: no new connections, and it ends when the old ones have; undrain takes the server back', async () => {
      write(`servers: [{address: ${RS1}}, {address: ${RS2}}]`);
      await lab.client.reload();
      await see({ [RS1]: { state: 'up' }, [RS2]: { state: 'up' } });
      const held = await lab.program('client', 'hold-connections.mjs', VIP, '80', '4');
      const drain = lab.run('director', 'director', ['drain', RS1, '--timeout', '60s']);
      await see({ [RS1]: { drained: true, weight: 1, weightInForce: 0 } });
      expect(await pages(4)).toEqual(new Set([RS2]));

      await held.end();
      await lab.must('director', 'director', ['connections', '--server', RS1, '--end']);
      const { code, stdout } = await drain;
      expect(stdout).toMatch(new RegExp(`^${RS1} \\[.*\\] \\d+ of \\d+ connections left$`, 'm'));
      expect(stdout).toContain(`${RS1} has no connections`);
      expect(code).toBe(0);
      await lab.must('director', 'director', ['undrain', RS1]);
      await see({ [RS1]: { drained: false, weightInForce: 1 } });
      expect(await pages(4)).toEqual(new Set([RS1, RS2]));
    });

    test('what director check said holds on when the daemon is killed', async () => {
      await lab.must('director', 'director', ['check', '-t', `${VIP}:80`, 'http', '--path', '/health']);
      const checkOf = async () => (await lab.client.readHealth()).services[0]!.check;
      const told = await checkOf();
      expect(told).toContain('/health');
      await director.stop('SIGKILL');
      director = await lab.startDirector(datapath);
      expect(await checkOf()).toBe(told);
      expect(await director.stop()).toBe(0);
    });
  });
});
