/** Network namespaces for tests of the kernel seam: made here, used by child processes, removed whatever happens. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Undefined when namespaces can be made here; else what is missing. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const probe = `dprobe${process.pid}`;
  try {
    sh(`ip netns add ${probe}`);
    sh(`ip netns del ${probe}`);
    return undefined;
  } catch (error) {
    return `cannot make a network namespace: ${(error as Error).message}`;
  }
}

export function sh(command: string): string {
  return execFileSync('sh', ['-ec', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A director and a server, joined by a veth pair: d0 198.18.0.1 and s0 198.18.0.2, 2001:db8::1 and ::2. */
export class Lab {
  readonly director: string;
  readonly server: string;
  private readonly children: ChildProcess[] = [];

  constructor(name: string) {
    this.director = `dn${process.pid}${name}d`;
    this.server = `dn${process.pid}${name}s`;
    try {
      for (const namespace of [this.director, this.server]) {
        sh(`ip netns add ${namespace}; ip -n ${namespace} link set lo up`);
      }
      this.makeWire();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  makeWire(): void {
    sh(`
      ip -n ${this.director} link add d0 type veth peer name s0 netns ${this.server}
      ip -n ${this.director} addr add 198.18.0.1/24 dev d0
      ip -n ${this.director} addr add 2001:db8::1/64 dev d0 nodad
      ip -n ${this.server} addr add 198.18.0.2/24 dev s0
      ip -n ${this.server} addr add 2001:db8::2/64 dev s0 nodad
      ip -n ${this.director} link set d0 up
      ip -n ${this.server} link set s0 up
    `);
  }

  /** Runs `ip` in the director's namespace. */
  ip(args: string): string {
    return sh(`ip -n ${this.director} ${args}`);
  }

  /** Runs `ip` in the server's namespace. */
  serverIp(args: string): string {
    return sh(`ip -n ${this.server} ${args}`);
  }

  /** A TypeScript program of test/native in the director's namespace; it is spoken to in lines of JSON. */
  run(script: string, ...args: string[]): Talker {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const command = ['netns', 'exec', this.director, process.execPath, '--import', 'tsx', path, ...args];
    const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.children.push(child);
    return new Talker(child);
  }

  remove(): void {
    for (const child of this.children) child.kill('SIGKILL');
    for (const namespace of [this.director, this.server]) {
      try {
        sh(`ip netns del ${namespace}`);
      } catch {
        // It was not made.
      }
    }
  }
}

export interface Line {
  readonly atMs: number;
  readonly [field: string]: unknown;
}

/** A child that prints JSON lines and takes some. */
export class Talker {
  readonly lines: Line[] = [];
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.lines.push({ ...JSON.parse(line), atMs: performance.now() });
      for (const wake of [...this.waiting]) wake();
    });
  }

  say(command: object): void {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  /** The first line from `from` on that `wanted` takes. */
  async line(what: string, wanted: (line: Line) => boolean, from = 0, timeoutMs = 10_000): Promise<Line> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = this.lines.slice(from).find(wanted);
      if (found !== undefined) return found;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0)
        throw new Error(`no line: ${what}; heard ${JSON.stringify(this.lines.slice(from), null, 1)}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, leftMs);
        this.waiting.add(wake);
      });
    }
  }

  /** Ends its input; resolves with its exit code. */
  async end(): Promise<number | null> {
    this.child.stdin!.end();
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }
}
