/** scripts/install into a folder of its own: what is there runs without the checkout, and all of it goes again. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpackDebianPackage, withProgramsInSbin } from '../helpers/callers.ts';
import {
  type CommandOptions,
  type CommandResult,
  describeWithRoot,
  type Namespace,
  namespaces,
  run,
} from '../helpers/netns.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/install');
const folder = mkdtempSync(join(tmpdir(), 'director-install-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const install = (...args: string[]): Promise<CommandResult> => run(SCRIPT, args, { timeoutMs: 60_000 });

const realIpvsadm = ['/usr/sbin/ipvsadm', '/sbin/ipvsadm'].find((path) => existsSync(path));
if (realIpvsadm !== undefined) console.warn(`SKIPPED: install --as-ipvsadm, since there is ${realIpvsadm}`);
const ipvsadmPackage = await unpackDebianPackage('ipvsadm');

describe('the command line of install', () => {
  test.each([
    [['--frob'], '--frob: not an option'],
    [['--prefix'], '--prefix: its value is missing'],
    [['--prefix', 'here'], '--prefix here: write an absolute path'],
    [['--prefix='], '--prefix : write an absolute path'],
  ])('%j exits 2 and says why', async (args, message) => {
    const result = await install(...args);
    expect(result.stderr).toContain(message);
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });

  test('--dry-run shows what would come for the whole host, and changes nothing', async () => {
    const planned = await install('--prefix', join(folder, 'none'), '--dry-run');
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout).toContain(`write ${folder}/none/sbin/diradm\n`);
    expect(planned.stdout).not.toMatch(/groupadd|systemd/);
    expect(existsSync(join(folder, 'none'))).toBe(false);
    expect((await install('--dry-run')).stdout).toContain('write /usr/local/sbin/director\n');
  });

  test('a program of others is not overwritten', async () => {
    mkdirSync(join(folder, 'theirs/sbin'), { recursive: true });
    writeFileSync(join(folder, 'theirs/sbin/director'), '#!/bin/sh\n');
    const refused = await install('--prefix', join(folder, 'theirs'));
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`${folder}/theirs/sbin/director is not of this project`);
    await install('--prefix', join(folder, 'theirs'), '--uninstall');
    expect(readdirSync(folder, { recursive: true })).toContain('theirs/sbin/director');
  });

  test('--as-ipvsadm is refused where there is an ipvsadm, which is named', async () => {
    const found = join(folder, 'ipvs/ipvsadm');
    mkdirSync(join(folder, 'ipvs'));
    writeFileSync(found, '#!/bin/sh\n', { mode: 0o755 });
    const env = { PATH: `${folder}/ipvs:${process.env.PATH}` };
    const refused = await run(SCRIPT, ['--as-ipvsadm', '--prefix', join(folder, 'none')], { env });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(`there is an ipvsadm already, ${found}: remove it`);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

describeWithRoot('an installed director', ['nft', 'ethtool', 'setsid'], () => {
  const prefix = join(folder, 'usr');
  const program = (name: string) => join(prefix, 'sbin', name);
  const socket = join(folder, 'director.sock');
  const { create } = namespaces();
  let host: Namespace;
  const env = { DIRECTOR_SOCKET: socket, DIRECTOR_BPFFS: `/sys/fs/bpf/director-install-${process.pid}` };
  beforeAll(async () => {
    expect(await install('--prefix', prefix)).toMatchObject({ code: 0, stderr: '' });
    host = await create('install');
    await host.sh(`
      ip link add eth0 type veth peer name lan0
      ip addr add 192.0.2.1/24 dev eth0
      ip link set lo up; ip link set eth0 up; ip link set lan0 up`);
  });

  const startDaemon = async (datapath = 'pcap', options: readonly string[] = []) => {
    const args = ['run', '--interface', 'eth0', '--datapath', datapath, ...options];
    const daemon = host.spawn(program('director'), args, {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
    return async () => {
      daemon.kill('SIGTERM');
      await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(false);
    };
  };

  test.each(['pcap', 'ring', 'xdp'])('runs, forwards and is administered: %s', async (datapath) => {
    const stopDaemon = await startDaemon(datapath);
    const diradm = (...args: string[]) => host.must(program('diradm'), args, { env });
    await diradm('-A', '-t', '192.0.2.1:80', '-s', 'rr');
    await diradm('-a', '-t', '192.0.2.1:80', '-r', '192.0.2.2', '-g');
    expect(await diradm('-L', '-n')).toMatch(/^ {2}-> 192\.0\.2\.2:80 +Route/m);
    expect(await host.must(program('director'), ['status'], { env })).toMatch(
      new RegExp(`^datapath +${datapath}\\b.*, running`, 'm'),
    );
    await stopDaemon();
  });

  test.each(['sbin/diradm', 'lib/director/dist/cli/diradm/main.js'])(
    'goes by the name of a link to %s',
    async (target) => {
      const link = join(mkdtempSync(join(folder, 'link-')), 'ipvsadm');
      symlinkSync(join(prefix, target), link);
      expect((await run(link, ['-x'])).stderr).toMatch(/^Try `ipvsadm -h'/);
      expect((await run(join(prefix, target), ['-x'])).stderr).toMatch(/^Try `diradm -h'/);
    },
  );

  test.skipIf(realIpvsadm !== undefined)('is ipvsadm, too, if asked for', async () => {
    const result = await install('--prefix', prefix, '--as-ipvsadm');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain(`ipvsadm is diradm: ${prefix}/sbin/ipvsadm\n`);
    expect((await run(program('ipvsadm'), ['-v'])).stdout).toMatch(/^ipvsadm v1\.31 /);
    expect(await install('--prefix', prefix, '--as-ipvsadm', '--dry-run')).toMatchObject({ code: 0 });
  });

  test.skipIf(realIpvsadm !== undefined || ipvsadmPackage === undefined)(
    "is what Debian's ipvsadm-save and ipvsadm-restore call",
    async () => {
      const stopDaemon = await startDaemon();
      const call = (script: string, args: readonly string[] = [], options: CommandOptions = {}) => {
        const path = join(ipvsadmPackage!, 'sbin', script);
        return host.run(...withProgramsInSbin(join(prefix, 'sbin'), path, ...args), { env, ...options });
      };
      const rules =
        '-A -t 192.0.2.1:80 -s sh -b sh-port\n' +
        '-a -t 192.0.2.1:80 -r 192.0.2.2:80 -g -w 1\n' +
        '-a -t 192.0.2.1:80 -r 192.0.2.3:80 -g -w 5\n' +
        '-A -f 7 -s wlc -p 300 -M 255.255.255.0\n';
      const done = { code: 0, stdout: '', stderr: '' };
      await host.must(program('ipvsadm'), ['-A', '-u', '192.0.2.1:53'], { env });
      expect(await call('ipvsadm-restore', [], { input: `# of yesterday\n${rules}` })).toEqual(done);
      expect(await call('ipvsadm-save', ['-n'])).toEqual({ ...done, stdout: rules });
      expect((await call('ipvsadm-save')).stdout).toMatch(/^-A -t 192\.0\.2\.1:(http|80) -s sh/); // /etc/services
      expect((await call('ipvsadm-restore', [], { input: '-A -t 192.0.2.1:80 -s none-such\n' })).code).toBe(
        255,
      );
      expect(await call('ipvsadm-restore', [], { input: '' })).toEqual(done);
      expect(await call('ipvsadm-save', ['-n'])).toEqual(done);
      await stopDaemon();
    },
  );

  test('serves the web page', async () => {
    const stopDaemon = await startDaemon('pcap', ['--web', '127.0.0.1:8080']);
    const page = await host.must('curl', ['-s', 'http://127.0.0.1:8080/']);
    const asset = /src="([^"]+\.js)"/.exec(page)?.[1];
    expect(await host.must('curl', ['-sf', `http://127.0.0.1:8080${asset}`])).not.toBe('');
    await stopDaemon();
  });

  test('has its manual pages and completions, which come from what is installed', () => {
    const lib = join(prefix, 'lib/director');
    for (const path of [
      'man/man8/director.8',
      'bash-completion/completions/diradm',
      'zsh/site-functions/_director',
    ])
      expect(readlinkSync(join(prefix, 'share', path))).toBe(join(lib, 'dist/share', path));
  });

  test('has no package that only builds or tests it', () => {
    const packages = readdirSync(join(prefix, 'lib/director/node_modules'));
    expect(packages).toEqual(expect.arrayContaining(['cap', 'commander', 'pino', 'zod']));
    for (const name of ['typescript', 'vitest', 'node-gyp', '@biomejs']) expect(packages).not.toContain(name);
  });

  test('is brought up to date by installing again, and goes without a trace', async () => {
    writeFileSync(join(prefix, 'lib/director/dist/of-the-old-version.js'), '');
    const old = 'man/man8/director-old.8';
    writeFileSync(join(prefix, 'lib/director/dist/share', old), '');
    symlinkSync(join(prefix, 'lib/director/dist/share', old), join(prefix, 'share', old));
    expect(await install('--prefix', prefix)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(join(prefix, 'lib'))).toEqual(['director']);
    expect(existsSync(join(prefix, 'lib/director/dist/of-the-old-version.js'))).toBe(false);
    expect(readdirSync(join(prefix, 'share/man/man8')).sort()).toEqual(['diradm.8', 'director.8']);
    const theirs = join(prefix, 'share/man/man8/other.8');
    writeFileSync(theirs, '');
    expect(await install('--prefix', prefix, '--uninstall')).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(prefix, { recursive: true }).sort()).toEqual([
      'share',
      'share/man',
      'share/man/man8',
      'share/man/man8/other.8',
    ]);
  });
});
