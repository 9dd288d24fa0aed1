/** `director apply` on a director at work: connections go on, and what is refused changes nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DATAPATHS, describeWithDirector, HOSTS, type Lab, labs, SOON, VIP } from '../helpers/lab.ts';

const { rs1, rs2 } = HOSTS;

/** `first` and `second`: what stands beside the servers' addresses. */
const fileOf = (scheduler: string, first: string, second?: string, check = 'tcp') => `
services:
  - service: tcp ${VIP}:80
    scheduler: ${scheduler}
    check: ${check}
    servers:
      - {address: ${rs1.ipv4}, ${first}}
${second === undefined ? '' : `      - {address: ${second}}`}
`;

describeWithDirector('director apply', [], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const { create } = labs();
    let lab: Lab;
    let path: string;

    beforeAll(async () => {
      lab = await create(`apply-${datapath}`);
      path = join(lab.folder, 'wanted.yaml');
      await lab.startDirector(datapath);
    });

    const apply = (text: string, ...options: string[]) => {
      writeFileSync(path, text);
      return lab.run('director', 'director', ['apply', path, ...options]);
    };
    const listed = async () => (await lab.ipvsadm('-Sn')).stdout;

    test('makes a service, changes it under a connection that goes on, and finds nothing more to do', async () => {
      expect(await apply(fileOf('rr', 'weight: 1'), '--yes')).toMatchObject({ code: 0, stderr: '' });
      const talker = await lab.program('client', 'talker.mjs', VIP, '80');
      const answers = () => talker.lines.map((line) => JSON.parse(line));
      await expect.poll(() => answers().length, SOON).toBeGreaterThan(2);

      const changed = fileOf('wlc', 'weight: 3', rs2.ipv4);
      expect(await apply(changed, '--yes')).toEqual({
        code: 0,
        stderr: '',
        stdout: `~ service tcp ${VIP}:80  scheduler rr -> wlc
    ~ server ${rs1.ipv4}:80  weight 1 -> 3
    + server ${rs2.ipv4}:80  weight 1
applied
`,
      });
      const before = answers().length;
      await expect.poll(() => answers().length, SOON).toBeGreaterThan(before + 3);
      await talker.end();
      const ports = new Set(
        answers()
          .slice(0, -1)
          .map(({ localPort, server }) => `${localPort} ${server}`),
      );
      expect(answers().at(-1)).toMatchObject({ closed: true });
      expect([...ports]).toEqual([expect.stringContaining(rs1.ipv4)]);
      expect(await apply(changed, '--dry-run')).toEqual({
        code: 0,
        stdout: 'nothing to change\n',
        stderr: '',
      });
    });

    test('of a file whose last server cannot be had changes nothing, and says which it is', async () => {
      const before = await listed();
      const refused = await apply(fileOf('rr', 'weight: 9', '172.26.20.255'), '--yes');
      expect(refused).toEqual({
        code: 2,
        stdout: '',
        stderr: `director: ${path}:8:19: 172.26.20.255 is a broadcast address of this host's network\n`,
      });
      expect(await listed()).toBe(before);
    });

    test('of a plan that somebody overtook changes nothing', async () => {
      const file = { name: 'file', format: 'yaml', text: '' } as const;
      const { token, services } = await lab.client.plan(file);
      expect(services).toHaveLength(1);
      await lab.ipvsadm(`-A -u ${VIP}:53`);
      const before = await listed();
      await expect(lab.client.apply(token)).rejects.toMatchObject({ code: 'PLAN_OUTDATED' });
      expect(await listed()).toBe(before);
    });

    test('neither shows nor loses drains and what checks found; a check alone is a change', async () => {
      const states = async () => {
        const { services } = await lab.client.readHealth();
        return services.flatMap(({ servers }) =>
          servers.map(({ server, state, drained, weight }) => [server.address, state, drained, weight]),
        );
      };
      const wanted = (check: string) => fileOf('wlc', 'weight: 3', rs2.ipv4, check);
      await lab.must('director', 'director', ['drain', rs1.ipv4, '--no-wait']);
      const failing = wanted('{kind: http, expectStatus: "500", interval: 0.1}');
      expect((await apply(failing, '--yes')).stdout).toContain('  check tcp, through the virtual address');
      const down = [
        [rs2.ipv4, 'down', false, 1],
        [rs1.ipv4, 'down', true, 3],
      ];
      await expect.poll(states, SOON).toEqual(down);
      expect(await apply(failing, '--dry-run')).toMatchObject({ code: 0, stdout: 'nothing to change\n' });
      expect(await apply(wanted('tcp'), '--yes')).toMatchObject({ code: 0 });
      await expect.poll(states, SOON).toEqual(down.map(([server, , ...rest]) => [server, 'up', ...rest]));
    });

    test('of an empty file takes all away', async () => {
      expect(await apply('', '--yes')).toMatchObject({ code: 0, stderr: '' });
      expect(await listed()).toBe('');
    });
  });
});
