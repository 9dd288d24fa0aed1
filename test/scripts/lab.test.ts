/**
 * scripts/lab on a real kernel: the article's network comes up and answers, and nothing of it is left when
 * it is taken down, interrupted or fails. The lab has a name of its own, so that one that a developer has up
 * is not touched.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type CommandResult,
  describeWithRoot,
  listNamespaces,
  must,
  Namespace,
  run,
} from '../helpers/netns.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/lab');
const LAB = `labtest-${process.pid}`;
const FOLDER = `/run/director/lab-${LAB}`;
const VIP = '172.26.20.110';
const VIP6 = 'fd00:172:26:20::110';
const NAMESPACES = ['client', 'director', 'lan', 'rs1', 'rs2'].map((host) => `${LAB}-${host}`);

const lab = (...args: string[]): Promise<CommandResult> =>
  run(SCRIPT, args, { env: { DIRECTOR_LAB: LAB }, timeoutMs: 60_000 });
const onHost = (host: string, ...command: string[]) => lab('run', host, ...command);
const namespaceOf = (host: string) => new Namespace(`${LAB}-${host}`);
const ours = async () => (await listNamespaces()).filter((name) => name.startsWith(LAB));

/** Pids of web servers of any lab whose log is in our folder, dead folder or not. */
function webServers(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const isServer = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('web-server.mjs');
      return isServer && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DIRECTOR_LAB=${LAB}\0`);
    } catch {
      return false;
    }
  });
}

async function expectNothingLeft(linksBefore: string): Promise<void> {
  expect(await ours()).toEqual([]);
  expect(webServers()).toEqual([]);
  expect(existsSync(FOLDER)).toBe(false);
  expect(await rootLinks()).toBe(linksBefore);
}

/** Names of the devices of the namespace the tests run in. */
async function rootLinks(): Promise<string> {
  const links = JSON.parse(await must('ip', ['-json', 'link'])) as { ifname: string }[];
  return links.map((link) => link.ifname).join(' ');
}

describeWithRoot('scripts/lab', ['ethtool', 'flock', 'ping', 'arping', 'curl', 'tcpdump'], () => {
  let linksBefore: string;
  beforeAll(async () => {
    linksBefore = await rootLinks();
  });
  afterAll(async () => {
    await lab('down');
    await expectNothingLeft(linksBefore);
  });

  describe('up', () => {
    let up: CommandResult;
    let upMs: number;
    beforeAll(async () => {
      const startMs = performance.now();
      up = await lab('up');
      upMs = performance.now() - startMs;
    });
    afterAll(() => lab('down'));

    test('says what is there, makes five namespaces and no device outside them', async () => {
      expect(up).toMatchObject({ code: 0, stderr: '' });
      expect(up.stdout).toContain(`lab ${LAB} is up`);
      expect(await ours()).toEqual(NAMESPACES);
      expect(await rootLinks()).toBe(linksBefore);
      // 1.1 s on two idle cores; three times the promise, for a machine that others use
      expect(upMs).toBeLessThan(9000);
    });

    test('a second up says so and exits 0', async () => {
      expect(await lab('up')).toEqual({ code: 0, stdout: `lab ${LAB} is up already\n`, stderr: '' });
    });

    test.each([
      ['rs1', '172.26.20.112'],
      ['rs2', '172.26.20.113'],
    ])('the page of %s names it, over IPv4 and IPv6', async (_host, address) => {
      const sixth = `[fd00:172:26:20::${address.split('.')[3]}]`;
      for (const url of [`http://${address}/`, `http://${sixth}/`]) {
        const page = await onHost('client', 'curl', '-gsS', '-m', '5', url);
        expect(page.stdout).toContain(`<h1>This is real server ${address}</h1>`);
      }
    });

    test('an upload is answered with its length and SHA-256', async () => {
      const upload = await run(
        SCRIPT,
        ['run', 'client', 'curl', '-sS', '-m', '5', '-T', '-', 'http://172.26.20.113/'],
        { env: { DIRECTOR_LAB: LAB }, input: 'abc' },
      );
      expect(JSON.parse(upload.stdout)).toEqual({
        server: '172.26.20.113',
        bytes: 3,
        sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      });
    });

    test.each([VIP, VIP6])('ping to %s is answered by the director only', async (vip) => {
      const seen = await Promise.all([
        ...['director', 'rs1', 'rs2'].map((host) =>
          captured(host, `host ${vip} and (icmp or icmp6[0] >= 128)`),
        ),
        onHost('client', 'ping', '-c', '2', '-i', '0.2', '-W', '2', vip),
      ]);
      expect(seen[3]).toMatchObject({ code: 0 });
      expect(seen[0]).toMatch(/echo reply/);
      expect(seen[1]).not.toMatch(/echo reply|neighbor advertisement/);
      expect(seen[2]).not.toMatch(/echo reply|neighbor advertisement/);
    });

    test('ARP for the VIP is answered by the director MAC only', async () => {
      const arping = await onHost('client', 'arping', '-b', '-c', '3', '-I', 'eth0', VIP);
      const macs = arping.stdout.match(/\[[0-9A-F:]+\]/g) ?? [];
      expect(new Set(macs)).toEqual(new Set(['[02:00:AC:1A:14:6F]']));
      expect(macs).toHaveLength(3);
    });

    test.each([
      [VIP, `http://${VIP}/`],
      [VIP6, `http://[${VIP6}]/`],
    ])(
      'a frame for %s that is sent to the MAC of rs2 is served by rs2, as a director would have it',
      async (vip, url) => {
        const neighbour = ['neigh', 'replace', vip, 'lladdr', '02:00:ac:1a:14:71', 'dev', 'eth0'];
        expect((await onHost('client', 'ip', ...neighbour, 'nud', 'permanent')).code).toBe(0);
        const page = await onHost('client', 'curl', '-gsS', '-m', '5', url);
        await onHost('client', 'ip', 'neigh', 'del', vip, 'dev', 'eth0');
        expect(page.stdout).toContain('<h1>This is real server 172.26.20.113</h1>');
        expect(page.stdout).toContain(`and asked ${vip}.`);
      },
    );

    test('offloads are off on every interface', async () => {
      for (const host of ['client', 'director', 'rs1', 'rs2']) {
        expect(await offloads(host)).toEqual(['off', 'off', 'off', 'off']);
      }
    });

    test('status shows hosts, web servers, and that no director answers', async () => {
      const status = await lab('status');
      expect(status).toMatchObject({ code: 0, stderr: '' });
      expect(status.stdout).toMatch(/^director +172\.26\.20\.111 +fd00:172:26:20::111 +eth0 +up +-$/m);
      expect(status.stdout).toMatch(
        /^rs1 +172\.26\.20\.112 +fd00:172:26:20::112 +lo +up +alive \(pid \d+\)$/m,
      );
      expect(status.stdout).toContain(`no director answers on ${FOLDER}/director.sock`);
    });

    test('run and shell give PATH, the control socket and the exit code of the command', async () => {
      const env = await onHost(
        'director',
        'sh',
        '-c',
        'echo $DIRECTOR_SOCKET; command -v ipvsadm; command -v director-up; exit 7',
      );
      expect(env.code).toBe(7);
      expect(env.stdout).toBe(
        `${FOLDER}/director.sock\n${FOLDER}/bin/ipvsadm\n${join(SCRIPT, '../director-up')}\n`,
      );
      const shell = await run(SCRIPT, ['shell', 'rs2'], {
        env: { DIRECTOR_LAB: LAB, SHELL: '/bin/sh' },
        input: 'ip -o -4 addr show dev eth0\n',
      });
      expect(shell.stdout).toContain('172.26.20.113/24');
    });

    test('status sees a director that answers', async () => {
      const server = namespaceOf('director').spawn('node', [
        '-e',
        `require('node:http').createServer((_, response) => response.end()).listen('${FOLDER}/director.sock')`,
      ]);
      await expect.poll(() => existsSync(`${FOLDER}/director.sock`), { timeout: 5000 }).toBe(true);
      expect((await lab('status')).stdout).toContain(`director answers on ${FOLDER}/director.sock`);
      server.kill();
    });

    test('a cable is pulled and put back', async () => {
      expect(await lab('unplug', 'rs1')).toMatchObject({ code: 0 });
      expect((await lab('status')).code).toBe(1);
      const page = await onHost('client', 'curl', '-s', '-m', '0.5', 'http://172.26.20.112/');
      expect(page.code).not.toBe(0);
      expect(await lab('plug', 'rs1')).toMatchObject({ code: 0 });
      await expect
        .poll(() => onHost('client', 'curl', '-s', '-m', '1', 'http://172.26.20.112/'), { timeout: 5000 })
        .toMatchObject({ code: 0 });
    });

    test('two labs are up at once and do not hear each other', async () => {
      const other = { env: { DIRECTOR_LAB: `${LAB}-b` } };
      try {
        expect(await run(SCRIPT, ['up', '--offloads', 'on', '--local-node'], other)).toMatchObject({
          code: 0,
        });
        const page = await run(SCRIPT, ['run', 'client', 'curl', '-sm5', 'http://172.26.20.111/'], other);
        expect(page.stdout).toContain('<h1>This is the director, as real server, 172.26.20.111</h1>');
        expect(await offloads('director', `${LAB}-b`)).toEqual(['on', 'on', 'on', expect.any(String)]);
        expect((await onHost('client', 'curl', '-sm1', 'http://172.26.20.111/')).code).not.toBe(0);
      } finally {
        expect(await run(SCRIPT, ['down'], other)).toMatchObject({ code: 0 });
      }
      expect(await ours()).toEqual(NAMESPACES);
    });
  });

  describe('down', () => {
    afterEach(() => lab('down'));

    test('leaves nothing, also of what was started with lab run', async () => {
      await lab('up');
      const stray = spawn(SCRIPT, ['run', 'director', 'sleep', '1000'], {
        env: { ...process.env, DIRECTOR_LAB: LAB },
        stdio: 'ignore',
      });
      const strayEnd = new Promise((resolve) => stray.on('exit', (_code, signal) => resolve(signal)));
      await expect
        .poll(() => must('ip', ['netns', 'pids', `${LAB}-director`]), { timeout: 5000 })
        .toContain(`${stray.pid}`);
      expect(await lab('down')).toEqual({ code: 0, stdout: `lab ${LAB} is down\n`, stderr: '' });
      expect(await strayEnd).toBe('SIGTERM');
      await expectNothingLeft(linksBefore);
    });

    test('of a lab that is not up says so and exits 0', async () => {
      expect(await lab('down')).toEqual({ code: 0, stdout: `lab ${LAB} is not up\n`, stderr: '' });
      expect(await lab('status')).toMatchObject({ code: 1, stdout: `lab ${LAB} is not up\n` });
    });

    test('typed in a shell of the lab ends the lab but not that shell', async () => {
      await lab('up');
      const shell = await onHost('rs1', 'sh', '-c', `${SCRIPT} down; echo still here`);
      expect(shell.stdout).toBe(`lab ${LAB} is down\nstill here\n`);
      await expectNothingLeft(linksBefore);
    });

    test('works half-way: a web server was killed, a namespace and the pids are gone', async () => {
      await lab('up');
      await must('ip', ['netns', 'del', `${LAB}-rs2`]);
      await must('ip', ['netns', 'pids', `${LAB}-rs1`]).then((pids) =>
        process.kill(Number(pids.trim()), 'SIGKILL'),
      );
      rmSync(`${FOLDER}/rs1.web.pid`);
      expect((await lab('status')).code).toBe(1);
      expect(await lab('down')).toMatchObject({ code: 0, stderr: '' });
      await expectNothingLeft(linksBefore);
    });

    test('never ends a process that only has the pid of a web server that was', async () => {
      await lab('up');
      const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
      writeFileSync(`${FOLDER}/rs1.web.pid`, `${bystander.pid} 1\n`);
      expect(await lab('down')).toMatchObject({ code: 0 });
      expect(bystander.exitCode).toBeNull();
      expect(bystander.signalCode).toBeNull();
      bystander.kill();
      await expectNothingLeft(linksBefore);
    });
  });

  describe('an up that does not come to its end', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
    /** As a process group of its own, as a shell begins one. */
    let begun: ChildProcess | undefined;
    const beginUp = (): ChildProcess => {
      begun = spawn(SCRIPT, ['up'], {
        env: { ...process.env, DIRECTOR_LAB: LAB },
        detached: true,
        stdio: 'ignore',
      });
      return begun;
    };
    afterEach(async () => {
      // One that hangs holds the lab's lock.
      if (begun?.exitCode === null && begun.signalCode === null) process.kill(-begun.pid!, 'SIGKILL');
      begun = undefined;
      await lab('down');
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    test.each([20, 100, 200, 350, 500, 700, 900])(
      'leaves nothing when SIGINT comes after %d ms',
      async (delayMs) => {
        // Interrupted as a whole, as Ctrl-C does.
        const child = beginUp();
        const end = new Promise<number | null>((resolve) => child.on('exit', resolve));
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        if (child.exitCode === null) process.kill(-(child.pid as number), 'SIGINT');
        const code = await end;
        if (code === 0)
          await lab('down'); // it was faster
        else await expectNothingLeft(linksBefore);
      },
    );

    test('leaves nothing when SIGTERM comes to the script alone', async () => {
      const child = spawn(SCRIPT, ['up'], {
        env: { ...process.env, DIRECTOR_LAB: LAB },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', (text) => {
        said += text;
      });
      const end = new Promise<number | null>((resolve) => child.on('close', resolve));
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.kill('SIGTERM');
      expect(await end, said).toBe(143);
      await expectNothingLeft(linksBefore);
    });

    test('leaves nothing when a step fails', async () => {
      writeFileSync(join(folder, 'ethtool'), '#!/bin/sh\ncase "$*" in *rs2*) exit 9 ;; esac\n');
      chmodSync(join(folder, 'ethtool'), 0o755);
      const up = await run(SCRIPT, ['up'], {
        env: { DIRECTOR_LAB: LAB, PATH: `${folder}:${process.env.PATH}` },
      });
      expect(up.code).toBe(9);
      expect(up.stderr).toContain('undoing what was done');
      expect(up.stderr).not.toContain('could not undo');
      await expectNothingLeft(linksBefore);
    });

    test('is cleared away by the next up when it was killed with SIGKILL', async () => {
      const child = beginUp();
      const end = new Promise((resolve) => child.on('exit', resolve));
      await expect.poll(() => existsSync(`/run/netns/${LAB}-rs1`), { timeout: 5000, interval: 5 }).toBe(true);
      process.kill(-(child.pid as number), 'SIGKILL');
      await end;
      expect((await ours()).length).toBeGreaterThan(0);
      expect(await lab('up')).toMatchObject({ code: 0 });
      expect(await lab('status')).toMatchObject({ code: 0 });
      expect(await lab('down')).toMatchObject({ code: 0 });
      await expectNothingLeft(linksBefore);
    });
  });

  test('namespaces of other makers are neither used nor removed', async () => {
    await must('ip', ['netns', 'add', `${LAB}-rs1`]);
    try {
      const up = await lab('up');
      expect(up.code).toBe(1);
      expect(up.stderr).toContain(`a network namespace ${LAB}-rs1 exists that lab did not make`);
      expect(await lab('down')).toMatchObject({ code: 0 });
      expect(await ours()).toEqual([`${LAB}-rs1`]);
    } finally {
      await must('ip', ['netns', 'del', `${LAB}-rs1`]);
    }
  });

  test.each([
    [[], 'Usage: lab up'],
    [['frob'], 'frob: not a command'],
    [['up', '--frob'], 'up --frob: not an option'],
    [['up', '--offloads'], '--offloads : write on or off'],
    [['up', '--offloads', 'maybe'], '--offloads maybe: write on or off'],
    [['down', 'now'], 'down now: takes no arguments'],
    [['shell'], 'shell: the host is missing; name one of: client director rs1 rs2'],
    [['shell', 'rs9'], 'shell rs9: no host of the lab'],
    [['run', 'rs1'], 'run rs1: the command is missing'],
    [['plug', 'rs9'], 'plug rs9: no host of the lab'],
  ])('%j exits 2 and says why', async (args, message) => {
    const result = await lab(...args);
    expect(result.stderr).toContain(message);
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });

  test('a bad name of the lab exits 2', async () => {
    const result = await run(SCRIPT, ['status'], { env: { DIRECTOR_LAB: '../x' } });
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });
});

/** What tcpdump sees on eth0 of a host within a second and a half. */
async function captured(host: string, filter: string): Promise<string> {
  const result = await namespaceOf(host).run('timeout', [
    '1.5',
    'tcpdump',
    '-lnni',
    'eth0',
    '--direction=out',
    filter,
  ]);
  return result.stdout;
}

/** tx checksum, tso, gso, gro of a host's eth0. */
async function offloads(host: string, name = LAB): Promise<string[]> {
  const text = await new Namespace(`${name}-${host}`).must('ethtool', ['-k', 'eth0']);
  const features = ['tx-checksumming', 'tcp-segmentation-offload', 'generic-segmentation-offload'];
  return [...features, 'generic-receive-offload'].map(
    (feature) => new RegExp(`^${feature}: (\\w+)`, 'm').exec(text)?.[1] ?? 'missing',
  );
}
