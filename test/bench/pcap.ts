/**
 * The pcap engine end to end on veth, against the least that the cap package allows (bare-cap.mjs): the same frames,
 * in turns within one run. Generator on core 0, forwarder on core 1, frames counted where they come out.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-root.ts';
import {
  DIRECTOR,
  ended,
  framesBack,
  inNamespace,
  makeNamespaces,
  RULES,
  removeNamespaces,
  SERVER,
  sleep,
  startDirector,
  startGenerator,
} from './network.ts';
import { type Summary, summarize } from './statistics.ts';

const ROUNDS = 7;
const WINDOW_SEC = 1.5;

export interface PcapResult {
  /** Frames per second. */
  readonly ours: Summary;
  readonly bare: Summary;
  /** Of each round. */
  readonly ratio: Summary;
}

export async function measurePcap(): Promise<PcapResult> {
  const folder = mkdtempSync(join(tmpdir(), 'director-bench-'));
  // Whatever ends this process, its namespaces and all that runs in them go with it.
  process.on('exit', removeNamespaces);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  try {
    makeNamespaces();
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await rateOf(() => startDirector(folder, RULES)));
      bare.push(await rateOf(startBare));
    }
    const ratio = ours.map((rate, round) => rate / bare[round]!);
    return { ours: summarize(ours), bare: summarize(bare), ratio: summarize(ratio) };
  } finally {
    removeNamespaces();
    process.off('exit', removeNamespaces);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Frames per second that come back out while the generator sends more than anybody can forward. */
async function rateOf(start: () => Promise<ChildProcess>): Promise<number> {
  const forwarder = await start();
  try {
    const generator = startGenerator(WINDOW_SEC + 1);
    const generated = ended(generator);
    await sleep(700);
    const [before, startMs] = [framesBack(), performance.now()];
    await sleep(WINDOW_SEC * 1000);
    const rate = (framesBack() - before) / ((performance.now() - startMs) / 1000);
    await generated;
    return rate;
  } finally {
    const end = ended(forwarder);
    forwarder.kill('SIGTERM');
    await end;
  }
}

function startBare(): Promise<ChildProcess> {
  const script = join(packageRoot(), 'test/bench/bare-cap.mjs');
  const child = inNamespace(DIRECTOR.namespace, 1, [script, DIRECTOR.interface, DIRECTOR.mac, SERVER.mac]);
  return sleep(500).then(() => child);
}
