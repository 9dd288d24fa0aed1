/**
 * What does a program of the user's say? It runs in a process group of its own, which is killed whole when the
 * check is over: also what the program left running when it ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { causeOf } from '../cause.ts';
import type { CheckTarget, ExecCheck } from '../check.ts';
import { OutputTail } from '../program-output.ts';
import type { Settle, Start } from '../running.ts';

/** A program that writes more is stopped: reading it would cost the daemon its processor. */
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** For the last output of a program that has ended, in case something outside of its group holds the pipe open. */
const LAST_OUTPUT_MS = 100;
/** When the daemon has none, as in systemd.exec(5). */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const startExec: Start<ExecCheck> = ({ program, args }, target, settle, timeoutMs) => {
  const child = spawn(program, args, {
    cwd: '/',
    env: environmentOf(target, timeoutMs),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = followOutput(child, settle);
  let lastOutput: NodeJS.Timeout | undefined;
  let hasEnded = false;
  child.on('error', (error) => settle(causeOfStart(program, error)));
  child.on('exit', (code, signal) => {
    hasEnded = true;
    killGroup(child);
    const judge = () => settle(judgeEnd(code, signal, output()));
    child.on('close', judge);
    lastOutput = setTimeout(judge, LAST_OUTPUT_MS);
  });
  return {
    stop() {
      clearTimeout(lastOutput);
      if (!hasEnded) killGroup(child);
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    },
    onTimeout: (within) => `no end ${within}${afterColon(output())}`,
  };
};

/** docs/HEALTH-CHECKS.md has this as a table. Nothing else of our own environment is passed on. */
export function environmentOf(target: CheckTarget, timeoutMs: number): NodeJS.ProcessEnv {
  const { address, port, mark, virtual, service } = target;
  return {
    PATH: process.env.PATH ?? DEFAULT_PATH,
    LC_ALL: 'C.UTF-8',
    DIRECTOR_CHECK_ADDRESS: address,
    DIRECTOR_CHECK_PORT: String(port),
    DIRECTOR_CHECK_MARK: String(mark),
    DIRECTOR_CHECK_VIRTUAL_ADDRESS: virtual?.address ?? '',
    DIRECTOR_CHECK_VIRTUAL_PORT: String(virtual?.port ?? ''),
    DIRECTOR_CHECK_PROTOCOL: virtual?.protocol ?? '',
    DIRECTOR_CHECK_SERVICE: service,
    DIRECTOR_CHECK_TIMEOUT_MS: String(timeoutMs),
  };
}

/** The result gives the last line so far: of standard error, else of standard output. */
function followOutput(child: ChildProcess, settle: Settle): () => string {
  const [stdout, stderr] = [new OutputTail(), new OutputTail()];
  const follow = (tail: OutputTail) => (chunk: Buffer) => {
    tail.add(chunk);
    if (stdout.lengthBytes + stderr.lengthBytes > MAX_OUTPUT_BYTES) settle('more than 1 MiB of output');
  };
  child.stdout?.on('data', follow(stdout));
  child.stderr?.on('data', follow(stderr));
  return () => stderr.lastLine || stdout.lastLine;
}

/** The group has the number of its first process. ESRCH: nothing is left of it. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nothing to kill
  }
}

function judgeEnd(code: number | null, signal: NodeJS.Signals | null, lastLine: string): string | null {
  if (code === 0) return null;
  return `${code === null ? `ended by ${signal}` : `exit code ${code}`}${afterColon(lastLine)}`;
}

const afterColon = (text: string): string => (text === '' ? '' : `: ${text}`);

function causeOfStart(program: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `${program} is missing, or the interpreter in its first line`;
  if (error.code === 'EACCES') return `${program} is not executable`;
  return `${program}: ${causeOf(error)}`;
}
