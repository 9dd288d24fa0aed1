/** What a thousand servers cost that are checked once a second. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { describeWithDirector, labs, VIP } from '../../helpers/lab.ts';
import { summarize } from '../statistics.ts';
import { type Measured, measuredTable } from '../table.ts';
import { circumstances, writeReport } from '../xdp/report.ts';

const SERVERS = 1000;
const SAMPLES = 10;
const SAMPLE_MS = 2000;
const TICKS_PER_SECOND = 100;

const addresses = Array.from({ length: SERVERS }, (_, number) => `10.50.${number >> 8}.${number & 255}`);

/** Of one process, milliseconds. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

describeWithDirector('many checks', ['ip'], () => {
  const { create } = labs();

  test('a thousand servers, once a second', async () => {
    const lab = await create('checks');
    await lab.must('director', 'ip', ['address', 'add', '10.50.255.1/16', 'dev', 'eth0']);
    const batch = addresses.map((address) => `address add ${address}/32 dev eth0\n`).join('');
    await lab.must('rs1', 'ip', ['-batch', '-'], { input: batch });
    await lab.must('rs1', 'ip', ['route', 'add', '10.50.0.0/16', 'dev', 'eth0']);
    const file = join(lab.folder, 'director.yaml');
    const servers = addresses.map((address) => `      - {address: ${address}}\n`).join('');
    const check = '    check: {kind: tcp, via: server}\n';
    writeFileSync(file, `services:\n  - service: tcp ${VIP}:80\n${check}    servers:\n${servers}`);
    await lab.startDirector('xdp', '--config', file);
    const health = async () => (await lab.client.readHealth()).services[0]!.servers;
    await vi.waitFor(async () => expect((await health()).every(({ state }) => state === 'up')).toBe(true), {
      timeout: 30_000,
      interval: 500,
    });
    const { pid } = await lab.client.readStatus();
    const missedBefore = (await health()).reduce((sum, { missed }) => sum + missed, 0);
    const shares: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const [before, atMs] = [cpuMs(pid), performance.now()];
      await new Promise((done) => setTimeout(done, SAMPLE_MS));
      shares.push((100 * (cpuMs(pid) - before)) / (performance.now() - atMs));
    }
    const missed = (await health()).reduce((sum, each) => sum + each.missed, 0) - missedBefore;
    const row = (what: string, values: number[], digits: number, atMost: number): Measured => ({
      what,
      summary: summarize(values),
      digits,
      bar: { atMost },
    });
    const table = measuredTable('a thousand servers', [
      row('CPU of the daemon, % of a core', shares, 1, 15),
      row(`checks missed in ${(SAMPLES * SAMPLE_MS) / 1000} s`, [missed], 0, 0),
    ]);
    console.log(table);
    writeReport('checks', `\n${circumstances()}\n\n${table}\n`, 'npm run bench:failover');
  });
});
