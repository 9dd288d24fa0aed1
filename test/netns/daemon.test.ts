/**
 * How the daemon begins and ends: what it puts on a host and takes away again, what it refuses and in which words,
 * how it reads its rules again. On a host of one interface, without traffic.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/control/client.ts';
import { CHECKOUT, DATAPATHS, describeWithDirector, RunningDirector, SOON } from '../helpers/lab.ts';
import { type CommandResult, connect, type Namespace, namespaces } from '../helpers/netns.ts';

const DIRECTOR = join(CHECKOUT, 'dist/cli/director/main.js');
const DIRADM = join(CHECKOUT, 'dist/cli/diradm/main.js');
const VIP = '10.9.0.100';

describeWithDirector('the daemon', ['setpriv'], () => {
  describe.each(DATAPATHS)('with %s', (datapath) => {
    const { create } = namespaces();
    let host: Namespace;
    let folder: string;
    let socketPath: string;
    let rulesPath: string;
    const running: RunningDirector[] = [];

    beforeAll(async () => {
      host = await create('daemon');
      const lan = await create('daemon-lan');
      await connect(host, 'eth0', lan, 'port');
      await lan.sh('ip link set port up');
      await host.sh(`ip link set eth0 up; ip addr add 10.9.0.1/24 dev eth0; ip addr add ${VIP}/32 dev eth0`);
    });
    beforeEach(async () => {
      await host.sh('ethtool -K eth0 gro on');
      folder = mkdtempSync(join(tmpdir(), 'director-daemon-'));
      chmodSync(folder, 0o755);
      socketPath = join(folder, 'director.sock');
      rulesPath = join(folder, 'rules');
    });
    afterEach(async () => {
      for (const director of running.splice(0)) await director.stop();
      rmSync(folder, { recursive: true });
    });

    const bpfFolder = `/sys/fs/bpf/director-daemon-${process.pid}`;
    const env = { DIRECTOR_BPFFS: bpfFolder };
    const isXdp = datapath === 'xdp';
    const command = (args: readonly string[]) => [DIRECTOR, '--socket', socketPath, ...args];
    const run = (...args: string[]): Promise<CommandResult> =>
      host.run(process.execPath, command(args), { env });
    const runOn = (name: string, ...args: string[]) =>
      run('run', '--interface', name, '--datapath', datapath, ...args);
    const spawnDirector = (...args: string[]): RunningDirector => {
      const child: ChildProcess = host.spawn(
        process.execPath,
        command(['run', '--interface', 'eth0', '--datapath', datapath, ...args]),
        { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
      );
      const director = new RunningDirector(child);
      running.push(director);
      return director;
    };
    const start = async (...args: string[]): Promise<RunningDirector> => {
      const director = spawnDirector(...args);
      await director.ready();
      return director;
    };
    const diradm = (...args: string[]) =>
      host.run(process.execPath, [DIRADM, ...args], { env: { DIRECTOR_SOCKET: socketPath } });
    const writeRules = (...lines: string[]) => writeFileSync(rulesPath, `${lines.join('\n')}\n`);

    /** All that a director puts on a host. */
    const traces = async () => ({
      tables: await host.must('nft', ['list', 'tables']),
      links: (await host.json<{ ifname: string }[]>('ip', ['-json', 'link'])).map(({ ifname }) => ifname),
      pins: existsSync(join(bpfFolder, 'eth0')),
      socket: existsSync(socketPath),
      gro: /^generic-receive-offload: (\w+)/m.exec(await host.must('ethtool', ['-k', 'eth0']))?.[1],
      packetSockets: (await host.must('cat', ['/proc/net/packet'])).split('\n').length - 2,
      locks: (await host.must('cat', ['/proc/net/unix'])).match(/@director\/eth0/g)?.length ?? 0,
    });
    const NO_TRACES = {
      tables: '',
      links: ['lo', 'eth0'],
      pins: false,
      socket: false,
      gro: 'on',
      packetSockets: 0,
      locks: 0,
    };

    describe('while it runs', () => {
      test.runIf(!isXdp)('one table guards the services, and nothing else', async () => {
        await start();
        await diradm('-A', '-t', `${VIP}:80`);
        await diradm('-A', '-u', `${VIP}:53`);
        const ruleset = await host.must('nft', ['list', 'ruleset']);
        expect(ruleset.match(/^table /gm)).toHaveLength(1);
        expect(ruleset).toContain('table netdev director_eth0');
        expect(ruleset).toMatch(/10\.9\.0\.100 \. tcp \. (80|http)/);
        expect(ruleset).toMatch(/10\.9\.0\.100 \. udp \. (53|domain)/);
        await diradm('-D', '-u', `${VIP}:53`);
        expect(await host.must('nft', ['list', 'ruleset'])).not.toMatch(/udp \. (53|domain)/);
      });

      test('merging of frames is off where that hurts, and the socket is for root and the group alone', async () => {
        const director = await start();
        const isFitForIt = datapath === 'ring';
        expect((await traces()).gro).toBe(isFitForIt ? 'on' : 'off');
        const told = /generic-receive-offload.* off while we run/.test(director.messages().join('\n'));
        expect(told).toBe(!isFitForIt);
        expect(statSync(socketPath).mode & 0o777).toBe(0o660);
      });

      test('a second one on the same interface is refused and told the pid of the first', async () => {
        const { pid } = (await start()).child;
        const args = ['--socket', `${socketPath}2`, 'run', '--interface', 'eth0', '--datapath', datapath];
        const second = await host.run(process.execPath, [DIRECTOR, ...args], { env });
        expect(second).toMatchObject({ code: 2 });
        expect(second.stderr).toMatch(
          new RegExp(`^director: another director runs on eth0: pid ${pid} \\(.*\\)\\n$`),
        );
        expect(await traces()).toMatchObject({ pins: isXdp, locks: 1 });
        expect((await run('status')).code).toBe(0);
      });

      test('a second one on the same socket is refused and leaves nothing', async () => {
        const { pid } = (await start()).child;
        await host.sh('ip link add eth1 type veth peer name port1; ip link set eth1 up');
        const second = await runOn('eth1');
        expect(second).toMatchObject({ code: 2 });
        expect(second.stderr).toBe(
          `director: the director with pid ${pid} on eth0 answers on ${socketPath}; stop it or give another --socket\n`,
        );
        await host.sh('ip link del eth1');
        const { links } = await traces();
        expect(links.sort()).toEqual([...(isXdp ? [] : ['dir-eth0', 'dirp-eth0']), 'eth0', 'lo']);
        expect(existsSync(join(bpfFolder, 'eth1'))).toBe(false);
      });
    });

    describe('at its end', () => {
      test.each(['SIGTERM', 'SIGINT'] as const)(
        '%s leaves nothing, and the exit code is 0',
        async (signal) => {
          const director = await start();
          await diradm('-A', '-t', `${VIP}:80`);
          const stoppedMs = performance.now();
          expect(await director.stop(signal)).toBe(0);
          expect(performance.now() - stoppedMs).toBeLessThan(900);
          expect(await traces()).toEqual(NO_TRACES);
          expect(director.messages().slice(-2)).toEqual([
            `stopping on ${signal}`,
            'stopped; nothing of the director is left on this host',
          ]);
        },
      );

      test('`director stop` does the same', async () => {
        const director = await start();
        expect(await run('stop')).toEqual({ code: 0, stdout: '', stderr: '' });
        expect(await director.exited).toBe(0);
        expect(await traces()).toEqual(NO_TRACES);
      });

      test('Ctrl-C in a terminal, which reaches its processes, too, leaves nothing', async () => {
        const args = command(['run', '--interface', 'eth0', '--datapath', datapath]);
        const child = spawn(...host.commandLine(process.execPath, args), {
          detached: true,
          stdio: ['ignore', 'pipe', 'pipe'],
          env: { ...process.env, ...env },
        });
        const director = new RunningDirector(child);
        running.push(director);
        await director.ready();
        process.kill(-child.pid!, 'SIGINT');
        expect(await director.exited).toBe(0);
        expect(await traces()).toEqual(NO_TRACES);
        expect(director.messages().join('\n')).not.toContain('the datapath process ended');
      });

      test('a signal while it is still starting leaves nothing', async () => {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) {
          const director = spawnDirector();
          const begun = async () => {
            const { links, pins } = await traces();
            return isXdp ? pins : links.includes('dir-eth0');
          };
          await expect.poll(begun, { ...SOON, interval: 1 }).toBe(true);
          expect(await director.stop(signal)).toBe(0);
          expect(await traces()).toEqual(NO_TRACES);
        }
      });

      test.runIf(!isXdp)('what a killed one left is taken over by the next and goes with it', async () => {
        const first = await start();
        const { pid } = (await createClient({ socketPath }).readStatus()).datapath;
        expect(await first.stop('SIGKILL')).toBe('SIGKILL');
        expect(existsSync(`/proc/${pid}/exe`)).toBe(true);
        expect(await traces()).toMatchObject({ socket: true, tables: 'table netdev director_eth0\n' });
        const next = await start();
        expect(await next.stop()).toBe(0);
        // That merging was on is forgotten with the process that knew.
        expect({ ...(await traces()), gro: 'on' }).toEqual(NO_TRACES);
      });
    });

    describe('what keeps it from starting', () => {
      afterEach(async () => {
        expect(await traces()).toEqual(NO_TRACES);
      });

      test('without root: one line says what is needed', async () => {
        const nobody = [
          '--reuid=65534',
          '--regid=65534',
          '--clear-groups',
          '--inh-caps=-all',
          process.execPath,
        ];
        const refused = await host.run('setpriv', [
          ...nobody,
          ...command(['run', '--interface', 'eth0', '--datapath', datapath]),
        ]);
        expect(refused).toEqual({
          code: 2,
          stdout: '',
          stderr:
            'director: director run needs root, or CAP_NET_ADMIN and CAP_NET_RAW; try: sudo director run …\n',
        });
      });

      test('an interface that is not there: its name, and those that are', async () => {
        const refused = await runOn('eth7');
        expect(refused).toEqual({
          code: 2,
          stdout: '',
          stderr: 'director: there is no interface eth7; there are: lo, eth0\n',
        });
      });

      test('an interface without MAC address', async () => {
        const refused = await runOn('lo');
        expect(refused).toMatchObject({ code: 2, stdout: '' });
        expect(refused.stderr).toBe(
          'director: lo has no MAC address; direct routing needs an Ethernet interface\n',
        );
      });

      test('a rules file with a bad line: file, line, and what is wrong', async () => {
        writeRules(`-A -t ${VIP}:80 -s rr`, `-A -t ${VIP}:80 -s rr`);
        const refused = await runOn('eth0', '--rules', rulesPath);
        expect(refused.code).toBe(2);
        expect(refused.stderr).toMatch(new RegExp(`^director: ${rulesPath}:2: .*\\n$`));
      });

      test('a rules file with a line that is no command', async () => {
        writeRules(`-A -t ${VIP}:80 -s rr`, '', `-a -t ${VIP}:80 -r nonsense:port`);
        const refused = await runOn('eth0', '--rules', rulesPath);
        expect(refused.code).toBe(2);
        expect(refused.stderr).toMatch(new RegExp(`^director: ${rulesPath}:3: .*\\n$`));
      });

      test('a rules file that is not there', async () => {
        const refused = await runOn('eth0', '--rules', join(folder, 'none'));
        expect(refused.code).toBe(2);
        expect(refused.stderr).toMatch(/^director: cannot read .*none: there is no such file\n$/);
      });

      test('a program that it needs', async () => {
        const args = command(['run', '--interface', 'eth0', '--datapath', datapath]);
        const withoutTools = ['PATH=/nowhere', process.execPath, ...args];
        const refused = await host.run('env', withoutTools);
        expect(refused.code).not.toBe(0);
        expect(refused.stderr).toMatch(/^director: .*apt-get install \w+.*\n$/);
      });
    });

    test('a socket file that nobody answers on is replaced', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      // Closing removes the file; a process that is killed leaves it.
      linkSync(socketPath, `${socketPath}.kept`);
      await new Promise((resolve) => server.close(resolve));
      renameSync(`${socketPath}.kept`, socketPath);
      const director = await start();
      expect((await run('status')).code).toBe(0);
      expect(await director.stop()).toBe(0);
      expect(await traces()).toEqual(NO_TRACES);
    });

    describe('SIGHUP', () => {
      const listed = async () => (await diradm('-Ln')).stdout.split('\n').slice(3).join('\n');

      test('carries out what changed in the file and leaves the rest, with its counts', async () => {
        writeRules(
          `-A -t ${VIP}:80 -s rr`,
          `-a -t ${VIP}:80 -r 10.9.0.2:80 -g -w 1`,
          `-A -t ${VIP}:81 -s rr`,
        );
        const director = await start('--rules', rulesPath);
        const before = director.lines.length;
        writeRules(
          `-A -t ${VIP}:80 -s rr`,
          `-a -t ${VIP}:80 -r 10.9.0.2:80 -g -w 5`,
          `-A -t ${VIP}:82 -s wrr`,
        );
        director.child.kill('SIGHUP');
        await expect
          .poll(() => director.messages(before), SOON)
          .toContainEqual(expect.stringMatching(/: 3 changes$/));
        const text = await listed();
        expect(text).toMatch(/10\.9\.0\.2:80 +Route +5 /);
        expect(text).toContain(`TCP  ${VIP}:82 wrr`);
        expect(text).not.toContain(`${VIP}:81`);
        expect(await director.stop()).toBe(0);
      });

      test('of a bad file changes nothing and logs why', async () => {
        writeRules(`-A -t ${VIP}:80 -s rr`);
        const director = await start('--rules', rulesPath);
        const textBefore = await listed();
        const before = director.lines.length;
        writeRules(`-A -t ${VIP}:90 -s rr`, '-A -t nonsense');
        director.child.kill('SIGHUP');
        const refusal = expect.stringMatching(
          new RegExp(`^reload refused, nothing changed: ${rulesPath}:2: `),
        );
        await expect.poll(() => director.messages(before), SOON).toEqual([refusal]);
        expect(await listed()).toBe(textBefore);
        expect(await director.stop()).toBe(0);
      });

      test('without a rules file changes nothing', async () => {
        const director = await start();
        await diradm('-A', '-t', `${VIP}:80`);
        director.child.kill('SIGHUP');
        expect((await run('status')).code).toBe(0);
        expect(await listed()).toContain(`${VIP}:80`);
        expect(await director.stop()).toBe(0);
      });
    });
  });
});
