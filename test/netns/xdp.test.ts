/**
 * What the xdp datapath is for beside its speed: forwarding outlives whoever began it, and is taken over as it is. And
 * what it leaves, refuses and falls back from.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  CHECKOUT,
  DATAPATHS,
  describeWithDirector,
  HOSTS,
  type Lab,
  labs,
  RunningDirector,
  SOON,
  VIP,
} from '../helpers/lab.ts';
import { must } from '../helpers/netns.ts';

const { client, rs1, rs2 } = HOSTS;
const UDP_PORT = 5300;
const RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r ${rs1.ipv4}:80 -g -w 1`,
  `-a -t ${VIP}:80 -r ${rs2.ipv4}:80 -g -w 3`,
  `-A -u ${VIP}:${UDP_PORT} -s wlc`,
  `-a -u ${VIP}:${UDP_PORT} -r ${rs1.ipv4}:${UDP_PORT} -g -w 1`,
];
const PAGE = `http://${VIP}/`;
const SERVED = /^172/;

describeWithDirector('the xdp datapath', ['tc', 'clang', 'setpriv'], () => {
  describe.skipIf(!DATAPATHS.includes('xdp'))('where it is built', () => {
    const { create } = labs();
    const folder = mkdtempSync(join(tmpdir(), 'director-xdp-'));
    const foreign = join(folder, 'pass.o');
    let lab: Lab;
    const running: RunningDirector[] = [];

    beforeAll(async () => {
      const source = join(CHECKOUT, 'test/netns/programs/pass.bpf.c');
      await must('clang', ['-O2', '-target', 'bpf', '-c', source, '-o', foreign]);
      lab = await create('xdp');
    });
    afterEach(async () => {
      for (const each of running.splice(0)) await each.stop();
      expect(await traces()).toEqual(NO_TRACES);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    const start = async (...args: string[]) => {
      const begun = await lab.startDirector('xdp', '--conn-table-size', '4096', ...args);
      running.push(begun);
      return begun;
    };
    const inDirector = (command: string, ...args: string[]) => lab.must('director', command, args);
    const runDirector = (...args: string[]) =>
      lab.run('director', 'director', ['run', '--interface', 'eth0', ...args]);
    const datapath = async () => (await lab.client.readStatus()).datapath;
    const linesOf = async (...args: string[]) =>
      (await inDirector('ipvsadm', ...args)).split('\n').slice(2).sort();

    /** Those whose end would show, were they lost: without their timers. */
    const connections = async () => {
      const pages = [];
      for await (const page of lab.client.listConnections()) pages.push(...page);
      return pages.map(({ expiresSec: _, ...connection }) => JSON.stringify(connection)).sort();
    };

    /** All that it puts into the kernel. */
    const traces = async () => ({
      pins: existsSync(lab.bpfFolder) ? readdirSync(lab.bpfFolder) : [],
      program:
        /^\s+prog\/xdp.*$/m.exec(await inDirector('ip', '-details', 'link', 'show', 'eth0'))?.[0] ?? '',
      filters: await inDirector('tc', 'filter', 'show', 'dev', 'eth0', 'egress'),
      queue: /clsact/.exec(await inDirector('tc', 'qdisc', 'show', 'dev', 'eth0'))?.[0] ?? '',
      links: /dirp?-eth0/.exec(await inDirector('ip', '-brief', 'link'))?.[0] ?? '',
      tables: await inDirector('nft', 'list', 'tables'),
    });
    const NO_TRACES = { pins: [], program: '', filters: '', queue: '', links: '', tables: '' };

    async function killDaemon(): Promise<void> {
      const killed = running.pop()!;
      const { pid } = await datapath();
      expect(await killed.stop('SIGKILL')).toBe('SIGKILL');
      await expect.poll(() => existsSync(`/proc/${pid}`), SOON).toBe(false);
    }

    describe('while a client sends', () => {
      /** Numbered datagrams over one connection, through all that `act` does. */
      async function whileSending(act: () => Promise<unknown>): Promise<void> {
        const receiver = await lab.program('rs1', 'numbered-receiver.mjs', VIP, `${UDP_PORT}`);
        const sender = await lab.program('client', 'numbered-sender.mjs', VIP, `${UDP_PORT}`);
        await act();
        await sender.end();
        await lab.must('client', 'ping', ['-c', '1', VIP]);
        await receiver.end();
        const { sent } = JSON.parse(sender.lines.at(-1)!);
        expect(JSON.parse(receiver.lines.at(-1)!)).toEqual({ received: sent, outOfOrder: 0, distinct: sent });
        expect(sent).toBeGreaterThanOrEqual(1000);
      }

      test('the daemon is killed and the next takes over: no frame is lost, no connection, no rule', async () => {
        await start();
        await lab.configure(...RULES);
        expect(await lab.page(PAGE)).toMatch(SERVED);
        await whileSending(async () => {
          const [rules, before] = [await linesOf('-Sn'), await connections()];
          expect(before.length).toBeGreaterThan(1);
          await killDaemon();
          expect(await lab.page(PAGE)).toMatch(SERVED);
          const next = await start();
          expect(next.messages().join('\n')).toMatch(
            /took over 2 services and \d+ connections of the running/,
          );
          expect(await linesOf('-Sn')).toEqual(rules);
          expect(await connections()).toEqual(expect.arrayContaining(before));
          expect(await lab.page(PAGE)).toMatch(SERVED);
        });
      });

      test('its datapath process is killed: the next takes over, and forwarding goes on', async () => {
        const begun = await start();
        await lab.configure(...RULES);
        await whileSending(async () => {
          const { pid, restarts } = await datapath();
          process.kill(pid!, 'SIGKILL');
          await expect.poll(datapath, SOON).toMatchObject({ state: 'running', restarts: restarts + 1 });
          expect(await connections()).toHaveLength(1);
          // Edits go to the one that took over.
          await inDirector('ipvsadm', '-A', '-t', `${VIP}:82`, '-s', 'rr');
        });
        const said = begun.messages().filter((message) => message.includes('the datapath process ended'));
        expect(said).toEqual([
          'the datapath process ended (SIGKILL); the next one takes over, and forwarding goes on meanwhile',
        ]);
      });

      test('it is stopped for an upgrade, with --keep-forwarding', async () => {
        const before = await start();
        await lab.configure(...RULES);
        await whileSending(async () => {
          await inDirector('director', 'stop', '--keep-forwarding');
          expect(await running.pop()!.exited).toBe(0);
          expect(before.messages().at(-1)).toBe('stopped; forwarding goes on');
          expect((await traces()).pins).toEqual(['eth0']);
          expect(await lab.page(PAGE)).toMatch(SERVED);
          await start();
          expect(await connections()).not.toEqual([]);
        });
      });

      test('a rules file is read after that, and changes what differs', async () => {
        await start();
        await lab.configure(...RULES);
        await whileSending(async () => {
          const rulesPath = join(lab.folder, 'rules');
          await lab.must('director', 'sh', ['-c', `ipvsadm -Sn | sed 's/-w 3/-w 5/' >${rulesPath}`]);
          await killDaemon();
          const next = await start('--rules', rulesPath);
          expect(next.messages().join('\n')).toMatch(/: 1 changes/);
          expect(await inDirector('ipvsadm', '-Sn')).toContain('-w 5');
        });
      });
    });

    describe('what it leaves', () => {
      test('nothing, after `director stop` and after a signal', async () => {
        await start();
        await lab.configure(...RULES);
        expect(await traces()).toMatchObject({ pins: ['eth0'], links: '', tables: '' });
        await inDirector('director', 'stop');
        expect(await running.pop()!.exited).toBe(0);
        expect(await traces()).toEqual(NO_TRACES);
        await start();
        expect(await running.pop()!.stop()).toBe(0);
        expect(await traces()).toEqual(NO_TRACES);
      });

      test('nothing, when its datapath process is dead at that moment', async () => {
        const begun = await start();
        const stopping = datapath().then(({ pid }) => {
          process.kill(pid!, 'SIGKILL');
          return running.pop()!.stop();
        });
        expect(await stopping).toBe(0);
        expect(begun.messages().at(-1)).toMatch(/^stopped/);
      });

      test('when it is killed, director-down takes it away', async () => {
        await start();
        await killDaemon();
        expect((await traces()).pins).toEqual(['eth0']);
        // An address that is not there: the others are to stay.
        await inDirector('director-down', '--interface', 'eth0', '--vip', '172.26.20.99');
        expect(await traces()).toEqual(NO_TRACES);
      });

      test('what forwards goes on when the next cannot take it over, also with auto', async () => {
        await start();
        await lab.configure(...RULES);
        await killDaemon();
        const [pinned] = readdirSync(join(lab.bpfFolder, 'eth0'));
        const older = pinned!.replace('layout', 'layout999');
        renameSync(join(lab.bpfFolder, 'eth0', pinned!), join(lab.bpfFolder, 'eth0', older));
        for (const name of ['xdp', 'auto']) {
          const refused = await runDirector('--datapath', name);
          expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('layout 999') });
          expect(await lab.page(PAGE)).toMatch(SERVED);
        }
        const badRules = join(folder, 'rules');
        writeFileSync(badRules, 'nonsense\n');
        renameSync(join(lab.bpfFolder, 'eth0', older), join(lab.bpfFolder, 'eth0', pinned!));
        expect(await runDirector('--conn-table-size', '4096', '--rules', badRules)).toMatchObject({
          code: 2,
        });
        expect(await lab.page(PAGE)).toMatch(SERVED);
        await inDirector('director-down', '--interface', 'eth0', '--vip', '172.26.20.99');
      });

      test('director-down leaves alone what a director tends', async () => {
        await start();
        await inDirector('director-down', '--interface', 'eth0', '--vip', '172.26.20.99');
        expect((await traces()).pins).toEqual(['eth0']);
      });

      test('when it is killed, a director with the other datapath takes it away', async () => {
        await start();
        await killDaemon();
        const next = await lab.startDirector('pcap');
        running.push(next);
        expect(await traces()).toMatchObject({ pins: [], program: '', filters: '', links: 'dirp-eth0' });
        expect(next.messages()).toContain('removed the xdp datapath that a director left which was killed');
        await lab.configure(...RULES);
        await expect.poll(() => lab.page(PAGE), SOON).toMatch(SERVED);
        // And the other way round: the process, which forwards on, guard and veth pair of one that was killed.
        const { pid: orphan } = await datapath();
        expect(await running.pop()!.stop('SIGKILL')).toBe('SIGKILL');
        await start();
        await expect.poll(() => existsSync(`/proc/${orphan}`), SOON).toBe(false);
        expect(await traces()).toMatchObject({ pins: ['eth0'], links: '', tables: '' });
      });
    });

    describe('where it cannot be had', () => {
      test('another XDP program on the interface is refused with name and id, and stays', async () => {
        await inDirector('ip', 'link', 'set', 'dev', 'eth0', 'xdpgeneric', 'obj', foreign, 'sec', 'xdp');
        const id = /prog\/xdp id (\d+)/.exec(await inDirector('ip', 'link', 'show', 'eth0'))?.[1];
        const refused = await runDirector('--datapath', 'xdp', '--conn-table-size', '4096');
        expect(refused.code).toBe(2);
        expect(refused.stderr).toMatch(new RegExp(`^director: eth0 has .*foreign_pass.* ${id}\\b`));
        expect(await inDirector('ip', 'link', 'show', 'eth0')).toContain(`prog/xdp id ${id} `);
        await inDirector('ip', 'link', 'set', 'dev', 'eth0', 'xdpgeneric', 'off');
      });

      const unprivileged = ['--bounding-set=-bpf,-perfmon,-sys_admin'];
      const runAs = (...args: string[]) =>
        lab.run('director', 'setpriv', [...unprivileged, 'director', 'run', '--interface', 'eth0', ...args]);

      test('without the capabilities: says which', async () => {
        expect(await runAs('--datapath', 'xdp')).toMatchObject({
          code: 2,
          stderr:
            'director: the xdp datapath needs root, or CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN); try: sudo director run …\n',
        });
      });

      test('not built: says what mends it; auto takes the next datapath and says why', async () => {
        const copy = join(folder, 'copy');
        mkdirSync(join(copy, 'native/build'), { recursive: true });
        for (const name of ['dist', 'package.json', 'native/build/Release', 'native/build/status.json'])
          cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
        symlinkSync(join(CHECKOUT, 'node_modules'), join(copy, 'node_modules'));
        const command = [join(copy, 'dist/cli/director/main.js'), 'run', '--interface', 'eth0'];
        const refused = await lab.run('director', process.execPath, [...command, '--datapath', 'xdp']);
        expect(refused).toMatchObject({
          code: 2,
          stderr: 'director: the BPF program is not built; run: npm run build:native\n',
        });
        const begin = async (...words: string[]) => {
          const child = lab.spawn('director', process.execPath, [...words, ...command], {
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          const fallen = new RunningDirector(child);
          running.push(fallen);
          await fallen.ready();
          return fallen;
        };
        const notXdp = 'not xdp: the BPF program is not built; run: npm run build:native';
        const withRing = await begin();
        expect(withRing.messages()).toEqual(expect.arrayContaining(['the datapath is ring', notXdp]));
        expect(await datapath()).toMatchObject({ name: 'ring', mode: null, notes: [notXdp] });
        await withRing.stop();
        // As on a kernel before 4.6.
        const withoutRing = join(import.meta.dirname, 'programs/without-ring.cjs');
        const notRing = expect.stringMatching(/^not ring: .* \(EINVAL\).*Linux 4\.6/);
        await begin('--require', withoutRing);
        expect(await datapath()).toMatchObject({ name: 'pcap', mode: null, notes: [notXdp, notRing] });
      });
    });

    describe('the interfaces', () => {
      test('a veth is served in generic mode, said aloud', async () => {
        const begun = await start('--max-services', '2');
        expect(await inDirector('director', 'status')).toMatch(/^datapath +xdp \(generic\), running/m);
        expect(begun.messages().join('\n')).toContain('--xdp-mode native forces it');
        await lab.configure(...RULES);
        const third = await lab.ipvsadm(`-A -t ${VIP}:82 -s rr`);
        expect(third.code).not.toBe(0);
        expect((await lab.client.readStatus()).warnings).toEqual([]);
      });

      test('native mode forwards where the other end of the cable is made for it', async () => {
        const port = ['link', 'set', 'dev', 'director', 'xdpdrv'];
        await must('nsenter', [
          `--net=/run/netns/${lab.name}-lan`,
          'ip',
          ...port,
          'obj',
          foreign,
          'sec',
          'xdp',
        ]);
        await start('--xdp-mode', 'native');
        await lab.configure(...RULES);
        expect(await inDirector('director', 'status')).toMatch(/^datapath +xdp \(native\), running/m);
        expect(await lab.page(PAGE)).toMatch(SERVED);
        await running.pop()!.stop();
        await must('nsenter', [`--net=/run/netns/${lab.name}-lan`, 'ip', ...port, 'off']);
      });

      test('a real server with another card is followed within two seconds', async () => {
        await start();
        await lab.configure(...RULES.slice(0, 2));
        expect(await lab.page(PAGE)).toBe(rs1.ipv4);
        await lab.must('rs1', 'ip', ['link', 'set', 'eth0', 'address', '02:00:00:00:99:99']);
        const quick = { timeout: 2000, interval: 20 };
        await expect.poll(() => lab.page(PAGE, '-m', '0.3'), quick).toBe(rs1.ipv4);
        await lab.must('rs1', 'ip', ['link', 'set', 'eth0', 'address', rs1.mac]);
        await expect.poll(() => lab.page(PAGE, '-m', '0.3'), quick).toBe(rs1.ipv4);
      });

      test('a real server behind a second interface', async () => {
        await start();
        await lab.namespace('director').sh(`
          ip link add eth1 type veth peer name eth1 netns ${lab.name}-rs2
          ip addr add 172.27.0.1/24 dev eth1
          ethtool -K eth1 tx off >/dev/null; ip link set eth1 up`);
        await lab.namespace('rs2').sh(`
          ip addr add 172.27.0.2/24 dev eth1; ip link set eth1 up
          echo 2 >/proc/sys/net/ipv4/conf/eth1/rp_filter`);
        await lab.configure(RULES[0]!, `-a -t ${VIP}:80 -r 172.27.0.2:80 -g -w 1`);
        await expect.poll(() => lab.page(PAGE, '-m', '0.3'), SOON).toBe(rs2.ipv4);
        const [neighbor] = (await lab.client.readStatus()).neighbors;
        expect(neighbor).toMatchObject({ server: '172.27.0.2', kind: 'neighbor', interface: 'eth1' });
        await inDirector('ip', 'link', 'delete', 'eth1');
      });
    });

    test('connections are searched and ended by who is at which end', async () => {
      await start();
      await lab.configure(...RULES);
      const held = await lab.program('client', 'hold-connections.mjs', VIP, '80', '8');
      const list = async (...args: string[]) =>
        (await inDirector('director', 'connections', ...args)).trimEnd().split('\n').slice(1);
      expect(await list('--client', client.ipv4)).toHaveLength(8);
      const onFirst = await list('--server', `${rs1.ipv4}:80`);
      expect(onFirst).toHaveLength(4);
      expect(await list('--virtual', `${VIP}:81`)).toEqual([]);
      const ended = await inDirector('director', 'connections', '--end', '--server', rs1.ipv4);
      expect(ended).toBe('4 connections ended\n');
      expect(await list('--server', rs1.ipv4)).toEqual([]);
      expect(await list()).toHaveLength(4);
      const all = await lab.run('director', 'director', ['connections', '--end']);
      expect(all).toMatchObject({ code: 2, stderr: expect.stringContaining('--end needs') });
      await held.end();
    });
  });
});
