/** Runs the programs of test/bench/perf and test/bench/ipvs-vm; says what they need. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/package-root.ts';

export const BENCH_FOLDER = join(packageRoot(), 'test/bench');
/** The director that this very build made. */
const ENVIRONMENT = { DIRECTOR_DIST: join(packageRoot(), 'dist-bench/src') };

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const NEEDED: Readonly<Record<string, string>> = {
  '/usr/bin/clang': 'clang',
  '/usr/bin/gcc': 'gcc',
  '/usr/bin/make': 'make',
  '/usr/include/bpf/libbpf.h': 'libbpf-dev',
  '/usr/sbin/bpftool': 'bpftool',
  '/usr/sbin/ethtool': 'ethtool',
  '/usr/sbin/nft': 'nftables',
  '/usr/bin/pgrep': 'procps',
  '/usr/bin/python3': 'python3',
};

const NEEDED_FOR_THE_VM: Readonly<Record<string, string>> = {
  '/usr/bin/qemu-system-x86_64': 'qemu-system-x86',
  '/usr/bin/busybox': 'busybox-static',
  '/usr/bin/cpio': 'cpio',
  '/usr/sbin/modprobe': 'kmod',
  '/usr/sbin/ipvsadm': 'ipvsadm',
  '/usr/bin/curl': 'curl',
};

/** The apt-get line that installs what is missing; undefined: nothing is. */
export function missingPackages(forTheVm: boolean): string | undefined {
  const needed = forTheVm ? { ...NEEDED, ...NEEDED_FOR_THE_VM } : NEEDED;
  // Where /usr is merged, /sbin is the same folder.
  const packages = Object.keys(needed).filter(
    (path) => !existsSync(path) && !existsSync(path.slice('/usr'.length)),
  );
  if (packages.length === 0) return undefined;
  return `apt-get install -y --no-install-recommends ${packages.map((path) => needed[path]).join(' ')}`;
}

/** The standard output of a program below test/bench. */
export function rig(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): string {
  const { status, signal, stdout, error } = spawnSync(join(BENCH_FOLDER, program), args, {
    encoding: 'utf8',
    env: { ...ENVIRONMENT, ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined) throw error;
  if (status === 0) return stdout;
  process.stderr.write(stdout);
  throw new Error(`${program} ${args.join(' ')}: ended with ${status ?? signal}`);
}

/** The lines of one.sh, in words. */
export function one(args: readonly string[], environment: Readonly<Record<string, string>> = {}): string[][] {
  const lines = rig('perf/one.sh', args, environment).trim().split('\n');
  return lines.map((line) => line.split(' '));
}

/** Whatever ends this process, the rig's namespaces go with it. */
export function withTestbed<T>(act: () => T): T {
  const down = () => rig('perf/one.sh', ['down']);
  const exit = () => process.exit(1);
  process.on('exit', down);
  for (const signal of SIGNALS) process.on(signal, exit);
  try {
    rig('perf/one.sh', ['up']);
    return act();
  } finally {
    process.off('exit', down);
    for (const signal of SIGNALS) process.off(signal, exit);
    down();
  }
}

export function build(): void {
  execFileSync('make', ['-s', '-C', join(BENCH_FOLDER, 'perf')], { stdio: 'inherit' });
}
