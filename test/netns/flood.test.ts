/** A SYN flood of forged addresses, on real kernels: clients get their pages, since their TCP sends its SYN again. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { attemptsOf, PATIENCE_MS } from '../helpers/failover.ts';
import { describeWithDirector, HOSTS, IN_USER_SPACE, type Lab, labs, SOON, VIP } from '../helpers/lab.ts';

const { director, rs1, rs2 } = HOSTS;
const FLOOD_SEC = 3;
/** So that the other test files that run meanwhile get their share of the machine. */
const FLOOD_RATE = 40_000;
const OFTEN_MS = 100;

describeWithDirector('a SYN flood', [], () => {
  const { create } = labs();

  describe.each(IN_USER_SPACE)('over %s', (datapath) => {
    let lab: Lab;
    let messages: () => string[];
    beforeAll(async () => {
      lab = await create(`flood-${datapath}`);
      const running = await lab.startDirector(datapath);
      messages = () => running.messages();
      await lab.configure(
        `-A -t ${VIP}:80 -s rr`,
        `-a -t ${VIP}:80 -r ${rs1.ipv4}:80 -g -w 1`,
        `-a -t ${VIP}:80 -r ${rs2.ipv4}:80 -g -w 1`,
      );
    });

    const dropped = async () => (await lab.client.readStatus()).verdicts.DropFirstSyn ?? 0;
    const onClient = (name: string, ...args: string[]) => lab.program('client', name, ...args);

    test('does not touch connections that are established, and costs others a second', async () => {
      const talker = await onClient('talker.mjs', VIP, '80');
      const flood = await onClient(
        'forged.mjs',
        ...['syn', director.mac, VIP, '80', String(FLOOD_SEC), String(FLOOD_RATE)],
      );
      await vi.waitFor(async () => expect(await dropped()).toBeGreaterThan(0), SOON);
      const client = await onClient('prober.mjs', VIP, '80', String(OFTEN_MS), String(PATIENCE_MS));
      await flood.exited;
      await client.end();
      await talker.end();

      const { sent } = JSON.parse(flood.lines.at(-1)!) as { sent: number };
      expect(sent).toBeGreaterThan(20_000 * FLOOD_SEC);
      expect(await dropped()).toBeGreaterThan(sent / 2);
      const attempts = attemptsOf(client);
      expect(attempts.length).toBeGreaterThan(10);
      expect(attempts.filter(({ server }) => server === undefined)).toEqual([]);
      expect(attempts.some(({ startMs, endMs }) => endMs - startMs > 900)).toBe(true);
      const answers = talker.lines.map((line) => JSON.parse(line) as { localPort?: number; server?: string });
      expect(answers.length).toBeGreaterThan(10 * (FLOOD_SEC - 1));
      const [{ localPort, server }, ...others] = answers.slice(0, -1) as [(typeof answers)[0]];
      for (const other of others) expect(other).toMatchObject({ localPort, server });
      expect(answers.at(-1)).toMatchObject({ closed: true });
    });

    test('is over when it is: clients get their page at once', async () => {
      await vi.waitFor(async () => {
        const before = await dropped();
        expect(await lab.page(`http://${VIP}/`, '--connect-timeout', '0.9')).toMatch(/^172/);
        expect(await dropped()).toBe(before);
      }, SOON);
    });

    test('is told once when it begins, and once when it is over', async () => {
      const told = () => messages().filter((message) => message.includes('SYN flood'));
      await vi.waitFor(() => expect(told()).toHaveLength(2), { timeout: 20_000, interval: 100 });
      expect(told()[0]).toMatch(/^a SYN flood has begun, of more than 10000 a second \(syn_flood_rate\): /);
      expect(told()[1]).toMatch(/^the SYN flood is over after \d+ s: \d+ first SYNs were dropped$/);
      const { entries } = await lab.client.readHistory({ limit: 100 });
      expect(entries.filter(({ message }) => told().includes(message))).toHaveLength(2);
    });
  });
});
