#!/usr/bin/env node
// Builds what is not TypeScript: the addon in native/ and, again, the cap package (see rebuildCap). Then loads
// each native part, writes what works to native/build/status.json, and says for what does not which command
// mends it. Nothing is downloaded: the Node.js headers must be on this machine.
//
//   node scripts/build-native.mjs              builds what is out of date; exits 0
//   node scripts/build-native.mjs --required   exits 1 when a part is missing
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
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

function onPath(program) {
  return (process.env.PATH ?? '')
    .split(':')
    .some((folder) => folder !== '' && existsSync(join(folder, program)));
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
  const telling = output.split('\n').filter((line) => /error|ERR! stack/i.test(line));
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

/** @returns {Part} */
function buildAddon(tools, nodeDir) {
  const built = join(buildDir, 'Release/director_host.node');
  const sources = readdirSync(nativeDir)
    .filter((name) => /\.(cc|c|h|gyp)$/.test(name))
    .map((name) => join(nativeDir, name));
  const upToDate = sources.every((source) => modified(source) < modified(built));
  if (!upToDate || tryRequire(built) !== undefined) {
    if (!tools.ok) return tools;
    const failure = gyp(nativeDir, ['configure', 'build'], nodeDir);
    if (failure !== undefined) {
      return missing(`native/ does not build: ${failure}`, 'apt-get install build-essential linux-libc-dev');
    }
  }
  const failure = tryRequire(built);
  return failure === undefined
    ? works
    : missing(`the addon does not load: ${failure}`, 'npm run build:native');
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
  addon: buildAddon(tools, nodeDir),
  cap: buildCap(tools, nodeDir),
  rawSocket: checkRawSocket(),
};

mkdirSync(buildDir, { recursive: true });
writeFileSync(`${statusFile}.${process.pid}`, `${JSON.stringify(status, null, 2)}\n`);
renameSync(`${statusFile}.${process.pid}`, statusFile);

const parts = [status.addon, status.cap, status.rawSocket];
for (const problem of new Set(parts.filter((part) => part.reason).map((p) => `${p.reason}: ${p.fix}`))) {
  console.error(`build-native: ${problem}`);
}
if (required && parts.some((part) => !part.ok)) process.exitCode = 1;
