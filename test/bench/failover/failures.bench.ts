/** What a client that opens a connection every 50 ms sees of a server that fails, in every way, over each datapath. */
import { afterAll, describe, test } from 'vitest';
import { FAILURES, type Failure, failoverLab, type Outcome, observe } from '../../helpers/failover.ts';
import { DATAPATHS, type DatapathName, describeWithDirector } from '../../helpers/lab.ts';
import { barCells, markdownTable } from '../table.ts';
import { circumstances, writeReport } from '../xdp/report.ts';

const FROZEN = 'web server frozen (SIGSTOP)';

/** The figure that counts, and its bar. The kernel of a frozen web server goes on taking connections. */
function verdictOf({ name }: Failure, outcome: Outcome): [string, string, string] {
  if (name === 'web server killed' || name === 'firewall rejects')
    return ['last failed attempt, ms', ...barCells(outcome.lastFailedMs, { atMost: 1200 })];
  if (name === FROZEN)
    return ['last failed attempt, ms', ...barCells(outcome.lastFailedMs, { atMost: 3500 })];
  return ['failed, not cut off', ...barCells(outcome.failed - outcome.cutOff, { atMost: 0 })];
}

const rows: string[][] = [];

describeWithDirector('servers that fail', ['ip'], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const lab = failoverLab(datapath);
    test.each(FAILURES.filter(({ name }) => name !== FROZEN))('$name', async (failure) => {
      note(datapath, 'tcp', failure, await observe(lab.current!, failure));
    });
  });
  describe.each(DATAPATHS)('over %s, with an HTTP check', (datapath) => {
    const lab = failoverLab(datapath, 'check: http, ');
    test.each(FAILURES.filter(({ name }) => name === FROZEN))('$name', async (failure) => {
      note(datapath, 'http', failure, await observe(lab.current!, failure));
    });
  });
  afterAll(() => {
    const head = [
      'how it fails',
      'datapath',
      'check',
      'attempts',
      'failed',
      'cut off',
      'last failed, ms',
      'late',
      'back, ms',
      'bar',
      '',
      '',
    ];
    const table = markdownTable(head, rows);
    console.log(table);
    writeReport('failover', `\n${circumstances()}\n\n${table}\n`, 'npm run bench:failover');
  });
});

function note(datapath: DatapathName, check: string, failure: Failure, outcome: Outcome): void {
  const { attempts, failed, cutOff, lastFailedMs, late, backAfterMs } = outcome;
  const figures = [attempts, failed, cutOff, lastFailedMs, late, backAfterMs ?? 'never'].map(String);
  rows.push([failure.name, datapath, check, ...figures, ...verdictOf(failure, outcome)]);
}
