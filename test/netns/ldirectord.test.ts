/**
 * ldirectord, as Debian has it, keeps our command busy: it finds it as /sbin/ipvsadm, reads its lists, and adds,
 * quiesces, removes and restores real servers as their web servers go and come back.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unpackDebianPackage, withProgramsInSbin } from '../helpers/callers.ts';
import { CHECKOUT, describeWithDirector, HOSTS, type Lab, labs, SOON, VIP, VIP6 } from '../helpers/lab.ts';
import { run } from '../helpers/netns.ts';

const REAL_SERVERS = ['rs1', 'rs2'] as const;
type RealServer = (typeof REAL_SERVERS)[number];
const WEIGHTS = { rs1: 1, rs2: 2 } as const;
const MARK = 7;
const PAGE4 = `http://${VIP}/`;
const PAGE6 = `http://[${VIP6}]/`;
/** Several rounds of checks, and each change is three processes, on a machine that others use, too. */
const DRIVEN = { timeout: 60_000, interval: 250 } as const;
const PERL_MODULES = ['Socket6', 'LWP::UserAgent', 'IO::Socket::INET6', 'Mail::Send'];

const files = await unpackDebianPackage('ldirectord');

/** One service drops servers, the other one, of a mark and with persistence, keeps them with weight 0. */
const configuration = (logFile: string, scheduler: string) => `
checktimeout=1
negotiatetimeout=1
checkinterval=1
autoreload=no
logfile="${logFile}"
virtual=${VIP}:80
    real=${HOSTS.rs1.ipv4}:80 gate ${WEIGHTS.rs1}
    real=${HOSTS.rs2.ipv4}:80 gate ${WEIGHTS.rs2}
    fallback=127.0.0.1:80 gate
    quiescent=no
    protocol=tcp
    scheduler=${scheduler}
    checktype=negotiate
    service=http
    request="/"
    receive="real server"
virtual6=${MARK}
    real6=[${HOSTS.rs1.ipv6}]:80 gate ${WEIGHTS.rs1}
    real6=[${HOSTS.rs2.ipv6}]:80 gate ${WEIGHTS.rs2}
    fallback6=[::1]:80 gate
    quiescent=yes
    protocol=fwm
    scheduler=wrr
    persistent=60
    netmask=64
    checktype=connect
    checkport=80
`;

describeWithDirector('ldirectord', ['perl', 'unshare', 'mount'], () => {
  const { create } = labs();
  let lab: Lab;
  let config: string;
  let logFile: string;
  let pidFile: string | undefined;

  const ldirectord = (command: string) =>
    lab.must(
      'director',
      ...withProgramsInSbin(join(lab.folder, 'bin'), join(files!, 'usr/sbin/ldirectord'), config, command),
    );

  /** `ipvsadm -Ln` without its titles and without counts of connections, which come and go. */
  const listing = async () => {
    const lines = (await lab.ipvsadm('-Ln')).stdout.trimEnd().split('\n').slice(3);
    return lines.map((line) => line.replace(/^( {2}-> .{28} \S+ +\d+) .*/, '$1'));
  };

  const row = (endpoint: string, weight: number) => `  -> ${endpoint.padEnd(28)} Route   ${weight}`;

  /** What the listing is while the web servers of these hosts live. */
  const listingWith = (...living: RealServer[]) => {
    const weight = (host: RealServer) => (living.includes(host) ? WEIGHTS[host] : 0);
    const fallbackOf = (endpoint: string) => (living.length === 0 ? [row(endpoint, 1)] : []);
    return [
      `TCP  ${VIP}:80 wrr`,
      ...fallbackOf('127.0.0.1:80'),
      ...living.map((host) => row(`${HOSTS[host].ipv4}:80`, weight(host))),
      `FWM  ${MARK} IPv6 wrr persistent 60 mask 64`,
      ...REAL_SERVERS.map((host) => row(`[${HOSTS[host].ipv6}]:80`, weight(host))),
      ...fallbackOf('[::1]:80'),
    ];
  };

  const stopWebServer = (host: RealServer) => {
    const [pid] = readFileSync(join(lab.folder, `${host}.web.pid`), 'utf8').split(' ');
    process.kill(Number(pid));
  };
  const startWebServer = (host: RealServer) => {
    const program = join(CHECKOUT, 'scripts/lib/web-server.mjs');
    lab.spawn(host, process.execPath, [program, 'real server', HOSTS[host].ipv4], { stdio: 'ignore' });
  };
  const pages = async (url: string, count: number) => {
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) seen.add(await lab.page(url));
    return [...seen].sort();
  };

  beforeAll(async () => {
    if (files === undefined) return;
    for (const name of PERL_MODULES)
      expect(await run('perl', [`-M${name}`, '-e1']), name).toMatchObject({ code: 0 });
    lab = await create('ldirectord', '--local-node');
    // Or the director would ask the real servers from the virtual IP, which they have themselves.
    await lab.must('director', 'ip', ['addr', 'change', `${VIP6}/128`, 'dev', 'eth0', 'preferred_lft', '0']);
    await lab.startDirector('ring');
    const mark = ['mark', 'add', VIP6, '--mark', `${MARK}`, '--protocol', 'tcp', '--ports', '80'];
    await lab.must('director', 'director', mark);
    await lab.must('director', 'director', ['set', 'expire_quiescent_template', '1']);
    config = join(lab.folder, `${lab.name}.cf`);
    logFile = join(lab.folder, 'ldirectord.log');
    pidFile = `/run/ldirectord.${lab.name}.cf.pid`;
    writeFileSync(config, configuration(logFile, 'wrr'));
  });
  afterAll(async () => {
    if (pidFile === undefined || !existsSync(pidFile)) return;
    await ldirectord('stop');
    await expect.poll(() => existsSync(pidFile!), SOON).toBe(false);
  });

  test.skipIf(files === undefined)(
    'adds, removes, quiesces and restores real servers as their web servers go and come',
    { timeout: 300_000 },
    async () => {
      await ldirectord('start');
      await expect.poll(listing, DRIVEN).toEqual(listingWith('rs1', 'rs2'));
      expect(await pages(PAGE4, 6)).toEqual([HOSTS.rs1.ipv4, HOSTS.rs2.ipv4]);

      const [persistent, ...others] = await pages(PAGE6, 3);
      expect(others).toEqual([]);
      const [gone, alive]: RealServer[] = persistent === HOSTS.rs1.ipv4 ? ['rs1', 'rs2'] : ['rs2', 'rs1'];
      stopWebServer(gone!);
      await expect.poll(listing, DRIVEN).toEqual(listingWith(alive!));
      expect(await pages(PAGE4, 6)).toEqual([HOSTS[alive!].ipv4]);
      // For all its persistence: that is what expire_quiescent_template is for.
      expect(await pages(PAGE6, 3)).toEqual([HOSTS[alive!].ipv4]);

      stopWebServer(alive!);
      await expect.poll(listing, DRIVEN).toEqual(listingWith());
      expect(await pages(PAGE4, 2)).toEqual([HOSTS.director.ipv4]);
      expect(await pages(PAGE6, 2)).toEqual([HOSTS.director.ipv4]);

      REAL_SERVERS.forEach(startWebServer);
      await expect.poll(listing, DRIVEN).toEqual(listingWith('rs1', 'rs2'));
      expect(await pages(PAGE4, 6)).toEqual([HOSTS.rs1.ipv4, HOSTS.rs2.ipv4]);

      writeFileSync(config, configuration(logFile, 'wlc'));
      await ldirectord('reload');
      await expect
        .poll(listing, DRIVEN)
        .toEqual([`TCP  ${VIP}:80 wlc`, ...listingWith('rs1', 'rs2').slice(1)]);

      await ldirectord('stop');
      await expect.poll(listing, DRIVEN).toEqual([]);
      await expect.poll(() => existsSync(pidFile!), SOON).toBe(false);
      expect(readFileSync(logFile, 'utf8')).not.toMatch(/failed/);
    },
  );
});
