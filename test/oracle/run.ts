/**
 * `npm run oracle -- FILE…`: runs recordings of kernel IPVS and ipvsadm against the TypeScript path and diradm, and
 * says how many cases agree. Without a file it takes the ones of the project.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CaseResult, TrafficRecording } from './recording.ts';
import { runTrafficCase } from './traffic-runner.ts';

const OWN_RECORDINGS = ['traffic.json', 'ipvsadm-cli.json'].map((name) =>
  fileURLToPath(new URL(`recordings/${name}`, import.meta.url)),
);

async function runFile(path: string): Promise<CaseResult[]> {
  const recording = JSON.parse(readFileSync(path, 'utf8')) as TrafficRecording;
  const results: CaseResult[] = [];
  for (const each of recording.cases) results.push(await runTrafficCase(recording, each));
  return results;
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

const files = process.argv.slice(2).filter((word) => !word.startsWith('-'));
let disagreeing = 0;
for (const path of files.length > 0 ? files : OWN_RECORDINGS) {
  const results = await runFile(path);
  report(path, results);
  disagreeing += results.filter(({ difference }) => difference !== undefined).length;
}
process.exitCode = disagreeing === 0 ? 0 : 1;
