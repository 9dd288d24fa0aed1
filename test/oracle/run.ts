/**
 * `npm run oracle -- [--diradm] FILE…`: runs recordings of kernel IPVS and of ipvsadm, and says how many cases agree.
 * Traffic goes through the TypeScript path, command lines through diradm's code; with --diradm through the real
 * command and a real daemon, which needs root. Without a file it takes the ones of the project.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CliRecording, runCliRecording } from './cli-runner.ts';
import { createMemoryTransport } from './memory-transport.ts';
import type { CaseResult, TrafficRecording } from './recording.ts';
import { runTrafficCase } from './traffic-runner.ts';

const OWN_RECORDINGS = [
  'traffic.json',
  'traffic-more.json',
  'ipvsadm-cli.json',
  'ipvsadm-cli-more.json',
  '../../schedule/recordings/schedulers.json',
];

async function runFile(path: string, usesDiradm: boolean): Promise<CaseResult[]> {
  const recording = JSON.parse(readFileSync(path, 'utf8')) as TrafficRecording | CliRecording;
  if (isCli(recording)) return runCli(recording, usesDiradm);
  const results: CaseResult[] = [];
  for (const each of recording.cases) results.push(await runTrafficCase(recording, each));
  return results;
}

const isCli = (recording: TrafficRecording | CliRecording): recording is CliRecording =>
  recording.cases.some((each) => 'steps' in each);

async function runCli(recording: CliRecording, usesDiradm: boolean): Promise<CaseResult[]> {
  const results = usesDiradm
    ? await (await import('./diradm-transport.ts')).runCliRecordingByDiradm(recording)
    : await runCliRecording(recording, createMemoryTransport);
  return results.map(({ name, difference }) => ({
    name,
    difference: difference && {
      event: difference.step,
      what: `$ ipvsadm ${difference.args.join(' ')}: ${difference.field}`,
      expected: String(difference.expected),
      got: String(difference.got),
      why: 'programs and people read it',
    },
  }));
}

function report(path: string, results: readonly CaseResult[]): void {
  const agreeing = results.filter(({ difference }) => difference === undefined);
  console.log(`${path}: agree ${agreeing.length} of ${results.length}`);
  for (const { name, difference } of results) {
    if (difference === undefined) continue;
    console.log(`  ${name}: event ${difference.event}: ${difference.what}`);
    console.log(`    expected: ${indent(difference.expected)}`);
    console.log(`    got:      ${indent(difference.got)}`);
    console.log(`    matters:  ${difference.why}`);
  }
}

const indent = (text: string): string => text.trimEnd().replaceAll('\n', '\n              ');

const words = process.argv.slice(2);
const files = words.filter((word) => !word.startsWith('-'));
const own = OWN_RECORDINGS.map((name) => fileURLToPath(new URL(`recordings/${name}`, import.meta.url)));
let disagreeing = 0;
for (const path of files.length > 0 ? files : own) {
  const results = await runFile(path, words.includes('--diradm'));
  report(path, results);
  disagreeing += results.filter(({ difference }) => difference !== undefined).length;
}
process.exitCode = disagreeing === 0 ? 0 : 1;
