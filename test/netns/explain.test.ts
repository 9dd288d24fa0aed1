/** `director explain` as a person uses it beside a client: what it says is what then happens, and it leaves no trace. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { ExplainReply } from '../../src/control/protocol.ts';
import { DATAPATHS, describeWithDirector, HOSTS, type Lab, labs, SOON, VIP } from '../helpers/lab.ts';

const { client, director, rs1, rs2 } = HOSTS;
const RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r ${rs1.ipv4}:80 -g -w 1`,
  `-a -t ${VIP}:80 -r ${rs2.ipv4}:80 -g -w 1`,
];

describeWithDirector('director explain', [], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const { create } = labs();
    let lab: Lab;

    beforeAll(async () => {
      lab = await create(`explain-${datapath}`);
      await lab.startDirector(datapath, '--default-check', 'off', '--conn-table-size', '4096');
      await lab.configure(...RULES);
    });

    const explain = (...args: string[]) => lab.must('director', 'director', ['explain', ...args]);
    const explained = async (port: number, ...args: string[]): Promise<ExplainReply> => {
      const ends = ['--from', `${client.ipv4}:${port}`, '--to', `${VIP}:80`];
      return JSON.parse(await explain('--json', ...ends, ...args));
    };
    const page = (port: number) => lab.page(`http://${VIP}/`, '--local-port', `${port}`);
    const counters = async () => {
      const { verdicts } = await lab.client.readStatus();
      const { services } = await lab.client.listServices();
      const { PassArp: _, ...frames } = verdicts;
      return JSON.stringify([
        frames,
        services.map(({ counters: { connections }, servers }) => [
          connections,
          servers.map((each) => [
            each.counters.connections,
            each.activeConnections,
            each.inactiveConnections,
          ]),
        ]),
      ]);
    };

    /** The last segments of a connection come when its client has ended already. */
    async function settledCounters(): Promise<string> {
      let last = '';
      await expect
        .poll(
          async () => {
            const before = last;
            last = await counters();
            return last === before;
          },
          { ...SOON, interval: 100 },
        )
        .toBe(true);
      return last;
    }

    test('who it says gets the next connection, and the one after', async () => {
      for (const port of [41000, 41001, 41002]) {
        const before = await settledCounters();
        const { verdict, server, sent, steps } = await explained(port);
        expect(await counters()).toBe(before);
        expect(verdict).toBe('Forward');
        const mac = server?.address === rs1.ipv4 ? rs1.mac : rs2.mac;
        expect(sent).toMatchObject([{ to: mac, from: director.mac }]);
        expect(steps.map(({ step }) => step)).toEqual([
          'decode',
          'find',
          'match',
          'schedule',
          'remember',
          'step',
          'send',
        ]);
        expect(await page(port)).toBe(server?.address);
      }
    });

    test('a connection that is there, in words', async () => {
      const server = await page(41010);
      const words = await explain('--from', `${client.ipv4}:41010`, '--to', `${VIP}:80`, '--tcp', 'ack');
      expect(words).toMatch(
        new RegExp(
          `2\\. find +its connection goes to ${server}:80: state (FIN_WAIT|TIME_WAIT|CLOSE|ESTABLISHED), lives \\d+ s yet`,
        ),
      );
      expect(words).toContain('the scheduler is not asked');
      expect(words).toContain(
        `the answer goes straight from the server to ${client.ipv4} and is not seen here`,
      );
    });

    test('what does not work, and why', async () => {
      await lab.client.drain({ server: { address: rs1.ipv4 }, drained: true });
      const { candidates, server } = await explained(41020);
      expect(server?.address).toBe(rs2.ipv4);
      expect(candidates.find((each) => each.server.address === rs1.ipv4)).toMatchObject({
        weightInForce: 0,
        note: 'drained',
      });
      expect(await page(41020)).toBe(rs2.ipv4);
      const own = await explain('--from', `${director.ipv4}:1`, '--to', `${VIP}:80`);
      expect(own).toContain(`${director.ipv4} is this director's own address`);
      const odd = await lab.run('director', 'director', [
        'explain',
        '--from',
        '1.2.3.4:5',
        '--to',
        '[::1]:5',
      ]);
      expect(odd).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('different IP versions'),
      });
    });
  });
});
