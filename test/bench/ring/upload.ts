/**
 * A large upload through the director with GRO, TSO and checksums left to cards, as Linux has them from the start. The
 * ring engine forwards whole what the director's interface merged, or what came uncut from a sender on the same host;
 * the pcap engine has merging switched off, and cuts what came uncut. No faster than straight to the server it can be:
 * that is measured, too. In the network of scripts/lab, in turns; the server compares every byte.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
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
type Way = Engine | 'straight';
const LEAST_RATIO = 5;
/** Whether the interfaces between client and director cut segments of up to 64 KB, as all but veth do. */
const SENDERS = {
  'frames of the MTU, as from a wire': { tso: 'off', atLeast: LEAST_RATIO },
  'frames of 64 KB, from a container': { tso: 'on', atLeast: undefined },
} as const;
type Sender = keyof typeof SENDERS;

const LAB = `bench-${process.pid}`;
const VIP = '172.26.20.110';
const SERVER = '172.26.20.112';
const PORT = 9000;
const RULES = [`-A -t ${VIP}:${PORT} -s rr`, `-a -t ${VIP}:${PORT} -r ${SERVER}:${PORT} -g`];
const PEER = join(packageRoot(), 'test/bench/ring/upload-peer.mjs');

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
    writeRandom(file);
    lab('up', '--offloads', 'on');
    // A veth has it off from the start; a card has it on.
    for (const host of ['director', 'rs1']) lab('run', host, 'ethtool', '-K', 'eth0', 'gro', 'on');
    await startInLab('rs1', 'ready', PEER, 'receive', file, VIP, String(PORT));
    const tables: string[] = [];
    for (const sender of Object.keys(SENDERS) as Sender[]) {
      // Behind a veth that may cut, GRO has nothing to merge: veth.c, veth_skb_is_eligible_for_gro().
      cutTowards('director', SENDERS[sender].tso);
      tables.push(tableOf(sender, await measureRounds(sender, file)));
    }
    return tables.join('\n\n');
  } finally {
    process.off('exit', cleanUp);
    cleanUp();
  }
}

async function measureRounds(sender: Sender, file: string): Promise<Record<Way, Upload>[]> {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({
      ring: await measure('ring', file),
      pcap: await measure('pcap', file),
      straight: measureStraight(sender, file),
    });
  return rounds;
}

function tableOf(sender: Sender, rounds: readonly Record<Way, Upload>[]): string {
  const of = (value: (round: Record<Way, Upload>) => number): Summary => summarize(rounds.map(value));
  const toPcap = (way: Way) => of((round) => round[way].bytesPerSec / round.pcap.bytesPerSec);
  const rate = (way: Way) => of((round) => round[way].bytesPerSec / 1e6);
  const { atLeast } = SENDERS[sender];
  return measuredTable(`an upload of 1 GiB with GRO on, every byte compared; the client sends ${sender}`, [
    ...ENGINES.map((engine) => ({ what: `${engine}: MB a second`, summary: rate(engine), digits: 0 })),
    { what: 'straight to the server, without a director: MB a second', summary: rate('straight'), digits: 0 },
    ...ENGINES.map((engine) => ({
      what: `${engine}: frames that the director handled`,
      summary: of((round) => round[engine].frames),
      digits: 0,
    })),
    {
      what: 'ratio of the rates, ring to pcap',
      summary: toPcap('ring'),
      digits: 1,
      bar: atLeast === undefined ? undefined : { atLeast },
    },
    { what: 'ratio of the rates, straight to pcap', summary: toPcap('straight'), digits: 1 },
  ]);
}

async function measure(engine: Engine, file: string): Promise<Upload> {
  const director = await startDirector(engine);
  const client = createClient({ socketPath: `/run/director/lab-${LAB}/director.sock`, timeoutMs: 5000 });
  const forwarded = async () => (await client.readStatus()).verdicts.Forward ?? 0;
  try {
    // Its neighbour is known by then.
    await sleep(1000);
    const before = await forwarded();
    const bytesPerSec = send(file);
    return { bytesPerSec, frames: (await forwarded()) - before };
  } finally {
    client.close();
    const end = ended(director);
    director.kill('SIGTERM');
    await end;
  }
}

/** The client takes the server for the one that holds the virtual address. */
function measureStraight(sender: Sender, file: string): Upload {
  const [link] = JSON.parse(lab('run', 'rs1', 'ip', '-j', 'link', 'show', 'eth0')) as [{ address: string }];
  const neighbor = (...words: string[]) => lab('run', 'client', 'ip', 'neigh', ...words);
  cutTowards('rs1', SENDERS[sender].tso);
  neighbor('replace', VIP, 'lladdr', link.address, 'dev', 'eth0', 'nud', 'permanent');
  try {
    return { bytesPerSec: send(file), frames: 0 };
  } finally {
    neighbor('del', VIP, 'dev', 'eth0');
    cutTowards('rs1', 'on');
  }
}

/** Returns bytes a second. */
const send = (file: string): number =>
  BYTES / Number(lab('run', 'client', process.execPath, PEER, 'send', file, VIP, String(PORT)));

/** TSO of the switch's port towards that host. */
function cutTowards(host: string, tso: 'on' | 'off'): void {
  execFileSync('nsenter', [`--net=/run/netns/${LAB}-lan`, 'ethtool', '-K', host, 'tso', tso]);
}

async function startDirector(engine: Engine): Promise<ChildProcess> {
  const script = join(packageRoot(), 'dist-bench/src/cli/director/main.js');
  const options = ['run', '--interface', 'eth0', '--datapath', engine];
  const child = await startInLab('director', 'director runs on', script, ...options);
  for (const line of RULES) lab('run', 'director', 'ipvsadm', ...line.split(' '));
  return child;
}

/** A program of Node.js; resolves when it has said that it is ready. */
async function startInLab(host: string, ready: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn('scripts/lab', ['run', host, process.execPath, ...args], {
    cwd: packageRoot(),
    env: { ...process.env, DIRECTOR_LAB: LAB },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (text) => String(text).includes(ready) && resolve());
    child.once('exit', () => reject(new Error(`${args.join(' ')} did not start`)));
  });
  return child;
}

function writeRandom(path: string): void {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const file = openSync(path, 'w');
  for (let written = 0; written < BYTES; written += CHUNK_BYTES) writeSync(file, randomFillSync(chunk));
  closeSync(file);
}

function lab(...args: string[]): string {
  return execFileSync('scripts/lab', args, {
    cwd: packageRoot(),
    env: { ...process.env, DIRECTOR_LAB: LAB },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
