/**
 * The pcap engine end to end on veth, against the least that the cap package allows (bare-cap.mjs): the same frames,
 * in turns within one run. Generator on core 0, forwarder on core 1, frames counted where they come out.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-root.ts';
import { type Summary, summarize } from './statistics.ts';

const ROUNDS = 7;
const WINDOW_SEC = 1.5;
const FLOWS = 1000;
const VIRTUAL_ADDRESS = '10.99.0.100';
const PORT = 53;
const SERVER = { address: '10.99.0.11', mac: '02:00:00:00:0b:11' };
const DIRECTOR = { namespace: `dbench-d-${process.pid}`, interface: 'd0', mac: '02:00:00:00:0b:01' };
const CLIENT = { namespace: `dbench-c-${process.pid}`, interface: 'c0', mac: '02:00:00:00:0b:02' };

const SERVICE = `-u ${VIRTUAL_ADDRESS}:${PORT}`;
const RULES = [`-A ${SERVICE} -s rr`, `-a ${SERVICE} -r ${SERVER.address}:${PORT} -g`];

const running = new Set<ChildProcess>();

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

/** Runs `act` while a director with these rules serves on the bench's network; its socket is in `folder`. */
export async function withBenchNetwork<T>(
  folder: string,
  rules: readonly string[],
  act: () => T,
): Promise<T> {
  process.on('exit', removeNamespaces);
  try {
    makeNamespaces();
    const director = await startDirector(folder, rules);
    const result = act();
    const end = ended(director);
    director.kill('SIGTERM');
    await end;
    return result;
  } finally {
    removeNamespaces();
    process.off('exit', removeNamespaces);
  }
}

function makeNamespaces(): void {
  for (const { namespace } of [DIRECTOR, CLIENT]) ip(['netns', 'add', namespace]);
  const [d, c] = [DIRECTOR, CLIENT];
  ip([
    '-n',
    d.namespace,
    'link',
    'add',
    d.interface,
    'type',
    'veth',
    'peer',
    'name',
    c.interface,
    'netns',
    c.namespace,
  ]);
  for (const { namespace, interface: name, mac } of [d, c]) {
    ip(['-n', namespace, 'link', 'set', name, 'address', mac, 'up']);
    ip(['-n', namespace, 'link', 'set', 'lo', 'up']);
  }
  ip(['-n', d.namespace, 'address', 'add', '10.99.0.1/24', 'dev', d.interface]);
  ip(['-n', d.namespace, 'address', 'add', `${VIRTUAL_ADDRESS}/32`, 'dev', d.interface]);
  ip([
    '-n',
    d.namespace,
    'neigh',
    'add',
    SERVER.address,
    'lladdr',
    SERVER.mac,
    'dev',
    d.interface,
    'nud',
    'permanent',
  ]);
}

function removeNamespaces(): void {
  for (const child of running) child.kill('SIGKILL');
  for (const { namespace } of [DIRECTOR, CLIENT]) ip(['netns', 'delete', namespace], true);
}

/** Frames per second that come back out while the generator sends more than anybody can forward. */
async function rateOf(start: () => Promise<ChildProcess>): Promise<number> {
  const forwarder = await start();
  try {
    const generator = inNamespace(CLIENT.namespace, 0, [
      join(packageRoot(), 'test/bench/generator.mjs'),
      ...[
        CLIENT.interface,
        CLIENT.mac,
        DIRECTOR.mac,
        VIRTUAL_ADDRESS,
        String(PORT),
        String(FLOWS),
        String(WINDOW_SEC + 1),
      ],
    ]);
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

async function startDirector(folder: string, lines: readonly string[]): Promise<ChildProcess> {
  const rules = join(folder, 'rules');
  writeFileSync(rules, `${lines.join('\n')}\n`);
  const script = join(packageRoot(), 'dist-bench/src/cli/director/main.js');
  const socket = join(folder, 'director.sock');
  const child = inNamespace(DIRECTOR.namespace, 1, [
    ...[script, 'run', '--datapath', 'pcap', '--interface', DIRECTOR.interface],
    ...['--rules', rules, '--socket', socket],
  ]);
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (text) => String(text).includes('director runs on') && resolve());
    child.once('exit', () => reject(new Error('the director did not start')));
  });
  return child;
}

function inNamespace(namespace: string, core: number, nodeArgs: readonly string[]): ChildProcess {
  const command = [
    'nsenter',
    `--net=/run/netns/${namespace}`,
    'taskset',
    '-c',
    String(core),
    process.execPath,
  ];
  const child = spawn(command[0]!, [...command.slice(1), ...nodeArgs], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function framesBack(): number {
  const [link] = JSON.parse(
    ip(['-n', CLIENT.namespace, '-json', '-stats', 'link', 'show', CLIENT.interface]),
  );
  return link.stats64.rx.packets;
}

function ip(args: readonly string[], mayFail = false): string {
  try {
    return execFileSync('ip', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', mayFail ? 'ignore' : 'inherit'],
    });
  } catch (error) {
    if (mayFail) return '';
    throw error;
  }
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
