/**
 * Network namespaces for tests that touch the kernel. Every namespace has a name of its own (process id and
 * number), so that test runs do not meet, and goes with the test that made it, also when that test fails or
 * the run is interrupted. Nothing is ever made in the namespace the tests are started from.
 */
import { type ChildProcess, execFile, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, describe } from 'vitest';

export interface CommandResult {
  /** Exit code; -1 if a signal ended the command. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Added to the environment of the test run. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** Runs a command to its end. Never throws for an exit code: tests look at it. */
export function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { env, input, timeoutMs = 30_000 } = options;
  return new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr: code === -1 && stderr === '' ? String(error) : stderr });
      },
    );
    if (input !== undefined) child.stdin?.end(input);
  });
}

/** Runs a command that has to succeed; its stdout. */
export async function must(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    throw new Error(
      `${command} ${args.join(' ')}: exit ${result.code}\n${result.stdout}${result.stderr}`.trimEnd(),
    );
  }
  return result.stdout;
}

/** One network namespace by its name under /run/netns, made here or by scripts/lab. */
export class Namespace {
  readonly name: string;
  #children: ChildProcess[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** The command line that runs a command in here. `ip netns exec` would hide /sys/fs/bpf. */
  commandLine(command: string, args: readonly string[] = []): [string, string[]] {
    return ['nsenter', [`--net=/run/netns/${this.name}`, command, ...args]];
  }

  run(command: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> {
    return run(...this.commandLine(command, args), options);
  }

  must(command: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<string> {
    return must(...this.commandLine(command, args), options);
  }

  /** Runs lines of `sh -eu`. */
  sh(lines: string, options: CommandOptions = {}): Promise<string> {
    return this.must('sh', ['-euc', lines], options);
  }

  /** What a command with --json or -json prints. */
  async json<T = unknown>(command: string, args: readonly string[]): Promise<T> {
    const text = await this.must(command, args);
    return JSON.parse(text === '' ? '[]' : text) as T;
  }

  /** Starts a command and leaves it running; destroy() ends it. */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    const child = spawn(...this.commandLine(command, args), options);
    this.#children.push(child);
    return child;
  }

  /** Ends what spawn() started and deletes the namespace. Works half-way and twice. */
  async destroy(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#children = [];
    if (existsSync(`/run/netns/${this.name}`)) await run('ip', ['netns', 'del', this.name]);
    living.delete(this);
  }
}

const living = new Set<Namespace>();
let made = 0;

// The last resort: a test file that ended without its afterAll, by an exception or an interrupt.
process.on('exit', () => {
  for (const { name } of living) {
    try {
      execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
    } catch {
      // gone already
    }
  }
});

/** Makes a namespace with lo up. Whoever makes it destroys it; namespaces() does that by itself. */
export async function createNamespace(label = 'host'): Promise<Namespace> {
  const namespace = new Namespace(`dirtest-${process.pid}-${++made}-${label}`);
  living.add(namespace);
  await must('ip', ['netns', 'add', namespace.name]);
  await namespace.must('ip', ['link', 'set', 'lo', 'up']);
  return namespace;
}

/** Inside describe(): namespaces that go with it. */
export function namespaces(): { create(label?: string): Promise<Namespace>; destroyAll(): Promise<void> } {
  const mine: Namespace[] = [];
  const destroyAll = async () => {
    for (const namespace of mine.splice(0).reverse()) await namespace.destroy();
  };
  afterAll(destroyAll);
  return {
    async create(label) {
      const namespace = await createNamespace(label);
      mine.push(namespace);
      return namespace;
    },
    destroyAll,
  };
}

/** A cable (veth) between two namespaces, both ends down and without addresses. */
export async function connect(a: Namespace, aName: string, b: Namespace, bName: string): Promise<void> {
  const end = ['peer', 'name', bName, 'netns', b.name];
  await must('ip', ['link', 'add', aName, 'netns', a.name, 'type', 'veth', ...end]);
}

/** Names of /run/netns, for tests that show that nothing leaks. */
export async function listNamespaces(): Promise<string[]> {
  const rows = JSON.parse((await must('ip', ['-json', 'netns', 'list'])) || '[]') as { name: string }[];
  return rows.map((row) => row.name).sort();
}

/** Which of `root` and the named tools this machine lacks. */
export function missingNeeds(tools: readonly string[]): string[] {
  const missing = process.getuid?.() === 0 ? [] : ['root'];
  return [...missing, ...tools.filter((tool) => !isOnPath(tool))];
}

function isOnPath(tool: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * describe() for tests that need root, `ip`, `nsenter` and the tools named. Where something is missing the
 * tests are skipped, and their title says what is missing. With DIRECTOR_REQUIRE_ALL=1 (scripts/test and CI,
 * which install everything) a missing need is a failure instead.
 */
export const describeWithRoot = (name: string, tools: readonly string[], body: () => void): void =>
  describeUnless(missingNeeds(['ip', 'nsenter', ...tools]), name, body);

/** The same for tests that need no root. */
export const describeWithTools = (name: string, tools: readonly string[], body: () => void): void =>
  describeUnless(
    tools.filter((tool) => !isOnPath(tool)),
    name,
    body,
  );

function describeUnless(missing: readonly string[], name: string, body: () => void): void {
  if (missing.length === 0) {
    describe(name, body);
  } else if (process.env.DIRECTOR_REQUIRE_ALL === '1') {
    throw new Error(`${name}: needs ${missing.join(', ')}, and DIRECTOR_REQUIRE_ALL=1 forbids to skip`);
  } else {
    console.warn(`SKIPPED: ${name}: needs ${missing.join(', ')}`); // the default reporter hides titles of skips
    describe.skip(`${name} (skipped: needs ${missing.join(', ')})`, body);
  }
}
