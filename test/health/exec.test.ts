import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { ExecCheck } from '../../src/health/check.ts';
import { environmentOf } from '../../src/health/checks/exec.ts';
import { runCheck } from '../../src/health/run-check.ts';
import { bad, check, GOOD, LONG_MS, targetOn } from './loopback.ts';

const folder = mkdtempSync(join(tmpdir(), 'exec-check-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sh = (script: string, ...args: string[]): ExecCheck => ({
  kind: 'exec',
  program: '/bin/sh',
  args: ['-c', script, 'sh', ...args],
});
const TARGET = targetOn(8080, {
  virtual: { protocol: 'tcp', address: '192.0.2.1', port: 80 },
  service: 'shop',
});

/** Whether a process with this number is there, and no zombie. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('an exec check', { timeout: 30_000 }, () => {
  test('is good when the program ends with 0', async () => {
    expect(await check(sh('echo all is well'), TARGET)).toEqual(GOOD);
  });

  test.each([
    ['exit 2', 'exit code 2'],
    ['echo starting; echo "disk full"; echo; exit 2', 'exit code 2: disk full'],
    ['echo words; echo error >&2; echo more; exit 1', 'exit code 1: error'],
    ['printf "\\033[31mred\\033[0m\\a line" ; exit 1', 'exit code 1: [31mred [0m line'],
    ['kill -SEGV $$', 'ended by SIGSEGV'],
    ['no-such-command', /^exit code 127: .*not found/],
  ])('of `%s`', async (script, cause) => {
    expect(await check(sh(script), TARGET)).toEqual(bad(cause));
  });

  test('hands its arguments on as they are', async () => {
    expect(await check(sh('echo "$1|$2"; exit 1', 'a b', '$HOME'), TARGET)).toEqual(
      bad('exit code 1: a b|$HOME'),
    );
  });

  test('tells the program what is checked, and nothing else', async () => {
    process.env.NOTIFY_SOCKET = '@not-for-programs';
    const path = join(folder, 'environment');
    expect(await check(sh('env > "$1"; pwd >> "$1"', path), TARGET, LONG_MS)).toEqual(GOOD);
    delete process.env.NOTIFY_SOCKET;
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines.at(-1)).toBe('/');
    expect(lines.filter((line) => !/^(PATH|PWD|OLDPWD|SHLVL|_)=/.test(line)).sort()).toEqual([
      '/',
      'DIRECTOR_CHECK_ADDRESS=127.0.0.1',
      'DIRECTOR_CHECK_MARK=0',
      'DIRECTOR_CHECK_PORT=8080',
      'DIRECTOR_CHECK_PROTOCOL=tcp',
      'DIRECTOR_CHECK_SERVICE=shop',
      `DIRECTOR_CHECK_TIMEOUT_MS=${LONG_MS}`,
      'DIRECTOR_CHECK_VIRTUAL_ADDRESS=192.0.2.1',
      'DIRECTOR_CHECK_VIRTUAL_PORT=80',
      'LC_ALL=C.UTF-8',
    ]);
  });

  test('has an environment that the documentation lists', () => {
    const documented = readFileSync(join(import.meta.dirname, '../../docs/HEALTH-CHECKS.md'), 'utf8');
    const names = [...documented.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    expect(names.sort()).toEqual(Object.keys(environmentOf(TARGET, 1000)).sort());
  });

  /** Starts a check of a program that leaves two numbers of processes in a file; they must be gone after it. */
  async function pidsOf(ending: string, timeoutMs: number, controller = new AbortController()) {
    const path = join(folder, `pids-${ending.length}-${timeoutMs}`);
    writeFileSync(path, '');
    const script = `sleep 600 & echo $$ $! > "$1"; echo waiting; ${ending}`;
    const result = runCheck(sh(script, path), TARGET, timeoutMs, controller.signal);
    await expect.poll(() => readFileSync(path, 'utf8'), { timeout: LONG_MS }).toMatch(/\d+ \d+\n/);
    return { result, pids: readFileSync(path, 'utf8').trim().split(' ').map(Number) };
  }
  const allGone = (pids: readonly number[]) =>
    expect.poll(() => pids.filter(isAlive), { timeout: LONG_MS }).toEqual([]);

  test('at its timeout kills the program and what it started', async () => {
    const { result, pids } = await pidsOf('wait', 2000);
    expect(await result).toEqual(bad('no end within 2 s: waiting'));
    await allGone(pids);
  });

  test('that ignores signals does not outlive its timeout', async () => {
    const { result, pids } = await pidsOf('trap "" TERM INT HUP; wait; wait', 2001);
    expect(await result).toEqual(bad('no end within 2.001 s: waiting'));
    await allGone(pids);
  });

  test('that is cancelled kills them, too', async () => {
    const controller = new AbortController();
    const { result, pids } = await pidsOf('wait', LONG_MS, controller);
    controller.abort();
    expect(await result).toEqual(bad('cancelled'));
    await allGone(pids);
  });

  test('takes with it what the program left running', async () => {
    const { result, pids } = await pidsOf('exit 3', LONG_MS);
    expect(await result).toEqual(bad('exit code 3: waiting'));
    await allGone(pids);
  });

  test('does not wait for what left the group and holds the output open', async () => {
    const path = join(folder, 'pid');
    const script = 'setsid sleep 600 & echo $! > "$1"; echo left; exit 4';
    expect(await check(sh(script, path), TARGET)).toEqual(bad('exit code 4: left'));
    process.kill(Number(readFileSync(path, 'utf8')), 'SIGKILL');
  });

  test('ends a program that writes without end', async () => {
    expect(await check({ kind: 'exec', program: '/usr/bin/yes', args: [] }, TARGET)).toEqual(
      bad('more than 1 MiB of output'),
    );
  });

  test('of a long line keeps its beginning', async () => {
    const { cause } = await check(sh("head -c 3000 /dev/zero | tr '\\0' x; exit 1"), TARGET);
    expect(cause).toMatch(/^exit code 1: x{200}…$/);
  });

  test.each([
    ['/nonexistent/program', /^\/nonexistent\/program is missing/],
    ['/etc/passwd', '/etc/passwd is not executable'],
    ['/etc/\0passwd', /null bytes/],
  ])('of a program that cannot be started: %j', async (program, cause) => {
    expect(await check({ kind: 'exec', program, args: [] }, TARGET)).toEqual(bad(cause));
  });
});
