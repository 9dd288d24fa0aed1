#!/usr/bin/env node
// Builds what is not TypeScript: the addons and BPF programs in native/ and, again, the cap package (see
// rebuildCap). Then loads each native part, writes what works to native/build/status.json, and says for what
// does not which command mends it. Nothing is downloaded: the Node.js headers must be on this machine.
//
//   node scripts/build-native.mjs              builds what is out of date; exits 0
//   node scripts/build-native.mjs --required   exits 1 when a part is missing
//
// What only the XDP datapath needs (bpfAddon, bpfProgram) is optional: the director works without it, and its
// absence is told but never makes --required fail.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const nativeDir = join(root, 'native');
const buildDir = join(nativeDir, 'build');
const statusFile = join(buildDir, 'status.json');
const nodeGyp = join(root, 'node_modules/node-gyp/bin/node-gyp.js');

const required = process.argv.includes('--required');

/** @typedef {{ ok: boolean, reason?: string, fix?: string }} Part */

/** @returns {Part} */
const missing = (reason, fix) => ({ ok: false, reason, fix });
const works = { ok: true };

function firstLine(text) {
  return (text ?? '').trim().split('\n')[0] ?? '';
}

const pathFolders = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '');

function onPath(program) {
  return pathFolders.some((folder) => existsSync(join(folder, program)));
}

/** The program of this name, or the newest of `clang-14`, `clang-15` and so on, as Debian calls them. */
function findVersioned(program) {
  if (onPath(program)) return program;
  const versions = pathFolders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => name.startsWith(`${program}-`) && /^\d+$/.test(name.slice(program.length + 1)))
    .map((name) => Number(name.slice(program.length + 1)));
  return versions.length === 0 ? undefined : `${program}-${Math.max(...versions)}`;
}

/** The prefix that holds include/node/node_api.h of the very Node.js that runs this. */
function findNodeDir() {
  const candidates = [dirname(dirname(realpathSync(process.execPath))), '/usr', '/usr/local'];
  for (const prefix of candidates) {
    const headers = join(prefix, 'include/node');
    if (!existsSync(join(headers, 'node_api.h'))) continue;
    const version = readFileSync(join(headers, 'node_version.h'), 'utf8');
    const modules = /#define NODE_MODULE_VERSION (\d+)/.exec(version)?.[1];
    if (modules === process.versions.modules) return prefix;
  }
  return undefined;
}

/** @returns {Part} */
function checkBuildTools(nodeDir) {
  const compiler = process.env.CXX?.split(' ')[0] ?? ['c++', 'g++'].find(onPath);
  if (compiler === undefined) return missing('there is no C++ compiler', 'apt-get install build-essential');
  if (!onPath('make')) return missing('there is no make', 'apt-get install build-essential');
  if (!onPath('python3')) return missing('node-gyp needs python3', 'apt-get install python3');
  if (nodeDir === undefined) {
    return missing(
      `the headers of Node.js ${process.version} (include/node/node_api.h) are not installed`,
      'apt-get install libnode-dev (or nodejs from nodesource.com or nodejs.org, which bring them)',
    );
  }
  if (!existsSync(nodeGyp)) return missing('node-gyp is not installed', 'npm ci');
  return works;
}

/** Runs node-gyp in `folder`. Returns what went wrong, or undefined. */
function gyp(folder, commands, nodeDir, env = {}) {
  const run = spawnSync(process.execPath, [nodeGyp, ...commands, `--nodedir=${nodeDir}`], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: {
      ...process.env,
      // binding.gyp calls `node`: let it be this one.
      PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
      npm_config_nodedir: nodeDir,
      npm_package_config_node_gyp_nodedir: nodeDir,
      ...env,
    },
  });
  if (run.status === 0) return undefined;
  const output = `${run.stdout ?? ''}\n${run.stderr ?? ''}`;
  const telling = output.split('\n').filter((line) => /\berror\b|ERR! stack/i.test(line));
  return firstLine(telling[0] ?? run.error?.message ?? `node-gyp ended with status ${run.status}`);
}

/** Loads `path` in a process of its own: a broken addon may take its process along. */
function tryRequire(path) {
  const run = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', path], {
    cwd: root,
    encoding: 'utf8',
  });
  if (run.status === 0) return undefined;
  const lines = (run.stderr ?? '').split('\n');
  return firstLine(lines.find((line) => line.includes('Error:')) ?? lines[0] ?? `ended with ${run.signal}`);
}

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** How to compile and link with libbpf 1.0 or newer. Undefined: it is not here. */
function findLibbpf() {
  const pkgConfig = (...args) => spawnSync('pkg-config', [...args, 'libbpf >= 1.0'], { encoding: 'utf8' });
  if (pkgConfig('--exists').status === 0) {
    return { cflags: pkgConfig('--cflags').stdout.trim(), libs: pkgConfig('--libs').stdout.trim() };
  }
  const probe = `#include <bpf/libbpf.h>
#if LIBBPF_MAJOR_VERSION < 1
#error too old
#endif
int main() { return libbpf_num_possible_cpus() < 0; }`;
  const [compiler, ...words] = (process.env.CXX ?? 'c++').split(' ');
  const link = [...words, '-x', 'c++', '-', '-lbpf', '-o', '/dev/null'];
  return spawnSync(compiler, link, { input: probe }).status === 0 ? { cflags: '', libs: '-lbpf' } : undefined;
}

const inNative = (names) => names.map((name) => join(nativeDir, name));
const ofBpfAddon = (name) => name.startsWith('bpf_');
const ofBothAddons = (name) => /^(netlink_socket|syscall_result|binding)\./.test(name);
const addonSources = readdirSync(nativeDir).filter((name) => /\.(cc|c|h|gyp)$/.test(name));

/**
 * Builds a target of native/binding.gyp, if it is out of date or does not load. Returns what went wrong.
 * Each target on its own: one that does not compile is not in the way of the others.
 */
function buildTarget(target, sources, nodeDir, libbpf) {
  const built = join(buildDir, `Release/${target}.node`);
  const upToDate = inNative(sources).every((source) => modified(source) < modified(built));
  if (upToDate && tryRequire(built) === undefined) return undefined;
  if (!tools.ok) return tools;
  const failure = gyp(nativeDir, ['configure', 'build', target], nodeDir, {
    DIRECTOR_LIBBPF_CFLAGS: libbpf?.cflags ?? '',
    DIRECTOR_LIBBPF_LIBS: libbpf?.libs ?? '',
  });
  if (failure !== undefined) {
    return missing(`${target} does not build: ${failure}`, 'apt-get install build-essential linux-libc-dev');
  }
  const refusal = tryRequire(built);
  return refusal === undefined
    ? undefined
    : missing(`${target} does not load: ${refusal}`, 'npm run build:native');
}

/** @returns {Part} */
function buildAddon(nodeDir) {
  const sources = addonSources.filter((name) => !ofBpfAddon(name));
  return buildTarget('director_host', sources, nodeDir) ?? works;
}

/** @returns {Part} */
function buildBpfAddon(nodeDir) {
  const sources = addonSources.filter((name) => ofBpfAddon(name) || ofBothAddons(name));
  const libbpf = findLibbpf();
  if (libbpf === undefined) {
    return missing(
      'libbpf 1.0 or newer (bpf/libbpf.h), which the XDP datapath needs, is not installed',
      'apt-get install libbpf-dev pkg-config && npm run build:native',
    );
  }
  return buildTarget('director_bpf', sources, nodeDir, libbpf) ?? works;
}

/** What the compiler calls this machine: Debian's folder below /usr/include, and libbpf's bpf_tracing.h. */
const BPF_MACHINES = {
  x64: { multiarch: 'x86_64-linux-gnu', target: 'x86' },
  arm64: { multiarch: 'aarch64-linux-gnu', target: 'arm64' },
  arm: { multiarch: 'arm-linux-gnueabihf', target: 'arm' },
  ppc64: { multiarch: 'powerpc64le-linux-gnu', target: 'powerpc' },
  riscv64: { multiarch: 'riscv64-linux-gnu', target: 'riscv' },
  s390x: { multiarch: 's390x-linux-gnu', target: 's390' },
};

/** Compiles one program. Returns what went wrong, or undefined. */
function compileBpf(clang, source, built) {
  const machine = BPF_MACHINES[process.arch];
  const where = machine ? [`-I/usr/include/${machine.multiarch}`, `-D__TARGET_ARCH_${machine.target}`] : [];
  const libbpf = (findLibbpf()?.cflags ?? '').split(' ').filter((word) => word !== '');
  // Built beside and renamed: whoever loads it meanwhile gets the old one or the new one.
  const unfinished = `${built}.${process.pid}`;
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror', ...where, ...libbpf];
  const run = spawnSync(clang, [...flags, '-c', source, '-o', unfinished], { encoding: 'utf8' });
  if (run.status !== 0) {
    rmSync(unfinished, { force: true });
    const lines = (run.stderr ?? '').split('\n');
    return firstLine(lines.find((line) => line.includes('error:')) ?? lines[0] ?? run.error?.message);
  }
  // What is for debuggers goes; the types (BTF) stay.
  const strip = findVersioned('llvm-strip');
  if (strip !== undefined) spawnSync(strip, ['-g', unfinished]);
  renameSync(unfinished, built);
  return undefined;
}

/** @returns {Part} */
function buildBpfProgram() {
  const folder = join(nativeDir, 'bpf');
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const newest = Math.max(0, ...files.map(modified));
  for (const source of files.filter((file) => file.endsWith('.bpf.c'))) {
    const built = join(buildDir, 'bpf', basename(source).replace(/\.c$/, '.o'));
    if (newest < modified(built)) continue;
    const clang = findVersioned('clang');
    if (clang === undefined) {
      return missing(
        'clang, which compiles the XDP datapath, is not installed',
        'apt-get install clang llvm libbpf-dev pkg-config && npm run build:native',
      );
    }
    mkdirSync(dirname(built), { recursive: true });
    const failure = compileBpf(clang, source, built);
    if (failure !== undefined) {
      return missing(
        `native/bpf/${basename(source)} does not build: ${failure}`,
        'apt-get install clang llvm libbpf-dev linux-libc-dev && npm run build:native',
      );
    }
  }
  return works;
}

/**
 * cap asserts that its interface stays up (mscdex/cap#82): one that goes down aborts the whole process. Built
 * without assertions the capture falls silent instead, and can be closed and opened anew. npm builds it with
 * them; the assertion's text in the binary tells which one this is.
 */
function rebuildCap(folder, tools, nodeDir) {
  const built = join(folder, 'build/Release/cap.node');
  const asserts = !existsSync(built) || readFileSync(built).includes('status == 0');
  if (!asserts && tryRequire('cap') === undefined) return works;
  if (!tools.ok) return tools;
  const failure = gyp(folder, ['rebuild'], nodeDir, {
    CXXFLAGS: `${process.env.CXXFLAGS ?? ''} -DNDEBUG`.trim(),
  });
  if (failure === undefined) return works;
  if (failure.includes('pcap')) {
    return missing('cap does not build: pcap/pcap.h is missing', 'apt-get install libpcap-dev');
  }
  return missing(
    `cap does not build: ${failure}`,
    'apt-get install build-essential libpcap-dev python3 && npm ci',
  );
}

/** @returns {Part} */
function buildCap(tools, nodeDir) {
  const folder = join(root, 'node_modules/cap');
  if (!existsSync(folder)) {
    return missing(
      'the package cap is not installed (npm drops it when it does not build)',
      'apt-get install build-essential python3 libpcap-dev && npm ci',
    );
  }
  const rebuilt = rebuildCap(folder, tools, nodeDir);
  const failure = tryRequire('cap');
  if (failure !== undefined) {
    return rebuilt.ok ? missing(`cap does not load: ${failure}`, 'apt-get install libpcap0.8') : rebuilt;
  }
  // It works but for the assertion: usable, and the datapath process is restarted when the interface goes down.
  return rebuilt.ok ? { ok: true, assertions: false } : { ...rebuilt, ok: true, assertions: true };
}

/** @returns {Part} */
function checkRawSocket() {
  if (!existsSync(join(root, 'node_modules/raw-socket'))) {
    return missing(
      'the package raw-socket is not installed (npm drops it when it does not build)',
      'apt-get install build-essential python3 && npm ci',
    );
  }
  const failure = tryRequire('raw-socket');
  return failure === undefined
    ? works
    : missing(`raw-socket does not load: ${failure}`, 'npm rebuild raw-socket');
}

const nodeDir = findNodeDir();
const tools = checkBuildTools(nodeDir);
const status = {
  node: process.version,
  addon: buildAddon(nodeDir),
  cap: buildCap(tools, nodeDir),
  rawSocket: checkRawSocket(),
  bpfAddon: buildBpfAddon(nodeDir),
  bpfProgram: buildBpfProgram(),
};

mkdirSync(buildDir, { recursive: true });
writeFileSync(`${statusFile}.${process.pid}`, `${JSON.stringify(status, null, 2)}\n`);
renameSync(`${statusFile}.${process.pid}`, statusFile);

const needed = [status.addon, status.cap, status.rawSocket];
const optional = [status.bpfAddon, status.bpfProgram];
for (const problem of new Set(
  [...needed, ...optional].filter((part) => part.reason).map((p) => `${p.reason}: ${p.fix}`),
)) {
  console.error(`build-native: ${problem}`);
}
if (required && needed.some((part) => !part.ok)) process.exitCode = 1;
