/**
 * scripts/lab for tests: the article's network under a name of its own, a director on it, and what tests ask of both.
 * A lab goes with the test file that made it, also when that file fails or is interrupted.
 */
import { type ChildProcess, execFileSync, type SpawnOptions } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, vi } from 'vitest';
import { createClient, type DirectorClient } from '../../src/control/client.ts';
import type { StatusReply } from '../../src/control/protocol.ts';
import { readNativeStatus } from '../../src/host/native.ts';
import { type CommandOptions, type CommandResult, describeWithRoot, must, Namespace } from './netns.ts';

export const CHECKOUT = join(import.meta.dirname, '../..');
const SCRIPTS = join(CHECKOUT, 'scripts');
const PROGRAMS = join(CHECKOUT, 'test/netns/programs');

export const VIP = '172.26.20.110';
export const VIP6 = 'fd00:172:26:20::110';
/** As scripts/lib/lab-network.sh numbers and names them. */
export const HOSTS = {
  client: { ipv4: '172.26.20.100', ipv6: 'fd00:172:26:20::100', mac: '02:00:ac:1a:14:64' },
  director: { ipv4: '172.26.20.111', ipv6: 'fd00:172:26:20::111', mac: '02:00:ac:1a:14:6f' },
  rs1: { ipv4: '172.26.20.112', ipv6: 'fd00:172:26:20::112', mac: '02:00:ac:1a:14:70' },
  rs2: { ipv4: '172.26.20.113', ipv6: 'fd00:172:26:20::113', mac: '02:00:ac:1a:14:71' },
} as const;
export type HostName = keyof typeof HOSTS;

/** Polling: a condition that is to come true soon, on a machine that others use, too. */
export const SOON = { timeout: 10_000, interval: 20 } as const;

const LAB_TOOLS = ['ethtool', 'nft', 'flock', 'setsid', 'ps', 'curl'];

/** describeWithRoot() for tests that run the built programs. */
export function describeWithDirector(name: string, tools: readonly string[], body: () => void): void {
  describeWithRoot(name, [...LAB_TOOLS, ...tools], () => {
    requireFreshBuild();
    body();
  });
}

/** What is tested is what is built, so an old build would prove nothing. */
function requireFreshBuild(): void {
  const main = join(CHECKOUT, 'dist/cli/director/main.js');
  const sources = readdirSync(join(CHECKOUT, 'src'), { recursive: true, encoding: 'utf8' });
  const changed = (path: string) => statSync(join(CHECKOUT, 'src', path)).mtimeMs;
  const newestMs = Math.max(...sources.filter((path) => path.endsWith('.ts')).map(changed));
  if (!existsSync(main) || statSync(main).mtimeMs < newestMs)
    throw new Error('dist/ is missing or older than src/: npm run build');
}

const living = new Set<string>();

// The last resort, as in netns.ts.
process.on('exit', () => {
  for (const name of living) {
    try {
      execFileSync(join(SCRIPTS, 'lab'), ['down'], {
        env: { ...process.env, DIRECTOR_LAB: name },
        stdio: 'ignore',
      });
    } catch {
      // what it could not remove, it said
    }
  }
});

export type DatapathName = 'xdp' | 'ring' | 'pcap';
/** What the suite runs over: xdp only where it is built, unless it must be (DIRECTOR_REQUIRE_ALL, see netns.ts). */
export const DATAPATHS: readonly DatapathName[] = hasXdp() ? ['pcap', 'ring', 'xdp'] : ['pcap', 'ring'];
/** Those whose path is in a process. */
export const IN_USER_SPACE = ['pcap', 'ring'] as const;

function hasXdp(): boolean {
  const status = readNativeStatus();
  if (status?.bpfAddon?.ok === true && status.bpfProgram?.ok === true) return true;
  const reason = 'the xdp datapath is not built: npm run build:native says why';
  if (process.env.DIRECTOR_REQUIRE_ALL === '1') throw new Error(reason);
  console.warn(`SKIPPED: tests over xdp: ${reason}`);
  return false;
}

/** Inside describe(): a lab that goes with it. `label` in small letters. */
export async function createLab(label: string, ...options: string[]): Promise<Lab> {
  const lab = new Lab(`e2e-${label}-${process.pid}`);
  living.add(lab.name);
  await lab.script('up', ...options);
  return lab;
}

export class Lab {
  readonly name: string;
  readonly folder: string;
  readonly socketPath: string;
  /** Where the xdp datapath pins. */
  readonly bpfFolder: string;
  readonly client: DirectorClient;
  private readonly env: Record<string, string>;

  constructor(name: string) {
    this.name = name;
    this.folder = `/run/director/lab-${name}`;
    this.socketPath = join(this.folder, 'director.sock');
    this.bpfFolder = `/sys/fs/bpf/director-lab-${name}`;
    this.client = createClient({ socketPath: this.socketPath, timeoutMs: 5000 });
    this.env = {
      DIRECTOR_LAB: name,
      DIRECTOR_SOCKET: this.socketPath,
      DIRECTOR_BPFFS: this.bpfFolder,
      PATH: `${join(this.folder, 'bin')}:${SCRIPTS}:${process.env.PATH}`,
    };
  }

  /** `lab up`, `lab unplug rs1` … */
  script(...args: string[]): Promise<string> {
    return must(join(SCRIPTS, 'lab'), args, { env: { DIRECTOR_LAB: this.name }, timeoutMs: 60_000 });
  }

  async down(): Promise<void> {
    this.client.close();
    await this.script('down');
    living.delete(this.name);
  }

  namespace(host: HostName): Namespace {
    return new Namespace(`${this.name}-${host}`);
  }

  /** As `lab run HOST COMMAND`, but without the shell script in between. */
  run(host: HostName, command: string, args: readonly string[] = [], options: CommandOptions = {}) {
    return this.namespace(host).run(command, args, this.withEnv(host, options));
  }

  must(host: HostName, command: string, args: readonly string[] = [], options: CommandOptions = {}) {
    return this.namespace(host).must(command, args, this.withEnv(host, options));
  }

  spawn(host: HostName, command: string, args: readonly string[] = [], options: SpawnOptions = {}) {
    const env = { ...process.env, ...this.env, DIRECTOR_RUN: join(this.folder, host) };
    return this.namespace(host).spawn(command, args, { env, ...options });
  }

  /** One of test/netns/programs, which says on its first line that it is ready. */
  async program(host: HostName, name: string, ...args: string[]): Promise<Program> {
    const child = this.spawn(host, process.execPath, [join(PROGRAMS, name), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const program = new Program(child);
    await vi.waitUntil(() => program.lines.length > 0, SOON);
    return program;
  }

  /** Of the lab's own web server on a host. */
  async webServerPid(host: HostName): Promise<number> {
    return Number(readFileSync(join(this.folder, `${host}.web.pid`), 'utf8').split(' ')[0]);
  }

  /** In place of one that was killed; the lab's own way of finding it again at the end. */
  async startWebServer(host: 'rs1' | 'rs2'): Promise<void> {
    await this.script('web', host);
  }

  async startDirector(datapath: DatapathName, ...args: string[]): Promise<RunningDirector> {
    const options = ['--interface', 'eth0', '--datapath', datapath, ...args];
    const child = this.spawn('director', 'director', ['run', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const director = new RunningDirector(child);
    await director.ready();
    return director;
  }

  /** One ipvsadm command line, as typed. */
  ipvsadm(line: string): Promise<CommandResult> {
    return this.run('director', 'ipvsadm', line.split(' '));
  }

  /** Everything that was configured before goes; `rules` as ipvsadm-save writes them. */
  async configure(...rules: string[]): Promise<void> {
    await this.must('director', 'ipvsadm', ['-C']);
    await this.must('director', 'ipvsadm', ['-R'], { input: `${rules.join('\n')}\n` });
  }

  /** A page as the client gets it: which server's it is, or what curl said. */
  async page(url: string, ...options: string[]): Promise<string> {
    const result = await this.run('client', 'curl', ['-gsS', '-m', '3', ...options, url]);
    return serverOf(result.stdout) ?? (result.stderr.trim() || result.stdout);
  }

  private withEnv(host: HostName, options: CommandOptions): CommandOptions {
    return { ...options, env: { ...this.env, DIRECTOR_RUN: join(this.folder, host), ...options.env } };
  }
}

/** The address that a lab's web server puts in its page. */
export const serverOf = (page: string): string | undefined =>
  /<h1>This is .*? ([\d.]+)<\/h1>/.exec(page)?.[1];

/** A process that says things line by line. */
export class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly exited: Promise<number | string>;

  constructor(child: ChildProcess) {
    this.child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => this.lines.push(line));
    this.exited = new Promise((resolve) =>
      child.on('close', (code, signal) => resolve(signal ?? code ?? -1)),
    );
  }

  /** Ends its input, by which the programs end, and waits. */
  async end(): Promise<void> {
    this.child.stdin?.end();
    await this.exited;
  }
}

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly time: string;
}

export class RunningDirector extends Program {
  stderr = '';

  constructor(child: ChildProcess) {
    super(child);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  get log(): LogLine[] {
    return this.lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** Messages from the `since`th line on. */
  messages(since = 0): string[] {
    return this.log.slice(since).map(({ msg }) => msg);
  }

  async ready(): Promise<void> {
    await vi.waitFor(
      () => expect(this.messages().join('\n') + this.stderr).toMatch(/director runs on/),
      SOON,
    );
  }

  /** Resolves with the exit code, or the name of the signal that it could not catch. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    this.child.kill(signal);
    return this.exited;
  }
}

/** Asks for the status again and again, as somebody who watches; finish() tells how it went. */
export function watchStatus(client: DirectorClient, intervalMs = 25) {
  const replies: StatusReply[] = [];
  const failures: string[] = [];
  let slowestMs = 0;
  let isEnding = false;
  const watching = (async () => {
    while (!isEnding) {
      const startMs = performance.now();
      await client.readStatus().then(
        (reply) => replies.push(reply),
        (error: Error) => failures.push(error.message),
      );
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
  })();
  return {
    replies,
    async finish() {
      isEnding = true;
      await watching;
      return { answers: replies.length, failures, slowestMs };
    },
  };
}

/** Inside describe(): takes down whatever labs the tests of this file made. */
export function labs(): { create(label: string, ...options: string[]): Promise<Lab> } {
  const mine: Lab[] = [];
  afterAll(async () => {
    for (const lab of mine.splice(0)) await lab.down();
  });
  return {
    async create(label, ...options) {
      const lab = await createLab(label, ...options);
      mine.push(lab);
      return lab;
    },
  };
}

/** The director's eth0 after it was deleted, as scripts/lib/lab-network.sh makes it. */
export async function makeInterfaceAnew(lab: Lab): Promise<void> {
  const inLan = (command: string) => `nsenter --net=/run/netns/${lab.name}-lan ${command}`;
  const offloads = 'tx off tso off gso off gro off';
  await lab.namespace('director').sh(`
    ip link add eth0 address ${HOSTS.director.mac} type veth peer name director
    ip link set director netns ${lab.name}-lan
    ${inLan('ip link set director master lan0 up')}
    ${inLan(`ethtool -K director ${offloads}`)} >/dev/null
    ethtool -K eth0 ${offloads} >/dev/null`);
}
