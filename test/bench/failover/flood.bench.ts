/** A flood of forged frames for 20 seconds: whether honest clients get their pages, and the daemon answers. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { attemptsOf, failoverLab, PATIENCE_MS } from '../../helpers/failover.ts';
import { DATAPATHS, describeWithDirector, HOSTS, type Lab, VIP, watchStatus } from '../../helpers/lab.ts';
import { barCells, markdownTable } from '../table.ts';
import { circumstances, writeReport } from '../xdp/report.ts';

const SECONDS = 20;
const KINDS = ['syn', 'udp', 'fragment', 'malformed'] as const;

const rows: string[][] = [];

/** Of the daemon and its processes, KiB. */
function residentOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return own + children.reduce((sum, child) => sum + residentOf(Number(child)), 0);
}

describeWithDirector('floods', ['ip'], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const lab: { current?: Lab } = failoverLab(datapath);

    test.each(KINDS)('%s', async (kind) => {
      const { pid } = await lab.current!.client.readStatus();
      const before = residentOf(pid);
      const client = await lab.current!.program('client', 'prober.mjs', VIP, '80', '50', String(PATIENCE_MS));
      const watching = watchStatus(lab.current!.client, 100);
      const { mac } = HOSTS.director;
      const flood = await lab.current!.program('client', 'forged.mjs', kind, mac, VIP, '80', String(SECONDS));
      await flood.exited;
      const after = residentOf(pid);
      const { slowestMs, failures } = await watching.finish();
      await client.end();
      const attempts = attemptsOf(client);
      const share = attempts.filter(({ server }) => server !== undefined).length / attempts.length;
      const { sent } = JSON.parse(flood.lines.at(-1)!) as { sent: number };
      const percent = 100 * share;
      rows.push([
        kind,
        datapath,
        (sent / SECONDS / 1000).toFixed(0),
        `${attempts.length}`,
        `${percent.toFixed(1)} %`,
        ...barCells(percent, { atLeast: 99 }),
        slowestMs.toFixed(0),
        ...barCells(slowestMs, { atMost: 250 }),
        `${Math.round(before / 1024)} → ${Math.round(after / 1024)}`,
      ]);
      expect(failures).toEqual([]);
    });
  });
  afterAll(() => {
    const head = [
      'flood',
      'datapath',
      'thousand frames a second',
      'honest attempts',
      'got their page',
      'bar',
      '',
      'slowest answer, ms',
      'bar',
      '',
      'memory of the processes, MiB',
    ];
    const table = markdownTable(head, rows);
    console.log(table);
    writeReport('floods', `\n${circumstances()}\n\n${table}\n`, 'npm run bench:failover');
  });
});
