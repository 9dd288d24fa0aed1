/**
 * What a capture costs those who do not ask for it: frames per second of one director that forwards all it can, with
 * nobody capturing, with a filter that nothing passes, and with every frame captured, in turns.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-root.ts';
import {
  type Datapath,
  ended,
  framesBack,
  makeNamespaces,
  RULES,
  removeNamespaces,
  sleep,
  socketIn,
  startDirector,
  startGenerator,
} from './network.ts';
import { type Summary, summarize } from './statistics.ts';

const ROUNDS = 5;
const WINDOW_SEC = 1;
const SETTLE_MS = 300;
/** A round of the three, with what it takes to begin and end. */
const ROUND_SEC = 3 * (WINDOW_SEC + 3);

export interface CaptureResult {
  /** Frames per second. */
  readonly without: Summary;
  readonly filtered: Summary;
  readonly everything: Summary;
  /** Of each round, to the rate without. */
  readonly filteredRatio: Summary;
  readonly everythingRatio: Summary;
  /** What the captures of everything said at their end. */
  readonly said: readonly string[];
}

export async function measureCapture(datapath: Datapath): Promise<CaptureResult> {
  const folder = mkdtempSync(join(tmpdir(), 'director-bench-'));
  process.on('exit', removeNamespaces);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  try {
    makeNamespaces();
    const director = await startDirector(folder, RULES, datapath);
    const generator = startGenerator(ROUNDS * ROUND_SEC);
    await sleep(SETTLE_MS);
    const rounds: Awaited<ReturnType<typeof measureRound>>[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measureRound(folder));
    for (const child of [generator, director]) {
      const end = ended(child);
      child.kill('SIGTERM');
      await end;
    }
    const of = (name: 'without' | 'filtered' | 'everything') => rounds.map((round) => round[name]);
    const ratio = (name: 'filtered' | 'everything') =>
      summarize(rounds.map((round) => round[name] / round.without));
    return {
      without: summarize(of('without')),
      filtered: summarize(of('filtered')),
      everything: summarize(of('everything')),
      filteredRatio: ratio('filtered'),
      everythingRatio: ratio('everything'),
      said: rounds.map(({ said }) => said),
    };
  } finally {
    removeNamespaces();
    process.off('exit', removeNamespaces);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureRound(folder: string) {
  const without = await rate();
  const filtered = await whileCapturing(folder, ['--client', '192.0.2.1']);
  const everything = await whileCapturing(folder, []);
  return { without, filtered: filtered.rate, everything: everything.rate, said: everything.said };
}

async function rate(): Promise<number> {
  const [before, startMs] = [framesBack(), performance.now()];
  await sleep(WINDOW_SEC * 1000);
  return (framesBack() - before) / ((performance.now() - startMs) / 1000);
}

async function whileCapturing(
  folder: string,
  filter: readonly string[],
): Promise<{ rate: number; said: string }> {
  const script = join(packageRoot(), 'dist-bench/src/cli/director/main.js');
  const options = ['--socket', socketIn(folder), 'capture', '-w', '/dev/null', ...filter];
  const child: ChildProcess = spawn(process.execPath, [script, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!said.includes('capturing')) await once(child.stderr!, 'data');
  await sleep(SETTLE_MS);
  const measured = await rate();
  const end = ended(child);
  child.kill('SIGINT');
  await end;
  await sleep(SETTLE_MS);
  return { rate: measured, said: said.trim().split('\n').at(-1)!.replace(/;.*/, '') };
}
