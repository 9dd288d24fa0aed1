/**
 * `npm run oracle -- [--datapath path|ring|xdp] [--diradm] FILE…`: runs recordings of kernel IPVS and of ipvsadm, and
 * says how many cases agree. Traffic goes through the TypeScript path, the same behind the ring engine and a cable
 * (`unshare --net npm run oracle -- --datapath ring`) or, by BPF_PROG_TEST_RUN, the XDP program; command lines through
 * diradm's code, with --diradm through the real command and a real daemon. All but the path need root. Without a file
 * it takes the ones of the project.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CliRecording, runCliRecording } from './cli-runner.ts';
import type { BackendFactory } from './memory-director.ts';
import { createMemoryTransport } from './memory-transport.ts';
import { createPathBackend } from './path-backend.ts';
import type { CaseResult, TrafficRecording } from './recording.ts';
import { runTrafficCase } from './traffic-runner.ts';

const OWN_RECORDINGS = [
  'traffic.json',
  'traffic-more.json',
  'ipvsadm-cli.json',
  'ipvsadm-cli-more.json',
  '../../schedule/recordings/schedulers.json',
];

interface Options {
  readonly createBackend: BackendFactory;
  readonly usesDiradm: boolean;
}

async function runFile(path: string, { createBackend, usesDiradm }: Options): Promise<CaseResult[]> {
  const recording = JSON.parse(readFileSync(path, 'utf8')) as TrafficRecording | CliRecording;
  if (isCli(recording)) return runCli(recording, usesDiradm);
  const results: CaseResult[] = [];
  for (const each of recording.cases) results.push(await runTrafficCase(recording, each, createBackend));
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

const backends: Readonly<Record<string, () => Promise<BackendFactory>>> = {
  path: async () => createPathBackend,
  ring: async () => (await import('./ring-backend.ts')).createRingBackend,
  xdp: async () => (await import('./xdp-backend.ts')).createXdpBackend,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { datapath: { type: 'string', default: 'path' }, diradm: { type: 'boolean', default: false } },
});
const backend = backends[values.datapath];
if (backend === undefined) {
  console.error(`--datapath ${values.datapath}: write ${Object.keys(backends).join(' or ')}`);
  process.exit(2);
}
const options = { createBackend: await backend(), usesDiradm: values.diradm };
const own = OWN_RECORDINGS.map((name) => fileURLToPath(new URL(`recordings/${name}`, import.meta.url)));
let disagreeing = 0;
for (const path of positionals.length > 0 ? positionals : own) {
  const results = await runFile(path, options);
  report(path, results);
  disagreeing += results.filter(({ difference }) => difference !== undefined).length;
}
process.exitCode = disagreeing === 0 ? 0 : 1;
