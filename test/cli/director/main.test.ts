/** `director` as a program, against a daemon that has a configuration and no datapath: what it prints, and how it ends. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DirectorApi } from '../../../src/control/api.ts';
import { createControlApp } from '../../../src/control/app.ts';
import type { HistoryEntry, PlanRequest } from '../../../src/control/protocol.ts';
import { DirectorError } from '../../../src/errors.ts';
import { applyEdit, EMPTY_CONFIGURATION } from '../../../src/service/configuration.ts';
import type { Edit } from '../../../src/service/model.ts';
import { SETTING_NAMES, SETTINGS } from '../../../src/service/settings.ts';
import { version } from '../../../src/version.ts';

const MAIN = join(import.meta.dirname, '../../../src/cli/director/main.ts');

let folder: string;
let socketPath: string;
let server: Server;
let configuration = EMPTY_CONFIGURATION;
let calls: string[] = [];

const HAPPENED: readonly HistoryEntry[] = [
  {
    sequence: 1,
    timeMs: new Date('2026-11-26T13:05:00').getTime(),
    kind: 'server-down',
    service: 'tcp 10.0.0.100:80',
    server: { address: '10.0.0.11', port: 80 },
    message: 'real server 10.0.0.11:80 of tcp 10.0.0.100:80 is down: no answer within 1 s',
  },
  {
    sequence: 2,
    timeMs: new Date('2026-11-26T13:05:07').getTime(),
    kind: 'configuration',
    service: null,
    server: null,
    message: 'read /etc/director.rules: 2 changes',
  },
];

const api = {
  async edit(edits: readonly Edit[]) {
    const results = edits.map((edit) => {
      try {
        configuration = applyEdit(configuration, edit);
        return null;
      } catch (error) {
        const { code, message } = error as DirectorError;
        return { code, message };
      }
    });
    return { results };
  },
  settings: () => ({
    settings: SETTING_NAMES.map((name) => {
      const { default: preset, meaning } = SETTINGS[name];
      return { name, value: configuration.settings[name], default: preset, meaning };
    }),
  }),
  marks: () => ({ rules: configuration.marks }),
  /** A file that says `same` changes nothing. */
  async plan({ name, format, text }: PlanRequest) {
    calls.push(`plan ${name} ${format}`);
    const settings = text === 'same' ? [] : [{ name: 'sloppy_tcp', before: 0, after: 1 }];
    return { token: text, services: [], settings, timeouts: null, marks: null, syncDaemons: null };
  },
  async apply(token: string) {
    calls.push(`apply ${token}`);
    if (token === 'late')
      throw new DirectorError('PLAN_OUTDATED', 'somebody was faster; nothing was changed');
  },
  history(after: number | undefined, limit: number) {
    calls.push(`history ${after} ${limit}`);
    return { entries: after === undefined ? HAPPENED.slice(-limit) : HAPPENED.slice(after) };
  },
  async reload() {
    calls.push('reload');
    throw new DirectorError('CONFIG_FILE', '/etc/director.yaml:3:5: there is no scheduler "best"');
  },
  stop: () => void calls.push('stop'),
} as unknown as DirectorApi;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'director-test-'));
  socketPath = join(folder, 'socket');
  server = createServer(getRequestListener(createControlApp(api).fetch));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  configuration = EMPTY_CONFIGURATION;
  calls = [];
});

interface Ended {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

function director(line: string, socket = socketPath, input = ''): Promise<Ended> {
  const args = [
    '--import',
    'tsx',
    MAIN,
    '--socket',
    socket,
    ...line.split(' ').filter((word) => word !== ''),
  ];
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      const exit = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      // What Node itself says of a variable of the test's is not the program's.
      resolve({ exit, stdout, stderr: stderr.replaceAll(/^\(.*\n/gm, '') });
    });
    child.stdin?.end(input);
  });
}

describe('director set', { timeout: 60_000 }, () => {
  test('lists all settings, or one; changes one', async () => {
    const all = await director('set');
    expect([all.exit, all.stderr]).toEqual([0, '']);
    const lines = all.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^NAME +VALUE +DEFAULT +MEANING$/);
    expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual(SETTING_NAMES);

    expect(await director('set sloppy_tcp 1')).toEqual({ exit: 0, stdout: '', stderr: '' });
    expect(configuration.settings.sloppy_tcp).toBe(1);
    const one = await director('set sloppy_tcp');
    expect(one.stdout).toMatch(/^NAME .*\nsloppy_tcp +1 +0 +\S.*\n$/);
  });
});

describe('director history', { timeout: 60_000 }, () => {
  const LINES = [
    '2026-11-26 13:05:00  server-down    real server 10.0.0.11:80 of tcp 10.0.0.100:80 is down: no answer within 1 s\n',
    '2026-11-26 13:05:07  configuration  read /etc/director.rules: 2 changes\n',
  ];

  test('a line for each event, the newest last', async () => {
    expect(await director('history')).toEqual({ exit: 0, stdout: LINES.join(''), stderr: '' });
    expect((await director('history -n 1')).stdout).toBe(LINES[1]);
    expect(calls).toEqual(['history undefined 50', 'history undefined 1']);
  });

  test('--json is for programs', async () => {
    const { stdout } = await director('history --json');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(HAPPENED);
  });

  test('a number that is none is named, and ends with 2', async () => {
    const { exit, stdout, stderr } = await director('history --limit 0');
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/'0' is invalid. expected a whole number, 1 to 10000/);
  });

  test('--follow goes on after the last one, until it is ended', async () => {
    const args = ['--import', 'tsx', MAIN, '--socket', socketPath, 'history', '-n', '1', '--follow'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    await vi.waitFor(() => expect(calls).toContain('history 2 1000'), 20_000);
    child.kill('SIGINT');
    const [text] = await Promise.all([textOf(child.stdout), once(child, 'exit')]);
    expect(stripVTControlCharacters(text)).toBe(LINES[1]);
  });
});

describe('director mark', { timeout: 60_000 }, () => {
  test('adds rules at the end, lists them by number, and deletes one by its number', async () => {
    expect((await director('mark')).stdout).toBe('no rules: no frame has a mark\n');
    const add =
      'mark add 10.0.0.96/28 --mark 7 --protocol tcp --ports 80-443 --source 192.0.2.0/24 198.51.100.1';
    for (const line of [add, 'mark add FD00::1 --mark 0x8 --ports 53', 'mark add 10.0.0.1 --mark 9'])
      expect(await director(line)).toEqual({ exit: 0, stdout: '', stderr: '' });
    expect(configuration.marks).toEqual([
      {
        mark: 7,
        destination: '10.0.0.96/28',
        protocol: 'tcp',
        ports: [80, 443],
        sources: ['192.0.2.0/24', '198.51.100.1'],
      },
      { mark: 8, destination: 'fd00::1', ports: [53, 53] },
      { mark: 9, destination: '10.0.0.1' },
    ]);
    expect((await director('mark delete 2')).exit).toBe(0);
    expect(
      (await director('mark list')).stdout.split('\n').map((line) => line.trim().split(/ {2,}/)),
    ).toEqual([
      ['NUMBER', 'MARK', 'PROTOCOL', 'DESTINATION', 'PORTS', 'SOURCES'],
      ['1', '7', 'tcp', '10.0.0.96/28', '80-443', '192.0.2.0/24, 198.51.100.1'],
      ['2', '9', 'any', '10.0.0.1', 'all', 'all'],
      [''],
    ]);
  });
});

describe('director apply', { timeout: 60_000 }, () => {
  const DIFF = '~ setting sloppy_tcp 0 -> 1\n';
  const fileOf = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test('shows, and with --yes carries out', async () => {
    const path = fileOf('a.yaml', 'new');
    expect(await director(`apply ${path} --yes`)).toEqual({
      exit: 0,
      stdout: `${DIFF}applied\n`,
      stderr: '',
    });
    expect(calls).toEqual([`plan ${path} yaml`, 'apply new']);
  });

  test('with nothing to change says so, and ends with 0 whatever the options', async () => {
    const path = fileOf('a.rules', 'same');
    for (const option of ['', '--dry-run', '--yes'])
      expect(await director(`apply ${path} ${option}`)).toEqual({
        exit: 0,
        stdout: 'nothing to change\n',
        stderr: '',
      });
    expect(calls).toEqual(Array(3).fill(`plan ${path} rules`));
  });

  test('with --dry-run shows, changes nothing and ends with 3; --json is for programs', async () => {
    const text = await director('apply - --dry-run --format rules', socketPath, 'new');
    expect(text).toEqual({ exit: 3, stdout: DIFF, stderr: '' });
    const json = await director('apply - --dry-run --json', socketPath, 'new');
    expect(json.exit).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({ token: 'new', settings: [{ name: 'sloppy_tcp' }] });
    expect(calls).toEqual(['plan standard input rules', 'plan standard input yaml']);
  });

  test('without a terminal and without --yes changes nothing, and ends with 2', async () => {
    const { exit, stdout, stderr } = await director(`apply ${fileOf('a.yaml', 'new')}`);
    expect([exit, stdout]).toEqual([2, DIFF]);
    expect(stderr).toMatch(/^director: nothing was changed: there is no terminal to ask on; --yes /);
    expect(calls).toHaveLength(1);
  });

  test('of a plan that is outdated says so, and ends with 2', async () => {
    expect(await director(`apply ${fileOf('a.yaml', 'late')} --yes`)).toEqual({
      exit: 2,
      stdout: DIFF,
      stderr: 'director: somebody was faster; nothing was changed\n',
    });
  });
});

test.each(['version', '--version'])('%s', async (word) => {
  expect(await director(word)).toMatchObject({ exit: 0, stdout: `director ${version()}\n` });
});

describe('what is typed wrong ends with 2, says what it was and what is right, and changes nothing', () => {
  test.concurrent.each([
    ['', 'Usage: director'],
    ['strat', "unknown command 'strat'"],
    ['set sloppy_tcp 2', 'sloppy_tcp takes 0 to 1, not 2'],
    ['set sloppy_tcp 99999999999', 'sloppy_tcp takes 0 to 1, not 99999999999'],
    ['set sloppy_tcp on', 'sloppy_tcp takes a whole number, not on'],
    ['set sloppy 1', 'there is no setting sloppy; there are: am_droprate, '],
    ['set sloppy_tcp 1 1', 'too many arguments'],
    ['mark add 10.0.0.1', "required option '--mark <n>' not specified"],
    ['mark add 10.0.0.1 --mark 0', "'0' is invalid. expected a whole number from 1 to 4294967295."],
    ['mark add 10.0.0.1 --mark 7 --protocol icmp', "'icmp' is invalid. expected tcp, udp, sctp or any."],
    ['mark add 10.0.0.1 --mark 7 --ports 90-80', "'90-80' is invalid. expected a port or a range"],
    ['mark add web --mark 7', 'web is neither an IP address nor a network such as 10.0.0.0/8'],
    [
      'mark add 10.0.0.1 --mark 7 --source fd00::/8',
      'the source fd00:: is not of the IP version of 10.0.0.1',
    ],
    ['mark delete 1', 'there is no rule 1; director mark lists 0'],
    ['mark delete first', 'there is no rule first; director mark lists 0'],
    ['run', "required option '--interface <name>' not specified"],
    ['run --interface x --conn-table-size 0', 'expected a whole number from 1 to 16777215.'],
    [
      'run --interface x --config a --rules b',
      "option '--config <file>' cannot be used with option '--rules <file>'",
    ],
    ['apply', "missing required argument 'file'"],
    ['apply /nowhere.yaml', 'cannot read /nowhere.yaml: there is no such file'],
    ['apply /', 'cannot read /: it is a directory'],
    ['apply - --format json', 'Allowed choices are yaml, rules.'],
    ['reload', '/etc/director.yaml:3:5: there is no scheduler "best"'],
  ])('director %s', { timeout: 60_000 }, async (line, message) => {
    const { exit, stdout, stderr } = await director(line);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(configuration).toBe(EMPTY_CONFIGURATION);
  });
});

test('without a daemon it ends with 1 and says where it looked', { timeout: 60_000 }, async () => {
  const socket = join(folder, 'nothing');
  expect(await director('set', socket)).toEqual({
    exit: 1,
    stdout: '',
    stderr: `director: no director answers on ${socket} (there is no such socket)\n`,
  });
});

test('stop asks the daemon to end', { timeout: 60_000 }, async () => {
  expect(await director('stop')).toEqual({ exit: 0, stdout: '', stderr: '' });
  expect(calls).toEqual(['stop']);
});
