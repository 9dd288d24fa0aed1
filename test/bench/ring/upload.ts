/**
 * A large upload through the director with GRO, TSO and checksums left to cards, as Linux has them from the start: the
 * ring engine forwards what was merged as it came, the pcap engine has merging switched off and cuts what is merged
 * all the same. In the network of scripts/lab, in turns; the server answers with the SHA-256 of what came.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '../../../src/control/client.ts';
import { packageRoot } from '../../../src/package-root.ts';
import { ended, sleep } from '../network.ts';
import { type Summary, summarize } from '../statistics.ts';
import { measuredTable } from '../table.ts';

const ROUNDS = 3;
const BYTES = 2 ** 30;
const CHUNK_BYTES = 2 ** 24;
const ENGINES = ['ring', 'pcap'] as const;
type Engine = (typeof ENGINES)[number];
const LEAST_RATIO = 5;

const LAB = `bench-${process.pid}`;
const VIP = '172.26.20.110';
const SERVER = '172.26.20.112';
const SERVICE = {
  add: `-A -t ${VIP}:80 -s rr`,
  server: `-a -t ${VIP}:80 -r ${SERVER}:80 -g`,
};

interface Upload {
  readonly bytesPerSec: number;
  /** That the director forwarded. */
  readonly frames: number;
}

export async function upload(): Promise<string> {
  // In memory, so that no disk takes part.
  const folder = mkdtempSync('/dev/shm/director-bench-');
  const cleanUp = () => {
    lab('down');
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', cleanUp);
  try {
    const file = join(folder, 'upload');
    const sha256 = writeRandom(file);
    lab('up', '--offloads', 'on');
    const rounds: Record<Engine, Upload>[] = [];
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({ ring: await measure('ring', file, sha256), pcap: await measure('pcap', file, sha256) });
    return tableOf(rounds);
  } finally {
    process.off('exit', cleanUp);
    cleanUp();
  }
}

function tableOf(rounds: readonly Record<Engine, Upload>[]): string {
  const of = (value: (round: Record<Engine, Upload>) => number): Summary => summarize(rounds.map(value));
  return measuredTable('an upload of 1 GiB, its SHA-256 verified, in turns', [
    ...ENGINES.map((engine) => ({
      what: `${engine}: MB a second`,
      summary: of((round) => round[engine].bytesPerSec / 1e6),
      digits: 0,
    })),
    ...ENGINES.map((engine) => ({
      what: `${engine}: frames that the director handled`,
      summary: of((round) => round[engine].frames),
      digits: 0,
    })),
    {
      what: 'ratio of the rates, ring to pcap',
      summary: of(({ ring, pcap }) => ring.bytesPerSec / pcap.bytesPerSec),
      digits: 1,
      bar: { atLeast: LEAST_RATIO },
    },
  ]);
}

async function measure(engine: Engine, file: string, sha256: string): Promise<Upload> {
  const director = await startDirector(engine);
  const client = createClient({ socketPath: `/run/director/lab-${LAB}/director.sock`, timeoutMs: 5000 });
  const forwarded = async () => (await client.readStatus()).verdicts.Forward ?? 0;
  try {
    // Its neighbour is known by then.
    await sleep(1000);
    const before = await forwarded();
    const printed = lab('run', 'client', 'curl', '-sS', '-T', file, '-w', '%{time_total}', `http://${VIP}/`);
    if (!printed.includes(sha256))
      throw new Error(`${engine}: the upload did not arrive as it was: ${printed}`);
    const seconds = Number(
      printed
        .trim()
        .split('\n')
        .at(-1)!
        .match(/[\d.]+$/)![0],
    );
    return { bytesPerSec: BYTES / seconds, frames: (await forwarded()) - before };
  } finally {
    client.close();
    const end = ended(director);
    director.kill('SIGTERM');
    await end;
  }
}

async function startDirector(engine: Engine): Promise<ChildProcess> {
  const script = join(packageRoot(), 'dist-bench/src/cli/director/main.js');
  const command = [process.execPath, script, 'run', '--interface', 'eth0', '--datapath', engine];
  const child = spawn('scripts/lab', ['run', 'director', ...command], {
    cwd: packageRoot(),
    env: { ...process.env, DIRECTOR_LAB: LAB },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (text) => String(text).includes('director runs on') && resolve());
    child.once('exit', () => reject(new Error(`the director did not start over ${engine}`)));
  });
  for (const line of Object.values(SERVICE)) lab('run', 'director', 'ipvsadm', ...line.split(' '));
  return child;
}

function writeRandom(path: string): string {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const file = openSync(path, 'w');
  for (let written = 0; written < BYTES; written += CHUNK_BYTES) {
    randomFillSync(chunk);
    hash.update(chunk);
    writeSync(file, chunk);
  }
  closeSync(file);
  return hash.digest('hex');
}

function lab(...args: string[]): string {
  return execFileSync('scripts/lab', args, {
    cwd: packageRoot(),
    env: { ...process.env, DIRECTOR_LAB: LAB },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
