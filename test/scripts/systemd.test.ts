/**
 * The systemd unit: that it says what the daemon relies on, that systemd understands it, and that the daemon does
 * its part with no more rights than the unit leaves it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, test } from 'vitest';
import { DATAPATHS } from '../helpers/lab.ts';
import { connect, describeWithRoot, missingNeeds, namespaces, run } from '../helpers/netns.ts';

const root = join(import.meta.dirname, '../..');
const UNIT = join(root, 'scripts/systemd/director.service');
const unitText = readFileSync(UNIT, 'utf8');

/** `[Section] Key` to its values, in order. */
function parseUnit(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  let section = '';
  for (const line of text.split('\n')) {
    section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section;
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const name = `${section}.${key}`;
    settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

describe('director.service', () => {
  const unit = parseUnit(unitText);
  const service = (key: string) => unit.get(`Service.${key}`)?.join(' ');
  const words = (key: string) => service(key)?.split(' ').sort();

  test.each([
    // what the daemon says and is told
    ['Type', 'notify'],
    ['NotifyAccess', 'main'],
    ['ExecReload', '/bin/kill -HUP $MAINPID'],
    ['Restart', 'on-failure'],
    // the daemon ends its datapath process by itself
    ['KillMode', 'process'],
    ['RuntimeDirectory', 'director'],
    // director-up keeps there what director-down puts back
    ['RuntimeDirectoryPreserve', 'yes'],
    // hardening
    ['NoNewPrivileges', 'yes'],
    ['ProtectSystem', 'strict'],
    ['ReadWritePaths', '-/sys/fs/bpf'],
    ['ProtectHome', 'yes'],
    ['PrivateTmp', 'yes'],
    ['SystemCallFilter', '@system-service bpf'],
    // V8 asks for memory keys, which the filter lacks: refused, not killed
    ['SystemCallErrorNumber', 'EPERM'],
  ])('%s=%s', (key, value) => expect(service(key)).toBe(value));

  test.each(['ProtectKernelTunables', 'MemoryDenyWriteExecute', 'PrivateNetwork', 'PrivateUsers'])(
    'does not set %s, which the daemon could not live with, and says why',
    (key) => {
      expect(unit.has(`Service.${key}`)).toBe(false);
      expect(unitText).toMatch(new RegExp(`^# .*${key}.*:`, 'm'));
    },
  );

  test('leaves six capabilities and five address families', () => {
    expect(words('CapabilityBoundingSet')).toEqual([
      'CAP_BPF',
      'CAP_CHOWN',
      'CAP_NET_ADMIN',
      'CAP_NET_RAW',
      'CAP_PERFMON',
      'CAP_SYS_NICE',
    ]);
    expect(words('RestrictAddressFamilies')).toEqual([
      'AF_INET',
      'AF_INET6',
      'AF_NETLINK',
      'AF_PACKET',
      'AF_UNIX',
    ]);
  });

  test('every variable it uses is in /etc/default/director, with what it is for', () => {
    const defaults = readFileSync(join(root, 'scripts/systemd/director.default'), 'utf8');
    const used = [...(service('ExecStart') ?? '').matchAll(/\$\{?(\w+)/g)].map((match) => match[1]);
    expect(used).toEqual(['DIRECTOR_INTERFACE', 'DIRECTOR_OPTIONS']);
    for (const name of used) expect(defaults).toMatch(new RegExp(`^# .+\n${name}=`, 'm'));
  });

  test.skipIf(missingNeeds(['systemd-analyze']).includes('systemd-analyze'))(
    'systemd-analyze verify has nothing to say',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'director-unit-'));
      const copy = join(folder, 'director.service');
      writeFileSync(copy, unitText.replace('/usr/local/sbin/director', process.execPath));
      const verified = await run('systemd-analyze', ['verify', copy]);
      rmSync(folder, { recursive: true });
      expect(verified).toEqual({ code: 0, stdout: '', stderr: '' });
    },
  );
});

// Node.js has no datagram sockets in the unix domain; Python has.
const NOTIFY_SOCKET = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True: print(s.recv(4096).decode().strip(), flush=True)
`;

describeWithRoot('director run as the unit starts it', ['python3', 'setpriv', 'nft', 'ethtool'], () => {
  const folder = mkdtempSync(join(tmpdir(), 'director-notify-'));
  const { create } = namespaces();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(DATAPATHS)(
    'says READY=1 when it can be asked, and STOPPING=1, with the capabilities of the unit alone: %s',
    async (datapath) => {
      const notifyPath = join(folder, `notify-${datapath}`);
      const socketPath = join(folder, 'director.sock');
      const listener = spawn('python3', ['-c', NOTIFY_SOCKET, notifyPath], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const heard = createInterface({ input: listener.stdout! })[Symbol.asyncIterator]();
      try {
        expect((await heard.next()).value).toBe('bound');
        const [host, peer] = [await create(), await create('peer')];
        await connect(host, 'eth0', peer, 'eth0');
        await host.sh('ip addr add 192.0.2.1/24 dev eth0; ip link set eth0 up');

        const capabilities = parseUnit(unitText).get('Service.CapabilityBoundingSet')!.join(' ').split(' ');
        const only = ['-all', ...capabilities.map((name) => name.replace('CAP_', '+').toLowerCase())].join();
        const daemon = host.spawn(
          'setpriv',
          [
            `--bounding-set=${only}`,
            '--no-new-privs',
            process.execPath,
            ...['--import', 'tsx', 'src/cli/director/main.ts'],
            ...['run', '--interface', 'eth0', '--datapath', datapath, '--socket', socketPath],
          ],
          {
            cwd: root,
            env: {
              ...process.env,
              NOTIFY_SOCKET: notifyPath,
              DIRECTOR_BPFFS: `/sys/fs/bpf/director-unit-${process.pid}`,
            },
            stdio: ['ignore', 'ignore', 'inherit'],
          },
        );
        expect((await heard.next()).value).toBe('READY=1');
        expect(existsSync(socketPath)).toBe(true);
        daemon.kill('SIGTERM');
        expect((await heard.next()).value).toBe('STOPPING=1');
        expect((await once(daemon, 'exit'))[0]).toBe(0);
        expect(await host.must('nft', ['list', 'tables'])).toBe('');
        expect(existsSync(socketPath)).toBe(false);
      } finally {
        listener.kill();
      }
    },
  );
});
