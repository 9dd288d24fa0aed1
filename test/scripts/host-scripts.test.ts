/**
 * director-up, director-down, real-server-up and real-server-down on real kernels: each test gets a host
 * (a namespace whose eth0 is a cable to another namespace) and looks at it through `ip -json`.
 */
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type CommandResult,
  connect,
  describeWithRoot,
  type Namespace,
  namespaces,
  run,
} from '../helpers/netns.ts';

const SCRIPTS = join(import.meta.dirname, '../../scripts');
const TOOL_SETS = ['net-tools', 'iproute2'] as const;
const SETTINGS = ['arp_ignore', 'arp_announce'] as const;

const DIRECTOR = ['--interface', 'eth0', '--address', '172.26.20.111/24', '--vip', '172.26.20.110'];
const REAL_SERVER = ['--interface', 'eth0', '--address', '172.26.20.112/24', '--vip', '172.26.20.110'];
const IPV6_VIP = ['--vip', 'fd00:172:26:20::110'];

/** A host under test: run a script on it, look at what it has. */
class Host {
  readonly namespace: Namespace;
  readonly runFolder: string;

  constructor(namespace: Namespace, runFolder: string) {
    this.namespace = namespace;
    this.runFolder = runFolder;
  }

  script(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> {
    return this.namespace.run(join(SCRIPTS, name), args, { env: { DIRECTOR_RUN: this.runFolder, ...env } });
  }

  /** Addresses, routes, link flags and ARP settings, without what differs from one veth to the next. */
  async state(): Promise<unknown> {
    const { namespace } = this;
    const devices = await namespace.json<Device[]>('ip', ['-json', 'addr']);
    return {
      devices: devices.map(({ ifname, flags, addr_info }) => ({
        ifname,
        flags: flags.filter((flag) => flag === 'UP'),
        addresses: addr_info.filter((address) => address.scope !== 'link').map(sortKeys),
      })),
      routes: await namespace
        .json('ip', ['-json', '-details', '-4', 'route', 'show', 'table', 'all'])
        .then(sorted),
      routes6: await namespace
        .json<{ dst: string }[]>('ip', ['-json', '-details', '-6', 'route', 'show', 'table', 'all'])
        .then((routes) => sorted(routes.filter((route) => !/^f[ef]/.test(route.dst)))),
      settings: await this.settings(),
    };
  }

  async settings(): Promise<string[]> {
    const paths = ['all', 'eth0', 'lo'].flatMap((device) =>
      SETTINGS.map((setting) => `/proc/sys/net/ipv4/conf/${device}/${setting}`),
    );
    return (await this.namespace.must('cat', paths)).trim().split('\n');
  }
}

interface Device {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly scope: string }[];
}

const sortKeys = (value: object) => Object.fromEntries(Object.entries(value).sort());
const sorted = (rows: unknown) => (rows as object[]).map((row) => JSON.stringify(sortKeys(row))).sort();

describeWithRoot('the scripts that set up hosts', ['ifconfig', 'route', 'flock'], () => {
  const made = namespaces();
  const folder = mkdtempSync(join(tmpdir(), 'host-scripts-'));
  let hostCount = 0;
  let host: Host;

  /** A host whose eth0 has a cable but is down and bare, as a machine just installed. */
  async function newHost(): Promise<Host> {
    const namespace = await made.create('host');
    const lan = await made.create('lan');
    await connect(namespace, 'eth0', lan, 'port');
    await lan.must('ip', ['link', 'set', 'port', 'up']);
    return new Host(namespace, join(folder, `run-${++hostCount}`));
  }

  beforeEach(async () => {
    host = await newHost();
  });
  afterEach(() => made.destroyAll());
  afterAll(() => rmSync(folder, { recursive: true }));

  describe.each([
    ['director', DIRECTOR],
    ['real-server', REAL_SERVER],
  ])('%s', (role, article) => {
    const holder = role === 'director' ? 'eth0' : 'lo';
    const everything = [...article, '--address', 'fd00:172:26:20::111/64', ...IPV6_VIP, '--vip', '10.9.8.7'];

    test('ifconfig/route and ip reach the same end state', async () => {
      const states: unknown[] = [];
      for (const tools of TOOL_SETS) {
        const fresh = await newHost();
        const up = await fresh.script(`${role}-up`, [...everything, '--tools', tools]);
        expect(up).toEqual({ code: 0, stdout: '', stderr: '' });
        states.push(await fresh.state());
      }
      expect(states[0]).toEqual(states[1]);
      expect(JSON.stringify(states[0])).toContain(`"label":"${holder}:0"`);
    });

    test.each(TOOL_SETS)('down leaves the host as up found it (%s)', async (tools) => {
      const before = await host.state();
      await expectOk(host.script(`${role}-up`, [...everything, '--tools', tools]));
      expect(await host.state()).not.toEqual(before);
      await expectOk(host.script(`${role}-down`, [...everything, '--tools', tools]));
      expect(await host.state()).toEqual(before);
      expect(existsSync(host.runFolder)).toBe(false);
    });

    test.each([
      ['net-tools', 'iproute2'],
      ['iproute2', 'net-tools'],
    ])('what %s set up, %s takes down', async (up, down) => {
      const before = await host.state();
      await expectOk(host.script(`${role}-up`, [...everything, '--tools', up]));
      await expectOk(host.script(`${role}-down`, [...everything, '--tools', down]));
      expect(await host.state()).toEqual(before);
    });

    test.each(TOOL_SETS)('a second up changes nothing and types nothing (%s)', async (tools) => {
      await expectOk(host.script(`${role}-up`, [...everything, '--tools', tools]));
      const once = await host.state();
      const again = await host.script(`${role}-up`, [...everything, '--tools', tools, '--verbose']);
      expect(again).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await host.state()).toEqual(once);
    });

    test('down where nothing is up, and a second down, exit 0 and change nothing', async () => {
      const before = await host.state();
      await expectOk(host.script(`${role}-down`, everything));
      await expectOk(host.script(`${role}-up`, everything));
      await expectOk(host.script(`${role}-down`, everything));
      await expectOk(host.script(`${role}-down`, everything));
      expect(await host.state()).toEqual(before);
    });

    test('down without --vip takes down all that up added', async () => {
      await expectOk(host.script(`${role}-up`, everything));
      await expectOk(host.script(`${role}-down`, ['--interface', 'eth0']));
      const addresses = await host.namespace.must('ip', ['-o', 'addr']);
      expect(addresses).not.toContain('172.26.20.110');
      expect(addresses).not.toContain('fd00:172:26:20::110');
      expect(addresses).not.toContain('10.9.8.7');
    });

    test('down leaves an address that was there before up', async () => {
      const own = article[3] as string;
      await host.namespace.sh(`ip addr add ${own} broadcast + dev eth0; ip link set eth0 up`);
      const before = await host.state();
      await expectOk(host.script(`${role}-up`, article));
      const down = await host.script(`${role}-down`, article);
      expect(down.code).toBe(0);
      expect(down.stderr).toContain(`${own} stays on eth0`);
      expect(await host.state()).toEqual(before);
    });

    test.each(TOOL_SETS)('down works half-way: the route and the state file are gone (%s)', async (tools) => {
      await expectOk(host.script(`${role}-up`, [...article, '--tools', tools]));
      await host.namespace.must('ip', ['route', 'del', '172.26.20.110/32', 'dev', holder]);
      rmSync(host.runFolder, { recursive: true });
      await expectOk(
        host.script(`${role}-down`, ['--interface', 'eth0', '--vip', '172.26.20.110', '--tools', tools]),
      );
      expect(await host.namespace.must('ip', ['-o', 'addr'])).not.toContain('172.26.20.110');
    });

    test.each(TOOL_SETS)('--dry-run changes nothing and prints what up then runs (%s)', async (tools) => {
      const before = await host.state();
      const dry = await host.script(`${role}-up`, [...everything, '--tools', tools, '--dry-run']);
      expect(dry.code).toBe(0);
      expect(await host.state()).toEqual(before);
      expect(existsSync(host.runFolder)).toBe(false);
      const wet = await host.script(`${role}-up`, [...everything, '--tools', tools, '--verbose']);
      expect(typed(wet)).toEqual(dry.stdout);
    });

    test.each(TOOL_SETS)('--dry-run of down prints what down then runs (%s)', async (tools) => {
      await expectOk(host.script(`${role}-up`, [...everything, '--tools', tools]));
      const up = await host.state();
      const dry = await host.script(`${role}-down`, [...everything, '--tools', tools, '--dry-run']);
      expect(await host.state()).toEqual(up);
      const wet = await host.script(`${role}-down`, [...everything, '--tools', tools, '--verbose']);
      expect(typed(wet)).toEqual(dry.stdout);
    });

    test.each([
      ['net-tools', 'ifconfig eth0 172.26.20'],
      ['net-tools', 'route'],
      ['net-tools', `ifconfig ${holder}:1`],
      ['iproute2', 'ip route add'],
      ['iproute2', 'ip addr add 10.9.8.7/32'],
      ['iproute2', 'ip -6 addr add fd00:172:26:20::110/128'],
    ])('with %s, when "%s" fails half-way, everything is undone', async (tools, failing) => {
      const before = await host.state();
      const up = await host.script(`${role}-up`, [...everything, '--tools', tools], {
        PATH: `${fakeTool(failing)}:${process.env.PATH}`,
      });
      expect(up.code).not.toBe(0);
      expect(up.stderr).toContain('undoing what was done');
      expect(up.stderr).not.toContain('could not undo');
      expect(await host.state()).toEqual(before);
      expect(existsSync(host.runFolder)).toBe(false);
    });

    test('an interrupt half-way undoes everything', async () => {
      const before = await host.state();
      const tool = failingTool('ip', 'route add', 'kill -INT $PPID; sleep 0.2; exit 0');
      const up = await host.script(`${role}-up`, [...everything, '--tools', 'iproute2'], {
        PATH: `${tool}:${process.env.PATH}`,
      });
      expect(up.code).toBe(130);
      expect(await host.state()).toEqual(before);
    });

    test('a VIP that the interface has as an ordinary address is refused', async () => {
      await host.namespace.sh('ip addr add 172.26.20.110/24 dev eth0');
      const before = await host.state();
      const up = await host.script(`${role}-up`, ['--interface', 'eth0', '--vip', '172.26.20.110']);
      expect(up.code).toBe(1);
      expect(up.stderr).toContain('172.26.20.110');
      expect(await host.state()).toEqual(before);
      const down = await host.script(`${role}-down`, ['--interface', 'eth0', '--vip', '172.26.20.110']);
      expect(down.code).toBe(0);
      expect(await host.state()).toEqual(before);
    });

    test('another address on the interface is not replaced', async () => {
      await host.namespace.sh('ip addr add 10.1.1.1/8 dev eth0');
      const before = await host.state();
      for (const tools of TOOL_SETS) {
        const up = await host.script(`${role}-up`, [...article, '--tools', tools]);
        expect(up.code).toBe(1);
        expect(up.stderr).toContain('eth0 has the address 10.1.1.1: leave out --address');
      }
      expect(await host.state()).toEqual(before);
    });

    test("--help shows the article's addresses and needs neither root nor an interface", async () => {
      const help = await run(join(SCRIPTS, `${role}-up`), ['--help']);
      expect(help.code).toBe(0);
      expect(help.stdout).toContain(
        `${role}-up --interface eth0 --address ${article[3]} --vip 172.26.20.110`,
      );
    });

    test('without root it says so; --dry-run needs none', async () => {
      const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', join(SCRIPTS, `${role}-up`)];
      const refused = await host.namespace.run('setpriv', [...asNobody, ...article]);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('needs root');
      const dry = await host.namespace.run('setpriv', [...asNobody, ...article, '--dry-run']);
      expect(dry).toMatchObject({ code: 0, stderr: '' });
      expect(dry.stdout).toContain('172.26.20.110');
    });
  });

  test("the article's lines are what the director types with net-tools", async () => {
    const dry = await host.script('director-up', [...DIRECTOR, '--tools', 'net-tools', '--dry-run']);
    expect(dry.stdout.trimEnd().split('\n')).toEqual([
      'ifconfig eth0 172.26.20.111 netmask 255.255.255.0 broadcast 172.26.20.255 up',
      'ifconfig eth0:0 172.26.20.110 netmask 255.255.255.255 broadcast 172.26.20.110 up',
      'route add -host 172.26.20.110 dev eth0:0',
    ]);
  });

  test("the article's own lines leave the same addresses and routes as director-up", async () => {
    const typedByHand = await newHost();
    await typedByHand.namespace.sh(`
      ifconfig eth0 172.26.20.111 netmask 255.255.255.0 broadcast 172.26.20.255 up
      ifconfig eth0:0 172.26.20.110 netmask 255.255.255.255 broadcast 172.26.20.110 up
      route add -host 172.26.20.110 dev eth0:0`);
    await expectOk(host.script('director-up', [...DIRECTOR, '--tools', 'iproute2']));
    expect(await host.state()).toEqual(await typedByHand.state());
  });

  test('where net-tools is not installed, ip is typed without being asked for', async () => {
    const tools = mkdtempSync(join(folder, 'tools-'));
    const needed = 'ip flock awk sed grep id dirname readlink cat cut mkdir rmdir rm mv tr nsenter';
    for (const tool of needed.split(' ')) {
      const place = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].find((path) => existsSync(join(path, tool)));
      symlinkSync(join(place as string, tool), join(tools, tool));
    }
    const up = await host.script('real-server-up', [...REAL_SERVER, '--verbose'], { PATH: tools });
    expect(up.code).toBe(0);
    expect(typed(up)).toContain('ip addr add 172.26.20.110/32 broadcast 172.26.20.110 dev lo label lo:0\n');
    expect(typed(up)).not.toContain('ifconfig');
    const down = await host.script('real-server-down', REAL_SERVER, { PATH: tools });
    expect(down).toEqual({ code: 0, stdout: '', stderr: '' });
    const forced = await host.script('director-up', [...DIRECTOR, '--tools', 'net-tools'], { PATH: tools });
    expect(forced.code).toBe(1);
    expect(forced.stderr).toContain('needs ifconfig: apt-get install net-tools');
  });

  test('--alias names the alias; a label in use is not overwritten', async () => {
    await host.namespace.sh('ip addr add 10.5.5.5/32 dev eth0 label eth0:0');
    for (const tools of TOOL_SETS) {
      const named = await host.script('director-up', [...DIRECTOR, '--alias', 'eth0:0', '--tools', tools]);
      expect(named.code).toBe(1);
      expect(named.stderr).toContain('eth0:0 holds another address');
    }
    await expectOk(host.script('director-up', DIRECTOR));
    const addresses = await host.namespace.must('ip', ['-o', 'addr', 'show', 'dev', 'eth0']);
    expect(addresses).toContain('10.5.5.5/32 scope global eth0:0');
    expect(addresses).toContain('172.26.20.110/32 brd 172.26.20.110 scope global eth0:1');
  });

  test('a real server refuses a VIP that is on another device', async () => {
    await expectOk(host.script('director-up', DIRECTOR));
    const up = await host.script('real-server-up', ['--interface', 'eth0', '--vip', '172.26.20.110']);
    expect(up.code).toBe(1);
    expect(up.stderr).toContain('172.26.20.110 is on eth0: a real server has it on lo only');
  });

  describe('the ARP settings of a real server', () => {
    const set = (device: string, setting: string, value: number) =>
      host.namespace.sh(`echo ${value} >/proc/sys/net/ipv4/conf/${device}/${setting}`);
    const VIP_ONLY = ['--interface', 'eth0', '--vip', '172.26.20.110'];

    test('are 1 and 2 on the interface, and what they were before comes back', async () => {
      await set('eth0', 'arp_announce', 1);
      await expectOk(host.script('real-server-up', REAL_SERVER));
      expect(await host.settings()).toEqual(['0', '0', '1', '2', '0', '0']);
      await expectOk(host.script('real-server-down', REAL_SERVER));
      expect(await host.settings()).toEqual(['0', '0', '0', '1', '0', '0']);
    });

    test('stay as they are where `all` has them already', async () => {
      await set('all', 'arp_ignore', 2);
      await set('all', 'arp_announce', 2);
      await expectOk(host.script('real-server-up', REAL_SERVER));
      expect(await host.settings()).toEqual(['2', '2', '0', '0', '0', '0']);
      await expectOk(host.script('real-server-down', REAL_SERVER));
      expect(await host.settings()).toEqual(['2', '2', '0', '0', '0', '0']);
    });

    test('that `all` overrides are refused', async () => {
      await set('all', 'arp_ignore', 3);
      const before = await host.state();
      const up = await host.script('real-server-up', REAL_SERVER);
      expect(up.code).toBe(1);
      expect(up.stderr).toContain("net.ipv4.conf.all.arp_ignore is 3 and overrides eth0's");
      expect(await host.state()).toEqual(before);
    });

    test('are kept until the last virtual IP is gone, and the first values are remembered', async () => {
      await expectOk(host.script('real-server-up', VIP_ONLY));
      await expectOk(host.script('real-server-up', ['--interface', 'eth0', '--vip', '172.26.20.109']));
      const first = await host.script('real-server-down', VIP_ONLY);
      expect(first.stderr).toContain('arp_ignore and arp_announce stay for 172.26.20.109');
      expect(await host.settings()).toEqual(['0', '0', '1', '2', '0', '0']);
      await expectOk(host.script('real-server-down', ['--interface', 'eth0', '--vip', '172.26.20.109']));
      expect(await host.settings()).toEqual(['0', '0', '0', '0', '0', '0']);
    });

    test('that someone changed meanwhile are left alone', async () => {
      await expectOk(host.script('real-server-up', VIP_ONLY));
      await set('eth0', 'arp_ignore', 8);
      const down = await host.script('real-server-down', VIP_ONLY);
      expect(down.code).toBe(0);
      expect(down.stderr).toContain('arp_ignore is 8 by now');
      expect(await host.settings()).toEqual(['0', '0', '8', '0', '0', '0']);
    });

    test('are not touched for IPv6 alone', async () => {
      await expectOk(host.script('real-server-up', ['--interface', 'eth0', ...IPV6_VIP]));
      expect(await host.settings()).toEqual(['0', '0', '0', '0', '0', '0']);
    });

    test('rp_filter=1 is warned of only where the default route leaves by another interface', async () => {
      await set('eth0', 'rp_filter', 1);
      await expectOk(host.script('real-server-up', REAL_SERVER));
      await expectOk(host.script('real-server-down', REAL_SERVER));
      await host.namespace.sh(`
        ip link add eth1 type veth peer name other
        ip addr add 10.7.7.1/24 dev eth1; ip link set eth1 up; ip link set other up
        ip route add default via 10.7.7.2`);
      const up = await host.script('real-server-up', REAL_SERVER);
      expect(up.code).toBe(0);
      expect(up.stderr).toContain('rp_filter=1 on eth0 will drop clients beyond the LAN');
      expect(up.stderr).toContain('eth1');
    });
  });

  /** A folder with one tool that fails when its command line begins with the words given. */
  function fakeTool(commandLine: string): string {
    const [tool = '', ...words] = commandLine.split(' ');
    return failingTool(tool, words.join(' '), 'echo "no, by order of the test" >&2; exit 7');
  }

  function failingTool(tool: string, words: string, action: string): string {
    const tools = mkdtempSync(join(folder, 'tools-'));
    const body = `case "$*" in "${words}"*) ${action} ;; esac\nexec /usr/sbin/${tool} "$@"`;
    writeFileSync(join(tools, tool), `#!/bin/sh\n${body}\n`);
    chmodSync(join(tools, tool), 0o755);
    return tools;
  }
});

describeWithRoot('a wrong command line', ['flock'], () => {
  const made = namespaces();
  let host: Host;
  let before: unknown;
  beforeAll(async () => {
    host = new Host(await made.create('host'), join(tmpdir(), `host-scripts-${process.pid}-none`));
    await connect(host.namespace, 'eth0', await made.create('lan'), 'port');
    before = await host.state();
  });

  describe.each(['director-up', 'real-server-up'])('%s', (script) => {
    test.each([
      [['--vip', '172.26.20.110'], '--interface is missing'],
      [['--interface', 'eth0'], '--vip is missing'],
      [['--interface', 'eth0', '--vip'], '--vip: its value is missing'],
      [['--interface', '--vip', '172.26.20.110'], '--interface: its value is missing'],
      [
        ['--interface', 'eth7', '--vip', '172.26.20.110'],
        '--interface eth7: this host has none of that name; it has: ',
      ],
      [['--interface', 'eth 0', '--vip', '172.26.20.110'], '--interface eth 0: no interface name'],
      [['--interface', 'eth0', '--vip', '172.26.20'], '--vip 172.26.20: no IPv4 or IPv6 address'],
      [['--interface', 'eth0', '--vip', '172.26.20.256'], '--vip 172.26.20.256: no IPv4 or IPv6 address'],
      [['--interface', 'eth0', '--vip', '172.26.020.1'], '--vip 172.26.020.1: no IPv4 or IPv6 address'],
      [['--interface', 'eth0', '--vip', '172.26.20.110:80'], 'has no port; write --vip 172.26.20.110'],
      [['--interface', 'eth0', '--vip', '[fd00::1]:80'], 'no brackets and no port; write --vip fd00::1'],
      [['--interface', 'eth0', '--vip', '172.26.20.110/32'], 'stands alone; write --vip 172.26.20.110'],
      [['--interface', 'eth0', '--vip', '224.0.0.1'], '--vip 224.0.0.1: is a multicast address'],
      [['--interface', 'eth0', '--vip', '127.0.0.1'], '--vip 127.0.0.1: is a loopback address'],
      [['--interface', 'eth0', '--vip', '0.0.0.0'], '--vip 0.0.0.0: is the unspecified address'],
      [['--interface', 'eth0', '--vip', '255.255.255.255'], 'is a reserved or broadcast address'],
      [['--interface', 'eth0', '--vip', 'ff02::1'], '--vip ff02::1: is a multicast address'],
      [['--interface', 'eth0', '--vip', 'fe80::1'], '--vip fe80::1: is a link-local address'],
      [['--interface', 'eth0', '--vip', 'fd00:::1'], '--vip fd00:::1: no IPv4 or IPv6 address'],
      [['--interface', 'eth0', '--vip', 'fd00::12345'], '--vip fd00::12345: no IPv4 or IPv6 address'],
      [['--interface', 'eth0', '--vip', '1:2:3:4:5:6:7'], '--vip 1:2:3:4:5:6:7: no IPv4 or IPv6 address'],
      [['--interface', 'eth0', '--vip', '1:2:3:4:5:6:7:8:9'], 'no IPv4 or IPv6 address'],
      [['--interface', 'eth0', '--address', '172.26.20.111', ...IPV6_VIP], 'write it like 172.26.20.111/24'],
      [
        ['--interface', 'eth0', '--address', '172.26.20.111/33', ...IPV6_VIP],
        'prefix length 33 is outside 1..30',
      ],
      [['--interface', 'eth0', '--address', '172.26.20.111/x', ...IPV6_VIP], 'prefix length x is outside'],
      [
        ['--interface', 'eth0', '--address', 'fd00::1/129', ...IPV6_VIP],
        'prefix length 129 is outside 1..128',
      ],
      [
        ['--interface', 'eth0', '--address', '172.26.20.255/24', ...IPV6_VIP],
        'names the network itself or all of it',
      ],
      [
        ['--interface', 'eth0', '--address', '172.26.20.110/24', '--vip', '172.26.20.110'],
        "is the host's --address too",
      ],
      [
        ['--interface', 'eth0', '--address', 'fd00::1/64', '--vip', 'fd00:0::0001'],
        "is the host's --address too",
      ],
      [[...DIRECTOR, '--address', '172.26.20.9/24'], '172.26.20.111/24 is given already'],
      [[...DIRECTOR, '--alias', 'eth9:0'], '--alias eth9:0: write it like'],
      [[...DIRECTOR, '--tools', 'busybox'], '--tools busybox: not known'],
      [[...DIRECTOR, '--frobnicate'], '--frobnicate: not an option'],
      [[...DIRECTOR, 'eth0'], 'eth0: not an option'],
    ])('%j exits 2 and says so in one line', async (args, message) => {
      const up = await host.script(script, args);
      expect(up.stderr).toContain(message);
      expect(up.stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(up).toMatchObject({ code: 2, stdout: '' });
    });
  });

  test('changed nothing on the host', async () => {
    expect(await host.state()).toEqual(before);
  });
});

/** The commands of --verbose, as --dry-run prints them. */
function typed(result: CommandResult): string {
  const lines = result.stderr.split('\n').filter((line) => line.startsWith('+ '));
  return lines.map((line) => `${line.slice(2)}\n`).join('');
}

async function expectOk(result: Promise<CommandResult>): Promise<void> {
  expect(await result).toEqual({ code: 0, stdout: '', stderr: '' });
}
