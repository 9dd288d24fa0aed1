/** Puts what was measured into docs/PERFORMANCE.md, between two comments that name it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../../src/package-root.ts';

const DOCUMENT = join(packageRoot(), 'docs/PERFORMANCE.md');

export function writeReport(name: string, tables: string, command = 'npm run bench'): void {
  const document = readFileSync(DOCUMENT, 'utf8');
  const begin = `<!-- ${command} writes this: ${name} -->\n`;
  const end = `<!-- end of ${name} -->`;
  const [from, to] = [document.indexOf(begin) + begin.length, document.indexOf(end)];
  if (from < begin.length || to < from) throw new Error(`docs/PERFORMANCE.md has no place for ${name}`);
  writeFileSync(DOCUMENT, `${document.slice(0, from)}${tables}\n${document.slice(to)}`);
}

/** When, of what and where: before the first measurement, for the load. */
export function circumstances(): string {
  const day = new Date().toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
  const system = readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="(.*)"$/m)?.[1];
  const [cpu] = cpus();
  return `${day}, ${commit()}, ${cpus().length} cores (${cpu?.model.trim()}), ${system}, Node.js ${process.versions.node}, Linux ${release()}, load ${loadavg()[0]!.toFixed(1)} at the start.`;
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', packageRoot(), ...args], { encoding: 'utf8' }).trim();
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'native') === '' ? '' : ' with changes';
    return `commit ${git('rev-parse', '--short', 'HEAD')}${changed}`;
  } catch {
    return 'no commit';
  }
}
