/** Recorded command lines of the real ipvsadm, in this process, against the director's own configuration. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CliRecording, runCliRecording } from '../../oracle/cli-runner.ts';
import { createInProcessTransport } from './run-in-process.ts';

const FOLDER = join(import.meta.dirname, '../../oracle/recordings');

/** Where the command differs on purpose; docs/IPVSADM.md has the reasons. */
const EXCEPTIONS = [
  'exception: the real server as in 1999',
  'exception: a last line with two blanks and no newline is lost',
  'exception: a list of no scheduler flags ends in a crash',
  "exception: addresses that only the director's routes can judge",
];

describe.each(['ipvsadm-cli.json', 'ipvsadm-cli-more.json'])('%s', (file) => {
  const recording: CliRecording = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
  it.each(recording.cases.map((each) => [each.name, each] as const))('%s', async (name, each) => {
    const [result] = await runCliRecording({ cases: [each] }, () => createInProcessTransport());
    if (EXCEPTIONS.includes(name)) expect(result?.agrees).toBe(false);
    else expect(result?.difference).toBeUndefined();
  });
});
