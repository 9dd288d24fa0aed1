/**
 * Recorded command lines of the real ipvsadm, typed to the real diradm, which asks a real daemon. The same with all
 * recordings: npm run oracle -- --diradm
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithDirector } from '../helpers/lab.ts';
import type { CliRecording } from '../oracle/cli-runner.ts';
import { runCliRecordingByDiradm } from '../oracle/diradm-transport.ts';

const RECORDING = join(import.meta.dirname, '../oracle/recordings/ipvsadm-cli.json');

describeWithDirector('diradm and a daemon', ['sysctl'], () => {
  test('print and exit as ipvsadm was recorded to do', { timeout: 300_000 }, async () => {
    const recording = JSON.parse(readFileSync(RECORDING, 'utf8')) as CliRecording;
    const results = await runCliRecordingByDiradm(recording);
    expect(results.filter(({ agrees }) => !agrees)).toEqual([]);
    expect(results).toHaveLength(recording.cases.length);
  });
});
