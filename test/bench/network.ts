/** What benches of a whole director run on: a veth pair between two namespaces, one to send and one to forward. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-root.ts';

const FLOWS = 1000;
export const VIRTUAL_ADDRESS = '10.99.0.100';
const PORT = 53;
export const SERVER = { address: '10.99.0.11', mac: '02:00:00:00:0b:11' };
export const DIRECTOR = { namespace: `dbench-d-${process.pid}`, interface: 'd0', mac: '02:00:00:00:0b:01' };
const CLIENT = { namespace: `dbench-c-${process.pid}`, interface: 'c0', mac: '02:00:00:00:0b:02' };

const SERVICE = `-u ${VIRTUAL_ADDRESS}:${PORT}`;
export const RULES = [`-A ${SERVICE} -s rr`, `-a ${SERVICE} -r ${SERVER.address}:${PORT} -g`];

export type Datapath = 'pcap' | 'ring' | 'xdp';

const running = new Set<ChildProcess>();

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

export function makeNamespaces(): void {
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

export function removeNamespaces(): void {
  for (const child of running) child.kill('SIGKILL');
  for (const { namespace } of [DIRECTOR, CLIENT]) ip(['netns', 'delete', namespace], true);
}

/** Sends more than anybody can forward, for so long. */
export function startGenerator(seconds: number): ChildProcess {
  return inNamespace(CLIENT.namespace, 0, [
    join(packageRoot(), 'test/bench/generator.mjs'),
    ...[
      CLIENT.interface,
      CLIENT.mac,
      DIRECTOR.mac,
      VIRTUAL_ADDRESS,
      String(PORT),
      String(FLOWS),
      String(seconds),
    ],
  ]);
}

export const socketIn = (folder: string): string => join(folder, 'director.sock');

export async function startDirector(
  folder: string,
  lines: readonly string[],
  datapath: Datapath = 'pcap',
  options: readonly string[] = [],
): Promise<ChildProcess> {
  const rules = join(folder, 'rules');
  writeFileSync(rules, `${lines.join('\n')}\n`);
  const script = join(packageRoot(), 'dist-bench/src/cli/director/main.js');
  const child = inNamespace(DIRECTOR.namespace, 1, [
    ...[script, 'run', '--datapath', datapath, '--interface', DIRECTOR.interface],
    ...['--rules', rules, '--socket', socketIn(folder), ...options],
  ]);
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (text) => String(text).includes('director runs on') && resolve());
    child.once('exit', () => reject(new Error('the director did not start')));
  });
  return child;
}

export function inNamespace(namespace: string, core: number, nodeArgs: readonly string[]): ChildProcess {
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

/** Frames that have come back out. */
export function framesBack(): number {
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

export const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
