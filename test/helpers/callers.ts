/** For tests of programs that call ipvsadm: Debian's own files of them, and a place where they find ours. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, run } from './netns.ts';

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/director-debian');

/**
 * The folder with the files of a Debian package, which is not installed by that; undefined, and a line that says
 * why, where none can be had.
 */
export async function unpackDebianPackage(name: string): Promise<string | undefined> {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'new-'));
  try {
    let result = await download(name, work);
    if (result.code !== 0) {
      await run('apt-get', ['-q', ...PATIENCE, 'update'], { timeoutMs: 60_000 }); // no lists yet, or old ones
      result = await download(name, work);
    }
    const file = readdirSync(work).find((each) => each.endsWith('.deb'));
    if (result.code === 0 && file !== undefined) {
      result = await run('dpkg-deb', ['-x', join(work, file), join(work, 'files')]);
      if (result.code === 0) {
        renameSync(join(work, 'files'), folder);
        return folder;
      }
    }
    console.warn(
      `SKIPPED: tests with Debian's package ${name}, which cannot be had: ${result.stderr.trim()}`,
    );
    return undefined;
  } finally {
    rmSync(work, { recursive: true });
  }
}

const PATIENCE = ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=10'];

const download = (name: string, folder: string): Promise<CommandResult> =>
  run('sh', ['-euc', 'cd "$0"; exec apt-get -q "$@"', folder, ...PATIENCE, 'download', name], {
    timeoutMs: 60_000,
  });

/**
 * The command line that runs a program for which the programs in `folder` are in /usr/sbin (and in /sbin, which is
 * the same), and for nobody else: callers of ipvsadm ask for it by that path.
 */
export function withProgramsInSbin(folder: string, ...command: string[]): [string, string[]] {
  const lines = 'mount -t overlay sbin -o "lowerdir=$0:/usr/sbin" /usr/sbin; exec "$@"';
  return ['unshare', ['--mount', 'sh', '-euc', lines, folder, ...command]];
}
