/** The daemon and its datapath process are killed (SIGKILL) while 200 connections upload: how many arrive as they were sent. */
import { afterAll, describe, expect, test } from 'vitest';
import { attemptsOf, failoverLab, PATIENCE_MS } from '../../helpers/failover.ts';
import { DATAPATHS, describeWithDirector, type Lab, VIP } from '../../helpers/lab.ts';
import { barCells, markdownTable } from '../table.ts';
import { circumstances, writeReport } from '../xdp/report.ts';

const UPLOADS = 200;
const BYTES = 200_000;
const SECONDS = 12;
const INTERVAL_MS = 20;

const rows: string[][] = [];
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** What is killed, three seconds after the uploads began; the daemon is started again two seconds later. */
const CRASHES = [
  { name: 'the datapath process', killsDaemon: false },
  { name: 'the daemon', killsDaemon: true },
] as const;

describeWithDirector('crashes', ['ip'], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const lab: { current?: Lab } = failoverLab(datapath);

    test.each(CRASHES)('$name', async ({ name, killsDaemon }) => {
      const { current } = lab;
      const client = await current!.program(
        'client',
        'prober.mjs',
        VIP,
        '80',
        String(INTERVAL_MS),
        String(PATIENCE_MS),
      );
      const uploads = await current!.program(
        'client',
        'paced-uploads.mjs',
        VIP,
        '80',
        ...[UPLOADS, BYTES, SECONDS].map(String),
      );
      await pause(3000);
      const { pid, datapath: of } = await current!.client.readStatus();
      process.kill(killsDaemon ? pid : of.pid!, 'SIGKILL');
      await pause(2000);
      if (killsDaemon) await current!.startDirector(datapath, '--config', `${current!.folder}/director.yaml`);
      await uploads.exited;
      await client.end();
      const { right } = JSON.parse(uploads.lines.at(-1)!) as { right: number };
      const slowest = Math.max(...attemptsOf(client).map(({ startMs, endMs }) => endMs - startMs));
      const lost = attemptsOf(client).filter(({ server }) => server === undefined).length;
      rows.push([
        name,
        datapath,
        `${right} of ${UPLOADS}`,
        ...barCells(right, { atLeast: UPLOADS }),
        `${slowest}`,
        `${lost}`,
      ]);
      expect(uploads.lines).toHaveLength(2);
    });
  });
  afterAll(() => {
    const head = [
      'killed',
      'datapath',
      'uploads that arrived whole',
      'bar',
      '',
      'slowest page, ms',
      'pages lost',
    ];
    const table = markdownTable(head, rows);
    console.log(table);
    writeReport('crashes', `\n${circumstances()}\n\n${table}\n`, 'npm run bench:failover');
  });
});
