/** `director replay`: what it prints, and how it ends. As a process of its own where that is what counts. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { promisify, stripVTControlCharacters } from 'node:util';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addReplayCommand } from '../../../src/cli/director/replay.ts';
import { type ReplayFileOptions, replayFile } from '../../../src/replay/replay-file.ts';
import { classicFile } from '../../capture-file/files.ts';
import { ACK, eth, RST, SYN } from '../../helpers/frame-builder.ts';

const MAIN = join(import.meta.dirname, '../../../src/cli/director/main.ts');
const VIP = '10.0.0.100';
const RULES = `-A -t ${VIP}:80 -s rr
-a -t ${VIP}:80 -r 10.0.0.11:80 -g -w 1
-a -t ${VIP}:80 -r 10.0.0.12:80 -g -w 3
`;
const CONFIG = `services:
  - service: tcp ${VIP}:80
    scheduler: rr
    servers: [{address: 10.0.0.11}, {address: 10.0.0.12, weight: 3}]
`;
const FRAMES = Array.from({ length: 8 }, (_, index) => ({
  time: [1_700_000_000, index * 250_000] as [number, number],
  data: eth()
    .ipv4('192.0.2.9', VIP)
    .tcp(1024 + (index >> 1), 80, index % 2 ? ACK : SYN)
    .bytes(),
}));
const STRANGER = {
  time: [1_700_000_009, 0] as [number, number],
  data: eth({ to: 'ff:ff:ff:ff:ff:ff' })
    .arp({ operation: 1, senderMac: '02:00:00:00:00:09', senderIp: '10.0.0.9', targetIp: '10.0.0.1' })
    .bytes(),
};

const BEFORE = process.cwd();
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'director-replay-'));
  const write = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text);
  write('web.pcap', classicFile([...FRAMES, STRANGER]));
  write('reset.pcap', classicFile([{ data: eth().ipv4('192.0.2.9', VIP).tcp(9, 80, RST).bytes() }]));
  write('cooked.pcap', classicFile([], { linkType: 113 }));
  write('rules', RULES);
  write('config.yaml', CONFIG);
  write('none.rules', '# nothing\n');
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(BEFORE);
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

function asProcess(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
  const line = ['--import', import.meta.resolve('tsx'), MAIN, 'replay', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, line, { env, cwd: folder }, (error, stdout, stderr) => {
      const exit = error === null ? 0 : Number(error.code);
      resolve({ exit, stdout, stderr: stderr.replaceAll(/^\(.*\n/gm, '') });
    });
  });
}

/** What it prints, without a process. Throws what main() would print. */
async function inProcess(
  file: string,
  options: Partial<ReplayFileOptions> = { rules: 'rules' },
): Promise<string> {
  let printed = '';
  const output = new Writable({
    write(text, _encoding, done) {
      printed += text;
      done();
    },
  });
  const defaults = { serverMac: new Map<string, string>(), connTableSize: 1024 };
  await replayFile(file, { ...defaults, ...options }, output);
  return stripVTControlCharacters(printed);
}

describe('director replay', { timeout: 60_000 }, () => {
  test('sums up who had what, and what became of the frames', async () => {
    expect(await asProcess('web.pcap', '--rules', 'rules')).toEqual({
      exit: 0,
      stderr: '',
      stdout: `capture       web.pcap: 9 frames, 474 bytes in 9.000 s
rules         rules
director      02:00:00:00:01:00, which frames for virtual addresses are addressed to (--as names another)
real servers  with placeholders for MAC addresses (--server-mac gives theirs): 10.0.0.11 02:00:00:00:00:01, 10.0.0.12 02:00:00:00:00:02

tcp 10.0.0.100:80  rr  4 connections, 8 packets, 320 bytes; imbalance 0.500, the busiest 1.50 times its due
REAL SERVER  WEIGHT  CONNECTIONS  SHARE   DUE     PACKETS  BYTES
10.0.0.11    1       2            50.0 %  25.0 %  4        160
10.0.0.12    3       2            50.0 %  75.0 %  4        160

VERDICT  FRAMES
PassArp  1
Forward  8
`,
    });
  });

  test('says the same of a configuration file', async () => {
    const rules = await inProcess('web.pcap');
    const config = await inProcess('web.pcap', { config: 'config.yaml' });
    expect(config).toBe(rules.replace('rules         rules', 'rules         config.yaml'));
  });

  test('compares schedulers, one alone with what is configured', async () => {
    expect(await inProcess('web.pcap', { rules: 'rules', compare: ['wrr'] })).toContain(`
tcp 10.0.0.100:80
SCHEDULER  CONNECTIONS  PACKETS  IMBALANCE  BUSIEST
rr         4            8        0.500      1.50 times its due
wrr        4            8        0.000      1.00 times its due

REAL SERVER  WEIGHT  DUE     RR  SHARE   WRR  SHARE
10.0.0.11    1       25.0 %  2   50.0 %  1    25.0 %
10.0.0.12    3       75.0 %  2   50.0 %  3    75.0 %

VERDICT  AS CONFIGURED  WRR
`);
  });

  test('prints a line for each frame, for people and for programs', async () => {
    const serverMac = new Map([['10.0.0.11', '02:00:00:00:aa:0b']]);
    const lines = await inProcess('web.pcap', { rules: 'rules', packets: true, serverMac });
    expect(lines.split('\n')).toEqual([
      '      1      0.000000  tcp 192.0.2.9:1024 > 10.0.0.100:80 SYN  Forward -> 10.0.0.12',
      '      2      0.250000  tcp 192.0.2.9:1024 > 10.0.0.100:80 ACK  Forward -> 10.0.0.12',
      '      3      0.500000  tcp 192.0.2.9:1025 > 10.0.0.100:80 SYN  Forward -> 10.0.0.11',
      '      4      0.750000  tcp 192.0.2.9:1025 > 10.0.0.100:80 ACK  Forward -> 10.0.0.11',
      '      5      1.000000  tcp 192.0.2.9:1026 > 10.0.0.100:80 SYN  Forward -> 10.0.0.12',
      '      6      1.250000  tcp 192.0.2.9:1026 > 10.0.0.100:80 ACK  Forward -> 10.0.0.12',
      '      7      1.500000  tcp 192.0.2.9:1027 > 10.0.0.100:80 SYN  Forward -> 10.0.0.11',
      '      8      1.750000  tcp 192.0.2.9:1027 > 10.0.0.100:80 ACK  Forward -> 10.0.0.11',
      '      9      9.000000  42 bytes  PassArp',
      '',
    ]);
    const json = await inProcess('reset.pcap', { rules: 'rules', packets: true, json: true });
    expect(JSON.parse(json)).toEqual({
      number: 1,
      seconds: 0,
      bytes: 54,
      packet: {
        protocol: 'tcp',
        client: '192.0.2.9:9',
        virtual: '10.0.0.100:80',
        flags: 'RST',
        isIcmpError: false,
        isOutgoing: false,
      },
      verdict: 'DeliverUnscheduled',
      sentTo: [],
    });
  });

  const rules = 'rules';
  const stranger = new Map([['10.0.0.13', '02:00:00:00:00:01']]);
  test.each<[string, Partial<ReplayFileOptions>, string]>([
    ['web.pcap', {}, 'which services? name their file with --rules or --config'],
    [
      'rules',
      { rules },
      'cannot read rules: it is no capture file: it begins with 2d 41 20 2d; expected pcap or pcapng, or gzip of them',
    ],
    [
      'cooked.pcap',
      { rules },
      'cooked.pcap has link type 113 (Linux cooked, of tcpdump -i any); expected Ethernet (1): capture on an Ethernet interface by its name, such as tcpdump -i eth0',
    ],
    ['web.pcap', { rules: 'none' }, 'cannot read none: there is no such file'],
    ['web.pcap', { rules: 'none.rules' }, 'none.rules has no service'],
    [
      'web.pcap',
      { rules, compare: ['best'] },
      'there is no scheduler best; there are: rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh none',
    ],
    ['web.pcap', { rules, serverMac: stranger }, 'no service has the real server 10.0.0.13 of --server-mac'],
    [
      'web.pcap',
      { rules, write: 'web.pcap' },
      '-w would overwrite web.pcap, which is read; give another name',
    ],
    [
      'web.pcap',
      { rules, write: 'missing/out.pcap' },
      'cannot write missing/out.pcap: there is no such file',
    ],
    ['web.pcap', { rules, html: 'missing/out.html' }, 'cannot write missing/out.html: there is no such file'],
  ])('%s with %j is refused', async (file, options, message) => {
    await expect(inProcess(file, options)).rejects.toMatchObject({ name: 'DirectorError', message });
  });

  test('ends with 2 when it is refused', async () => {
    expect(await asProcess('none.pcap', '--rules', 'rules')).toEqual({
      exit: 2,
      stdout: '',
      stderr: 'director: cannot read none.pcap: there is no such file\n',
    });
  });

  test('ends well when nobody reads its lines any more', async () => {
    const lines = `${process.execPath} --import ${import.meta.resolve('tsx')} ${MAIN} replay many.pcap --rules rules --packets`;
    const many = Array.from({ length: 20_000 }, () => FRAMES[0]!);
    writeFileSync('many.pcap', classicFile(many));
    const { stdout, stderr } = await promisify(execFile)('bash', [
      '-c',
      `set -o pipefail; ${lines} | head -1`,
    ]);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toHaveLength(2);
  });

  test.each([
    [['--as', '1:2'], 'expected a MAC address, such as 02:00:ac:1a:14:6f.'],
    [['--server-mac', '10.0.0.11'], 'expected ADDRESS=MAC, such as 10.0.0.11=02:00:0a:00:00:0b.'],
    [['--compare', 'rr,rr'], 'expected names of schedulers, each once, such as rr,wlc.'],
    [
      ['--packets', '--compare', 'rr'],
      "option '--packets' cannot be used with option '--compare <schedulers>'",
    ],
  ])('%j is no way to call it', async (args, message) => {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    addReplayCommand(program);
    const line = ['replay', 'web.pcap', '--rules', 'rules', ...args];
    await expect(program.parseAsync(line, { from: 'user' })).rejects.toThrow(message);
  });

  test('leaves nothing behind of what could not be finished', async () => {
    writeFileSync(join(folder, 'bad.pcap'), classicFile(FRAMES, { version: [2, 9] }));
    await expect(inProcess('bad.pcap', { rules, write: 'out.pcap', html: 'out.html' })).rejects.toThrow(
      '2.9',
    );
    expect([existsSync('out.pcap'), existsSync('out.html')]).toEqual([false, false]);
    await inProcess('web.pcap', { rules, write: 'out.pcap' });
    expect(readFileSync(join(folder, 'out.pcap')).readUInt32LE(0)).toBe(0xa1b23c4d);
  });
});
