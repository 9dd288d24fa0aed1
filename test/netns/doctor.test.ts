/**
 * Every problem that doctor knows is made, found by its id, mended by the command that is printed, as it stands, on the
 * host that is named, and gone. docs/DOCTOR.md says which could not be made here.
 */
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Report } from '../../src/doctor/doctor.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import {
  CHECKOUT,
  describeWithDirector,
  HOSTS,
  type HostName,
  type Lab,
  labs,
  type RunningDirector,
  SOON,
  VIP,
  VIP6,
} from '../helpers/lab.ts';

const HTTP = `-t ${VIP}:80`;
const RS1 = HOSTS.rs1.ipv4;
const RS2 = HOSTS.rs2.ipv4;
const STRANGER = '172.26.20.200';
const UNUSED_MAC = '02:00:ac:1a:14:99';

/** One mistake. */
interface Case {
  /** What is found. */
  readonly id: string;
  /** Which of several: part of what is wrong. */
  readonly about?: string;
  readonly host: HostName;
  /** Makes it; a shell's lines. */
  readonly make: string;
  /** Where the printed command is typed is not where doctor runs. */
  readonly mendedThere?: true;
  /** What the case leaves is taken away. */
  readonly clean?: string;
}

/** Mistakes that do not touch each other, so that doctor is called twice for all of them. */
interface Group {
  readonly at: HostName;
  /** Of doctor, after `--real-server` on a real server. */
  readonly args: string;
  readonly cases: readonly Case[];
}

const QUIET_AGAIN =
  'sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.eth0.arp_ignore=1 net.ipv4.conf.eth0.arp_announce=2';
const firewall = (verdict: string) =>
  `nft 'add table inet filter; add chain inet filter input { type filter hook input priority 0; policy accept; }; add rule inet filter input meta nfproto ipv4 tcp dport 80 ${verdict}'`;
const NO_FIREWALL = 'nft delete table inet filter';
/** A second card of the director, on the same segment. */
const ETH1 = (lab: Lab) => `
  ip link add eth1 address 02:00:ac:1a:14:79 type veth peer name director1
  ip link set director1 netns ${lab.name}-lan
  nsenter --net=/run/netns/${lab.name}-lan ip link set director1 master lan0 up
  ip addr add 172.26.20.121/24 dev eth1; ip link set eth1 up`;

const onRs2 = (only: string, ...cases: (Omit<Case, 'host'> & Partial<Case>)[]): Group => ({
  at: 'rs2',
  args: `--interface eth0 --vip ${VIP} --only ${only}`,
  cases: cases.map((each) => ({ host: 'rs2', ...each })),
});

const GROUPS: readonly Group[] = [
  {
    at: 'director',
    args: '--only vip guard offloads redirects segment',
    cases: [
      { id: 'vip-missing', about: `${VIP}`, host: 'director', make: `ip addr del ${VIP}/32 dev eth0` },
      { id: 'vip-missing', about: VIP6, host: 'director', make: `ip -6 addr del ${VIP6}/128 dev eth0` },
      { id: 'guard-missing', host: 'director', make: 'nft flush chain netdev director_eth0 ingress' },
      { id: 'offload-on', host: 'director', make: 'ethtool -K eth0 gro on' },
      {
        id: 'sends-redirects',
        host: 'director',
        make: 'sysctl -qw net.ipv4.ip_forward=1',
        clean: 'sysctl -qw net.ipv4.ip_forward=0',
      },
      { id: 'server-not-on-segment', host: 'director', make: `diradm -a ${HTTP} -r 10.9.9.9 -g` },
      {
        id: 'not-direct-routing',
        host: 'director',
        make: `diradm -a ${HTTP} -r ${HOSTS.client.ipv4} -m`,
        clean: `diradm -d ${HTTP} -r ${HOSTS.client.ipv4}`,
      },
    ],
  },
  {
    at: 'director',
    args: '--only arp',
    cases: [
      {
        id: 'real-server-answers-arp',
        about: `virtual address ${VIP}`,
        host: 'rs1',
        make: 'sysctl -qw net.ipv4.conf.eth0.arp_ignore=0',
        mendedThere: true,
        clean: QUIET_AGAIN,
      },
      {
        id: 'real-server-answers-arp',
        about: VIP6,
        host: 'rs1',
        make: `ip -6 addr add ${VIP6}/128 dev eth0 nodad`,
        mendedThere: true,
      },
      {
        id: 'duplicate-vip',
        about: VIP,
        host: 'client',
        make: `ip addr add ${VIP}/24 dev eth0`,
        mendedThere: true,
      },
      {
        id: 'duplicate-vip',
        about: VIP6,
        host: 'client',
        make: `ip -6 addr add ${VIP6}/128 dev eth0 nodad`,
        mendedThere: true,
      },
    ],
  },
  {
    at: 'director',
    args: '--only neighbor arp',
    cases: [
      {
        id: 'neighbor-wrong',
        host: 'director',
        make: `ip neigh replace ${RS1} lladdr ${UNUSED_MAC} dev eth0 nud permanent`,
      },
      {
        id: 'duplicate-server-address',
        host: 'client',
        make: `ip addr add ${RS2}/32 dev eth0`,
        mendedThere: true,
      },
      { id: 'server-silent', host: 'director', make: `diradm -a ${HTTP} -r ${STRANGER} -g` },
    ],
  },
  {
    at: 'director',
    args: '--only server-path guard mtu',
    cases: [
      {
        id: 'vip-missing-on-server',
        about: `virtual address ${VIP}`,
        host: 'rs1',
        make: `ip addr del ${VIP}/32 dev lo`,
        mendedThere: true,
        clean: QUIET_AGAIN,
      },
      {
        id: 'vip-missing-on-server',
        about: VIP6,
        host: 'rs1',
        make: `ip -6 addr del ${VIP6}/128 dev lo`,
        mendedThere: true,
      },
      { id: 'server-drops', host: 'rs2', make: firewall('drop'), mendedThere: true, clean: NO_FIREWALL },
      { id: 'mtu-differs', host: 'rs2', make: 'ip link set eth0 mtu 1400', mendedThere: true },
      {
        id: 'server-not-listening',
        host: 'director',
        make: `diradm -A -u ${VIP}:53; diradm -a -u ${VIP}:53 -r ${RS2} -g`,
        clean: `diradm -D -u ${VIP}:53`,
      },
      {
        id: 'guard-missing',
        host: 'director',
        make: `nft delete element netdev director_eth0 services4 '{ ${VIP} . tcp . 80 }'`,
      },
    ],
  },
  {
    at: 'director',
    args: '--only server-path arp',
    cases: [
      { id: 'server-rejects', host: 'rs2', make: firewall('reject'), mendedThere: true, clean: NO_FIREWALL },
      {
        id: 'real-server-answers-arp',
        host: 'rs1',
        make: `ip addr add ${VIP}/32 dev eth0`,
        mendedThere: true,
        clean: QUIET_AGAIN,
      },
    ],
  },
  onRs2(
    'arp-settings lo rp-filter mtu',
    { id: 'arp-ignore', make: 'sysctl -qw net.ipv4.conf.eth0.arp_ignore=0' },
    { id: 'arp-announce', make: 'sysctl -qw net.ipv4.conf.eth0.arp_announce=1' },
    { id: 'vip-missing-on-lo', make: `ip addr del ${VIP}/32 dev lo` },
    { id: 'mtu-differs', make: 'ip link set eth0 mtu 1600' },
    {
      id: 'rp-filter',
      make: `sysctl -qw net.ipv4.conf.eth0.rp_filter=1
        ip link add wan type veth peer name isp; ip addr add 192.0.2.2/24 dev wan; ip link set wan up; ip link set isp up
        ip route add default via 192.0.2.1`,
      clean: 'ip link del wan; sysctl -qw net.ipv4.conf.eth0.rp_filter=0',
    },
  ),
  onRs2(
    'arp-settings lo gateway arp',
    {
      id: 'duplicate-vip',
      host: 'client',
      make: `ip addr add ${VIP}/32 dev eth0`,
      mendedThere: true,
      clean: `ip addr del ${VIP}/32 dev lo; ${QUIET_AGAIN}; sysctl -qw net.ipv4.conf.eth0.arp_ignore=0`,
    },
    { id: 'arp-ignore', make: 'sysctl -qw net.ipv4.conf.all.arp_ignore=3' },
    { id: 'vip-outside-lo', make: `ip addr add ${VIP}/32 dev eth0`, clean: QUIET_AGAIN },
    { id: 'gateway-is-director', make: `ip route add default via ${HOSTS.director.ipv4}` },
  ),
  onRs2('lo', {
    id: 'vip-netmask',
    make: `ip addr del ${VIP}/32 dev lo; ip addr add ${VIP}/24 dev lo`,
  }),
];

describeWithDirector('director doctor', ['arping', 'setpriv'], () => {
  const made = labs();
  let lab: Lab;
  let director: RunningDirector;

  beforeAll(async () => {
    lab = await made.create('doctor');
    director = await lab.startDirector('pcap');
    await lab.configure(
      `-A ${HTTP} -s wlc`,
      `-a ${HTTP} -r ${RS1} -g`,
      `-a ${HTTP} -r ${RS2} -g`,
      `-A -t [${VIP6}]:80 -s rr`,
      `-a -t [${VIP6}]:80 -r [${HOSTS.rs1.ipv6}]:80 -g`,
    );
  });
  afterAll(async () => {
    await director?.stop();
  });

  async function examine(
    at: HostName,
    args: string,
  ): Promise<{ code: number; report: Report; findings: Finding[] }> {
    const role = at === 'rs1' || at === 'rs2' ? ['--real-server'] : [];
    const words = args === '' ? [] : args.split(' ');
    const { code, stdout, stderr } = await lab.run(at, 'director', ['doctor', ...role, ...words, '--json']);
    if (stdout === '') throw new Error(stderr);
    const report = JSON.parse(stdout) as Report;
    return { code, report, findings: report.checks.flatMap(({ findings }) => findings) };
  }

  const sh = (host: HostName, lines: string) => lab.must(host, 'sh', ['-euc', lines]);

  /** The one finding of this id, with its command. */
  async function find(id: string, at: HostName, args: string): Promise<Finding> {
    const { code, report, findings } = await examine(at, args);
    expect(findings.map((finding) => finding.id)).toEqual([id]);
    expect(code).toBe(report.problems === 0 ? 0 : 10 + report.problems);
    expect(report.problems).toBe(findings[0]!.severity === 'problem' ? 1 : 0);
    return findings[0]!;
  }

  const counted = (findings: readonly Finding[]) => findings.filter(({ severity }) => severity !== 'note');

  async function findAndMend(at: HostName, args: string, cases: readonly Case[]): Promise<void> {
    const { code, report, findings } = await examine(at, args);
    const ids = (these: readonly { id: string }[]) => these.map(({ id }) => id).sort();
    expect(ids(counted(findings))).toEqual(ids(cases));
    expect(report.problems).toBe(findings.filter(({ severity }) => severity === 'problem').length);
    expect(code).toBe(10 + report.problems);
    for (const { id, about = '', host, mendedThere } of cases) {
      const { fix } = findings.find((finding) => finding.id === id && finding.what.includes(about))!;
      expect(fix!.on === null).toBe(mendedThere === undefined);
      await sh(mendedThere === undefined ? at : host, fix!.command);
    }
    await vi.waitFor(async () => expect(counted((await examine(at, args)).findings)).toEqual([]), SOON);
  }

  /** At once, or as soon as the daemon has noticed. */
  const isGone = (id: string, at: HostName, args: string) =>
    vi.waitFor(async () => {
      const { findings } = await examine(at, args);
      expect(findings.map((finding) => finding.id)).not.toContain(id);
    }, SOON);

  test('finds no problem where there is none, and disturbs nobody', async () => {
    await sh('client', `ping -qc1 ${VIP}`);
    const known = () => lab.must('client', 'ip', ['-br', 'neigh', 'show', 'to', VIP]);
    const before = await known();
    for (const at of ['director', 'rs1', 'rs2'] as const) {
      const startedMs = performance.now();
      const { code, report, findings } = await examine(at, '');
      expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      expect(report.checks.filter(({ state }) => state === 'not checked')).toEqual([]);
      expect(code).toBe(0);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
    }
    expect(await known()).toBe(before);
    expect(await lab.page(`http://${VIP}/`)).toMatch(/^172/);
  });

  test.each(GROUPS.map((group) => [group.at, group.cases.map(({ id }) => id).join(', '), group] as const))(
    'on %s: %s',
    async (_at, _ids, { at, args, cases }) => {
      try {
        for (const { host, make } of cases) await sh(host, make);
        await findAndMend(at, args, cases);
      } finally {
        for (const { host, clean } of cases)
          if (clean !== undefined) await lab.run(host, 'sh', ['-c', clean]);
      }
    },
  );

  test('programs that listen on the own address only, or do not run', async () => {
    const pid = await lab.webServerPid('rs1');
    process.kill(pid);
    await vi.waitUntil(async () => (await lab.run('rs1', 'kill', ['-0', String(pid)])).code !== 0, SOON);
    const path = '--only server-path';
    const here = `--interface eth0 ${HTTP} --only listening`;
    expect((await find('not-listening', 'rs1', here)).fix).toBeNull();
    // Of both address families.
    const stopped = (await examine('director', path)).findings;
    expect(stopped.map(({ id }) => id)).toEqual(['server-not-listening', 'server-not-listening']);
    for (const { fix } of stopped) await sh('director', fix!.command);
    await isGone('server-not-listening', 'director', path);

    await lab.must('director', 'diradm', ['-a', ...HTTP.split(' '), '-r', RS1, '-g']);
    const script = `require('net').createServer(() => {}).listen(80, '${RS1}', () => console.log('ready'))`;
    const program = lab.spawn('rs1', process.execPath, ['-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => program.stdout!.once('data', resolve));
    await find('may-not-listen', 'rs1', `--interface eth0 --vip ${VIP} --only listening`);
    await find('listens-elsewhere', 'rs1', here);
    const { fix } = await find('not-listening-on-vip', 'director', path);
    await sh('rs1', fix!.command);
    await isGone('not-listening-on-vip', 'director', path);
    await isGone('listens-elsewhere', 'rs1', here);
    program.kill();
    await sh('rs1', 'nft delete table ip director_doctor');
    await lab.startWebServer('rs1');
    await isGone('not-listening', 'rs1', here);
    await lab.must('director', 'diradm', ['-a', '-t', `[${VIP6}]:80`, '-r', `[${HOSTS.rs1.ipv6}]:80`, '-g']);
  });

  test('nobody who has the virtual address, seen from a real server', async () => {
    const arp = `--interface eth0 --vip ${VIP} --only arp`;
    await lab.script('unplug', 'director');
    await find('vip-unanswered', 'rs2', arp);
    await lab.script('plug', 'director');
    await isGone('vip-unanswered', 'rs2', arp);
  });

  test("a clock that is off, by what is told of it: an answer's bytes are changed on the way", async () => {
    const mangle = `nft 'add table netdev clock; add chain netdev clock out { type filter hook egress device "eth0" priority 0; }; add rule netdev clock out icmp type timestamp-reply @th,128,32 set 86399999'`;
    await sh('rs1', mangle);
    const { what } = await find('clock-differs', 'director', '--only clock');
    expect(what).toContain(RS1);
    await sh('rs1', 'nft delete table netdev clock');
    await isGone('clock-differs', 'director', '--only clock');
  });

  test('another card of the director answers, and another director runs on it', async () => {
    await sh('director', ETH1(lab));
    const { fix } = await find('own-interface-answers', 'director', '--only arp');
    await sh('director', fix!.command);
    await isGone('own-interface-answers', 'director', '--only arp');
    const socket = join(lab.folder, 'other.sock');
    const other = lab.spawn(
      'director',
      'director',
      ['--socket', socket, 'run', '--interface', 'eth1', '--datapath', 'pcap'],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => other.on('exit', resolve));
    const found = await vi.waitFor(() => find('other-director', 'director', '--only other-director'), SOON);
    await sh('director', found.fix!.command);
    await ended;
    await isGone('other-director', 'director', '--only other-director');
    await sh('director', 'ip link del eth1');
  });

  test('what the daemon itself warns of', async () => {
    await sh('director', 'diradm -A -f 9');
    await find('daemon-warning', 'director', '--only daemon');
    await sh('director', 'diradm -D -f 9');
    await isGone('daemon-warning', 'director', '--only daemon');
  });

  test('a process without capabilities', async () => {
    const main = join(CHECKOUT, 'dist/cli/director/main.js');
    const { code, stdout } = await lab.run('director', 'setpriv', [
      '--bounding-set=-net_raw,-net_admin',
      ...[
        '--inh-caps=-net_raw,-net_admin',
        process.execPath,
        main,
        'doctor',
        '--only',
        'capabilities',
        '--json',
      ],
    ]);
    expect(code).toBe(11);
    const [finding] = (JSON.parse(stdout) as Report).checks.flatMap(({ findings }) => findings);
    expect(finding).toMatchObject({ id: 'capabilities', fix: { command: 'sudo director doctor' } });
    // For who is root already sudo does no more.
    const path = await pathOf([], { sudo: 'exec "$@"' });
    await sh('director', `PATH=${path}:$PATH; ${finding!.fix!.command}`);
  });

  /** A folder that is all of PATH, with these programs of the host's, and lines of a shell in the place of others. */
  async function pathOf(programs: readonly string[], standIns: Readonly<Record<string, string>>) {
    const folder = mkdtempSync(join(lab.folder, 'path-'));
    for (const name of programs) {
      const path = (await lab.must('director', 'sh', ['-c', `command -v ${name}`])).trim();
      symlinkSync(path, join(folder, name));
    }
    for (const [name, lines] of Object.entries(standIns))
      writeFileSync(join(folder, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    return folder;
  }

  async function findKernelWith(path: string): Promise<Finding[]> {
    const main = join(CHECKOUT, 'dist/cli/director/main.js');
    const words = [`PATH=${path}`, process.execPath, main, 'doctor', '--only', 'kernel', '--json'];
    const { stdout } = await lab.run('director', '/usr/bin/env', words);
    return (JSON.parse(stdout) as Report).checks.flatMap(({ findings }) => findings);
  }

  test('a program that is not there', async () => {
    // As little as apt-get does for who has the package already: its programs come to where they are found.
    const aptGet = `[ "$1" = install ] || exit 100
      for file in $(/usr/bin/dpkg-query -L "$2"); do
        case $file in */bin/* | */sbin/*) /bin/ln -s "$file" "$PATH" ;; esac
      done`;
    const path = await pathOf(['ip', 'nft'], { 'apt-get': aptGet });
    const [finding] = await findKernelWith(path);
    expect(finding!.id).toBe('tool-missing');
    await sh('director', `PATH=${path}; ${finding!.fix!.command}`);
    expect(await findKernelWith(path)).toEqual([]);
  });

  test('a kernel that refuses', async () => {
    const path = await pathOf(['ip', 'ethtool'], { nft: 'echo "Operation not supported" >&2; exit 1' });
    const [finding] = await findKernelWith(path);
    expect(finding).toMatchObject({ id: 'kernel-lacks', fix: null });
  });

  test('a command line that is wrong is told from problems', async () => {
    const elsewhere = await lab.run('client', 'director', ['doctor']);
    expect(elsewhere).toMatchObject({ code: 2, stdout: '' });
    expect(elsewhere.stderr).toContain('another network namespace');
    for (const args of [
      ['--only', 'nonsense'],
      ['--vip', 'nonsense'],
      ['--interface', 'eth9'],
      ['--nonsense'],
    ]) {
      const result = await lab.run('director', 'director', ['doctor', ...args]);
      expect({ args, code: result.code, stdout: result.stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(result.stderr).not.toBe('');
    }
  });

  test('a link that is down; no director, and what one left that was killed', async () => {
    await sh('director', 'ip link set eth0 down');
    const { fix } = await find('link-down', 'director', '--only daemon');
    await sh('director', fix!.command);
    await isGone('link-down', 'director', '--only daemon');

    await director.stop('SIGKILL');
    const named = `--interface eth0 --vip ${VIP}`;
    const silent = await lab.run('director', 'director', ['doctor']);
    expect(silent).toMatchObject({ code: 1, stdout: '' });
    expect(silent.stderr).toContain('--interface');
    await find('no-director', 'director', `${named} --only daemon`);
    const left = await find('left-behind', 'director', `${named} --only other-director`);
    const [program, ...words] = left.fix!.command.split(' ');
    const next = lab.spawn('director', program!, words, { stdio: 'ignore' });
    const ended = new Promise((resolve) => next.on('exit', resolve));
    await isGone('left-behind', 'director', `${named} --only other-director`);
    await isGone('no-director', 'director', `${named} --only daemon`);
    // Taken over by the faster datapath, where there is one; the link that was down has cost the IPv6 addresses.
    await sh(
      'director',
      `ip -6 addr add ${HOSTS.director.ipv6}/64 dev eth0 nodad; ip -6 addr add ${VIP6}/128 dev eth0 nodad preferred_lft 0`,
    );
    await vi.waitFor(async () => expect(counted((await examine('director', '')).findings)).toEqual([]), SOON);
    next.kill();
    await ended;
  });
});
