import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/diradm/errors.ts';
import { parseCommand } from '../../../src/cli/diradm/parse.ts';
import type { Edit } from '../../../src/service/model.ts';
import { fakeResolver } from './run-in-process.ts';

const parse = (line: string) =>
  parseCommand(line === '' ? [] : line.split(' ').map(unquote), 'ipvsadm', fakeResolver);
/** `''` is an empty word; `_` stands for a blank. */
const unquote = (word: string) => (word === "''" ? '' : word.replaceAll('_', ' '));

async function failure(line: string): Promise<{ message: string; exit: number }> {
  const error = await parse(line).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return { message: error.message, exit: error.exitCode };
}

async function editOf(line: string): Promise<Edit> {
  const command = await parse(line);
  if (command.kind !== 'edit') throw new Error(`${line} is no edit`);
  return command.edit;
}

const TRY = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.";
const VIRTUAL = 'illegal virtual server address[:port] specified';
const REAL = 'illegal real server address[:port] specified';

describe('a command line that the option parser refuses ends with 255', () => {
  it.each([
    ['-n', TRY],
    ['hello', TRY],
    ["''", TRY],
    ['-- -L', TRY],
    ['--start-daemon', TRY],
    ['--lis', TRY],
    ['-L=n', TRY],
    ['-A -q', '-q: unknown option'],
    ['-Lnq', '-Lnq: unknown option'],
    ['-A --sched rr', '--sched: unknown option'],
    ['-A -t 1.1.1.1:1 -p -1', '-1: unknown option'],
    ['--set -1 2 3', '-1: unknown option'],
    ['-A -t', '-t: missing argument'],
    ['-Lnx', '-Lnx: missing argument'],
    ['-A --scheduler', '--scheduler: missing argument'],
    ['-L --numeric=1', '--numeric=1: option does not take an argument'],
    ['-Ln=', '-Ln=: option does not take an argument'],
  ])('%s: %s', async (line, message) => {
    expect(await failure(line)).toEqual({ message, exit: 255 });
  });
});

describe('what ipvsadm refuses itself ends with 2', () => {
  it.each([
    ['-A -D', "invalid option `-D'"],
    ['-AL', "invalid option `-AL'"],
    ['-A --start-daemon master', "invalid option `master'"],
    ['-L --help', "invalid option `--help'"],
    ['-A -t 10.0.0.1:80 -R 10.0.0.2', "invalid option `-R'"],
    ['hello -A -t 10.0.0.1:80', 'unexpected argument hello'],
    ['-Ln -', 'unexpected argument -'],
    ['-L -- -n', 'unexpected argument -n'],
    ['-list', "Illegal 'scheduler' option with the 'list' command"],
    ['-A -t 1.1.1.1:1 -u 1.1.1.1:1', "multiple 'service-address' options specified"],
    ['-A -t 1.1.1.1:1 -f 1', "multiple 'service-address' options specified"],
    ['-a -g -g', "multiple 'forwarding-method' options specified"],
    ['-A -6 -f 1', '-6 used before -f\n'],
    ['-L -6', '-6 used before -f\n'],
    ['-A -t 1.1.1.1:1 -p=', "invalid timeout value `' specified"],
    ['-A -t 1.1.1.1:1 -p =60', "invalid timeout value `=60' specified"],
    ['-A -t 1.1.1.1:1 -p 2678401', "invalid timeout value `2678401' specified"],
    ['-A -f 0', "invalid fwmark value `0' specified"],
    ['-A -f 4294967296', "invalid fwmark value `4294967296' specified"],
    ['-A -f 0x10', "invalid fwmark value `0x10' specified"],
    ['-A -M x', 'illegal virtual server persistent mask specified'],
    ['-A -t [::1]:1 -M 0', 'illegal ipv6 netmask specified'],
    ['-A -t [::1]:1 -M 255.255.255.0', 'illegal ipv6 netmask specified'],
    ['-a -w -1', 'illegal weight specified'],
    ['-a -w 2147483648', 'illegal weight specified'],
    ['-a -x x', 'illegal u_threshold specified'],
    ["-a -y ''", 'illegal l_threshold specified'],
    ['--start-daemon nosuch', 'illegal start-daemon parameter specified'],
    ['--stop-daemon nosuch', 'illegal start_daemon specified'],
    ['--start-daemon master --syncid 256', 'illegal syncid specified'],
    ['--start-daemon master --mcast-group 10.0.0.1', "invalid IPv4 mcast-group `10.0.0.1'"],
    ['--start-daemon master --mcast-group 224.1', "invalid IPv4 mcast-group `224.1'"],
    ['--start-daemon master --mcast-group fd00::1', "invalid IPv6 mcast-group `fd00::1'"],
    ['--start-daemon master --mcast-port 0', 'illegal mcast-port specified'],
    ['--start-daemon master --mcast-ttl 256', 'illegal mcast-ttl specified'],
    ['--start-daemon master --sync-maxlen 65508', 'illegal sync-maxlen specified'],
    ['-a --tun-type GUE', 'illegal tunnel type specified'],
    ['-a --tun-port 0', 'illegal tunnel port specified'],
    ['--set 1 2', '--set option requires 3 timeout values'],
    ['--set 1 2 3 4', 'unexpected argument 4'],
    ['--set a b c', "invalid timeout value `a' specified"],
    ['-A -b nosuch', "invalid scheduler flag `nosuch'"],
    ['-A -b sh-port -n', "incompatible scheduler flag `sh-port'"],
    ['-A -b nosuch stray', 'unexpected argument stray'],
  ])('%s: %s', async (line, message) => {
    expect(await failure(line)).toEqual({ message, exit: 2 });
  });
});

describe('options that do not go together', () => {
  it.each([
    ['-A', "You need to supply the 'service-address' option for the 'add-service' command"],
    ['-A -n', "Illegal 'numeric' option with the 'add-service' command"],
    ['-a -w 3 -t 1.1.1.1:1', "You need to supply the 'real-server' option for the 'add-server' command"],
    ['-C -n', "Illegal 'numeric' option with the 'flush' command"],
    ['-d -t 1.1.1.1:1 -r 1.1.1.1 -g', "Illegal 'forwarding-method' option with the 'delete-server' command"],
    [
      '-L -c -t 1.1.1.1:1',
      "The option 'service-address' conflicts with the 'connection' option in the 'list' command",
    ],
    [
      '-L --daemon --timeout',
      "The option 'daemon' conflicts with the 'timeout' option in the 'list' command",
    ],
    ['-L -c --stats', 'options conflicts in the list command'],
    ['-L --timeout --persistent-conn', 'options conflicts in the list command'],
    ['-A -t 1.1.1.1:0', 'Zero port specified for non-persistent service'],
    ['-A -t 1.1.1.1:1 -o', 'One-Packet Scheduling is only for UDP virtual services'],
    ['-a -t 1.1.1.1:1 -r ::1', 'Different address family is allowed only for tunneling servers'],
    ['-a -t 1.1.1.1:1 -r 1.1.1.2 -m --tun-csum', 'Tunnel options conflict with forward method'],
    [
      '-a -t 1.1.1.1:1 -r 1.1.1.2 -i --tun-type gue --tun-csum',
      "You need to supply the 'tun-port' option for the 'gue' tunnel type",
    ],
    [
      '-a -t 1.1.1.1:1 -r 1.1.1.2 -i --tun-type gre --tun-remcsum --tun-csum',
      "Illegal 'tun-remcsum' option with the 'gre' tunnel type",
    ],
    [
      '-a -t 1.1.1.1:1 -r 1.1.1.2 -i --tun-type gue --tun-port 1 --tun-remcsum --tun-nocsum',
      "The option 'tun-remcsum' conflicts with the 'tun-nocsum' option in the 'gue' tunnel type",
    ],
  ])('%s: %s', async (line, message) => {
    expect(await failure(line)).toEqual({ message, exit: 2 });
  });
});

describe('an address', () => {
  it.each([
    ['1:80', '0.0.0.1', 80],
    ['0x0a000001:82', '10.0.0.1', 82],
    ['010.0.0.1:83', '8.0.0.1', 83],
    ['10.0.256:84', '10.0.1.0', 84],
    ['4294967295:80', '255.255.255.255', 80],
    ['1.2.3.4_x:80', '1.2.3.4', 80],
    ['10.0.0.3:+90', '10.0.0.3', 90],
    ['10.0.0.3:_91', '10.0.0.3', 91],
    ['10.0.0.3:00080', '10.0.0.3', 80],
    ['10.0.0.3:http', '10.0.0.3', 80],
    ['localhost:telnet', '127.0.0.1', 23],
    ['[2001:DB8:0:0:1:0:0:1]:80', '2001:db8::1:0:0:1', 80],
    ['[::ffff:1.2.3.4]:80', '::ffff:1.2.3.4', 80],
    ['2001:db8::1:80', '2001:db8::1:80', 0],
    ['[10.0.0.4]:80', '10.0.0.4', 0],
    ['10.0.0.3:-0', '10.0.0.3', 0],
  ])('%s is %s port %i', async (text, address, port) => {
    expect(await editOf(`-D -t ${text}`)).toEqual({
      op: 'delete-service',
      service: { protocol: 'tcp', address, port },
    });
  });

  it.each([
    '80',
    "''",
    ':',
    '10.0.0.256:80',
    '10.256.1:80',
    '1.2.3.4.5:80',
    '_10.0.0.3:80',
    '10.0.0.3:80_',
    '10.0.0.3:0x50',
    '10.0.0.3:',
    '10.0.0.3:-1',
    '10.0.0.3:65536',
    '10.0.0.3:HTTP',
    'nosuch.invalid:80',
    '[::1]',
    '[::1]:',
    '[::1]x:80',
    '[::1',
    '[]:80',
    'fe80::1%lo',
    '1.:80',
    '08.1.1.1:80',
    '0x:80',
    '99999999999:1',
    '10.0.0.9:80:90',
  ])('%s is none', async (text) => {
    expect(await failure(`-D -t ${text}`)).toEqual({ message: VIRTUAL, exit: 2 });
  });

  it('takes service names of its own protocol only', async () => {
    expect(await editOf('-D -u 10.0.0.3:domain')).toMatchObject({ service: { port: 53 } });
    expect((await failure('-D -u 10.0.0.3:http')).message).toBe(VIRTUAL);
    expect((await failure('-D --sctp-service 10.0.0.3:http')).message).toBe(VIRTUAL);
  });
});

describe('a real server', () => {
  it('has the port of its service unless it is masqueraded or belongs to a mark', async () => {
    const port = async (line: string) => {
      const edit = await editOf(line);
      return edit.op === 'add-server' || edit.op === 'delete-server' ? edit.server.port : undefined;
    };
    expect(await port('-a -t 10.0.0.1:80 -r 10.0.0.2')).toBe(80);
    expect(await port('-a -t 10.0.0.1:80 -r 10.0.0.2:8080')).toBe(80);
    expect(await port('-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m')).toBe(8080);
    expect(await port('-a -f 7 -r 10.0.0.2:8080')).toBe(8080);
    expect(await port('-a -f 7 -r 10.0.0.2:http')).toBe(80);
    expect(await port('-d -t 10.0.0.1:80 -r 10.0.0.2:8080')).toBe(8080);
    expect(await port('-d -r 10.0.0.2 -t 10.0.0.1:80')).toBe(0);
    expect((await failure('-a -r 10.0.0.2:http -t 10.0.0.1:80')).message).toBe(REAL);
  });

  it('may be given with -R, as in 1999, but not abbreviated otherwise', async () => {
    const modern = await editOf('-a -t 172.26.20.110:23 -r 127.0.0.1 -g');
    expect(await editOf('-a -t 172.26.20.110:23 -R 127.0.0.1 -g')).toEqual(modern);
    expect((await editOf('-e -t 1.1.1.1:1 -R 1.1.1.2')).op).toBe('edit-server');
    expect((await editOf('-d -t 1.1.1.1:1 -R 1.1.1.2')).op).toBe('delete-server');
    expect((await failure('-a -t 1.1.1.1:1 -R')).message).toBe('-R: missing argument');
    expect((await failure('-a -t 1.1.1.1:1 -r 1.1.1.2 -R 1.1.1.3')).message).toBe(
      "multiple 'real-server' options specified",
    );
    expect((await failure('-a -t 1.1.1.1:1 --restore')).message).toBe("invalid option `--restore'");
  });
});

describe('defaults', () => {
  it('a service is scheduled by wlc, and persistent for 360 s if at all', async () => {
    const options = {
      scheduler: 'wlc',
      schedulerFlags: 0,
      persistentSec: 0,
      netmask: 0xffffffff,
      onePacket: false,
      persistenceEngine: '',
    };
    expect(await editOf('-A -t 1.1.1.1:1')).toMatchObject({ options });
    expect(await editOf("-A -t 1.1.1.1:1 -s ''")).toMatchObject({ options });
    expect(await editOf('-A -t 1.1.1.1:1 -p')).toMatchObject({ options: { persistentSec: 360 } });
    expect(await editOf('-A -p -t [::1]:1')).toMatchObject({ options: { persistentSec: 360, netmask: 128 } });
    expect(await editOf('-A -f 3 -M 64 -6')).toMatchObject({ options: { netmask: 128 } });
    expect(await editOf('-A -t 1.1.1.1:1 -M 24')).toMatchObject({ options: { netmask: 24 } });
    expect(await editOf('-A -t 1.1.1.1:1 -s sh -b ,sh-port,flag-3,')).toMatchObject({
      options: { schedulerFlags: 0x30 },
    });
  });

  it('a sync daemon has what the kernel would choose', async () => {
    expect(await editOf('--start-daemon master')).toEqual({
      op: 'start-sync-daemon',
      daemon: {
        role: 'master',
        interface: 'eth0',
        syncId: 0,
        maxLengthBytes: 1472,
        group: '224.0.0.81',
        port: 8848,
        ttl: 1,
      },
    });
    expect(await editOf('--start-daemon backup --sync-maxlen 100')).toMatchObject({
      daemon: { maxLengthBytes: 1024 },
    });
    expect(await editOf('--start-daemon backup --mcast-group ff02::81')).toMatchObject({
      daemon: { maxLengthBytes: 1452 },
    });
  });

  it('without words the services are listed', async () => {
    expect(await parse('')).toEqual({
      kind: 'list-services',
      view: 'plain',
      numeric: false,
      exact: false,
      sorted: true,
    });
  });
});
