/** How long 1,000 services with 10 servers each take through `diradm -R`, and to list: a real daemon, the real command. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-root.ts';
import { withBenchNetwork } from './network.ts';
import { type Summary, summarize } from './statistics.ts';

const ROUNDS = 5;
const SERVICES = 1000;
const SERVERS = 10;

export interface RestoreResult {
  /** Milliseconds of the whole command. */
  readonly restore: Summary;
  readonly list: Summary;
}

export async function measureRestore(): Promise<RestoreResult> {
  const folder = mkdtempSync(join(tmpdir(), 'director-bench-'));
  const socket = join(folder, 'director.sock');
  try {
    return await withBenchNetwork(folder, [], () => {
      const restore: number[] = [];
      const list: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        diradm(socket, ['-C']);
        restore.push(diradm(socket, ['-R'], rules()));
        list.push(diradm(socket, ['-L', '-n']));
      }
      return { restore: summarize(restore), list: summarize(list) };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rules(): string {
  const lines: string[] = [];
  for (let n = 0; n < SERVICES; n++) {
    const service = `-t 10.98.${n >> 8}.${n & 255}:80`;
    lines.push(`-A ${service} -s wlc`);
    for (let server = 0; server < SERVERS; server++)
      lines.push(`-a ${service} -r 10.99.0.${11 + server}:80 -g -w 1`);
  }
  return `${lines.join('\n')}\n`;
}

function diradm(socket: string, args: readonly string[], input = ''): number {
  const script = join(packageRoot(), 'dist-bench/src/cli/diradm/main.js');
  const startMs = performance.now();
  const env = { ...process.env, DIRECTOR_SOCKET: socket };
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], {
    input,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`diradm ${args.join(' ')}: ${stderr}`);
  return performance.now() - startMs;
}
