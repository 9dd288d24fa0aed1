/** Manual pages and completions: made from the command lines as they are, taken by the programs that read them. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HELP_SECTIONS } from '../../src/cli/diradm/help-entries.ts';
import { OPTIONS } from '../../src/cli/diradm/option-table.ts';
import { parseCommand } from '../../src/cli/diradm/parse.ts';
import { createProgram } from '../../src/cli/director/program.ts';
import { diradmModel } from '../../src/cli/reference/diradm-model.ts';
import { DIRADM_PAGE } from '../../src/cli/reference/diradm-page.ts';
import { directorModel } from '../../src/cli/reference/director-model.ts';
import { DIRECTOR_PAGE } from '../../src/cli/reference/director-page.ts';
import { referenceFiles } from '../../src/cli/reference/files.ts';
import { allCommands } from '../../src/cli/reference/model.ts';
import { Terminal } from '../helpers/terminal.ts';
import { fakeResolver } from './diradm/run-in-process.ts';

const files = await referenceFiles();
const folder = mkdtempSync(join(tmpdir(), 'director-reference-'));

beforeAll(() => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const SOON = { timeout: 10_000, interval: 20 };

const has = (program: string, askedBy = '--version'): boolean => {
  const isThere = spawnSync(program, [askedBy]).error === undefined;
  if (!isThere) console.warn(`SKIPPED: a part of the manual pages and completions: needs ${program}`);
  return isThere;
};

describe('diradm -h, its manual page and completion', () => {
  test('say something of every option, and of none that there is not', () => {
    const told = HELP_SECTIONS.flatMap(({ entries }) => entries.map(({ long }) => long));
    expect([...told].sort()).toEqual([...new Set(OPTIONS.map(({ long }) => long))].sort());
  });
});

describe.each([
  ['director', directorModel(await createProgram({}))],
  ['diradm', diradmModel()],
])('%s: all commands and options are', (name, model) => {
  const names = allCommands(model)
    .slice(1)
    .flatMap(({ command }) => [...command.names, ...command.options.flatMap((option) => option.names)]);

  test.each([`man/man8/${name}.8`, `bash-completion/completions/${name}`, `zsh/site-functions/_${name}`])(
    'in %s',
    (path) => {
      const text = files[path]!.replaceAll('\\-', '-');
      expect(names.length).toBeGreaterThan(40);
      expect(names.filter((each) => !text.includes(each))).toEqual([]);
    },
  );
});

describe('manual pages', () => {
  const pages = ['man/man8/director.8', 'man/man8/diradm.8'];

  test.skipIf(!has('groff')).each(pages)('groff renders %s without a word', (page) => {
    const { stdout, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-P-cbou', '-ww', join(folder, page)], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    for (const title of ['NAME', 'SYNOPSIS', 'COMMANDS', 'FILES', 'EXIT STATUS', 'EXAMPLES', 'SEE ALSO'])
      expect(stdout).toContain(title);
  });

  // What is built twice is the same, so there is no date.
  test.skipIf(!has('mandoc', '-h')).each(pages)('mandoc warns of no fault in %s', (page) => {
    const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', '-Wwarning', join(folder, page)], {
      encoding: 'utf8',
    });
    const warnings = `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line !== '' && !line.includes('missing date'));
    expect(warnings).toEqual([]);
  });

  const lines = (examples: typeof DIRECTOR_PAGE.examples) =>
    examples.flatMap(({ command }) => command.split('\n'));

  test.each(lines(DIRECTOR_PAGE.examples))('%s is a line that director takes', async (line) => {
    const words = line.split(' ').slice(1);
    const program = await createProgram({});
    const asked: string[] = [];
    const quiet = (command: Command): void => {
      command.exitOverride().action(() => void asked.push(command.name()));
      for (const below of command.commands) quiet(below);
    };
    for (const each of program.commands) quiet(each);
    await program.parseAsync(words, { from: 'user' });
    expect(asked).toEqual([words[0]]);
  });

  test.each(lines(DIRADM_PAGE.examples))('%s is a line that diradm takes', async (line) => {
    await parseCommand(line.split(' ').slice(1), 'diradm', fakeResolver);
  });
});

describe('completion in bash', () => {
  let server: Server;
  const socket = join(folder, 'socket');
  beforeAll(async () => {
    const services = {
      services: [
        {
          service: { protocol: 'tcp', address: '10.0.0.100', port: 80 },
          servers: [
            { server: { address: '10.0.0.11', port: 80 } },
            { server: { address: '10.0.0.12', port: 80 } },
          ],
        },
        { service: { protocol: 'tcp', address: 'fd00::100', port: 80 }, servers: [] },
        { service: { protocol: 'udp', address: '10.0.0.100', port: 53 }, servers: [] },
      ],
    };
    server = createServer((_request, response) => response.end(JSON.stringify(services)));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    writeFileSync(join(folder, 'web.rules'), '');
    mkdirSync(join(folder, 'web folder'));
  });
  afterAll(() => void server.close());

  /** What TAB at the end of the line offers. */
  async function offered(line: string): Promise<string[]> {
    const name = line.split(' ')[0]!;
    const script = `. ${join(folder, 'bash-completion/completions', name)}
      COMP_LINE=$1 COMP_POINT=\${#1}; _${name}; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', line], {
      cwd: folder,
      env: { ...process.env, DIRECTOR_SOCKET: socket },
    });
    return stdout.split('\n').filter((word) => word !== '');
  }

  test.each([
    ['director und', ['undrain']],
    ['director mark ', ['list', 'add', 'delete']],
    ['director mark add --m', ['--mark']],
    ['director --socket x un', ['undrain']],
    ['director run --datapath ', ['auto', 'xdp', 'ring', 'pcap']],
    ['director run --datapath=x', ['xdp']],
    ['director run --interface l', ['lo']],
    ['director run --rules we', ['web folder', 'web.rules']],
    ['director apply web.', ['web.rules']],
    ['director drain 10.0.0.12:8', ['80']],
    ['director drain 10', ['10.0.0.11:80', '10.0.0.12:80']],
    ['director check -t 10', ['10.0.0.100:80']],
    ['director check -u ', ['10.0.0.100:53']],
    ['director none ', []],
    ['diradm -', expect.arrayContaining(['-A', '--add-service', '-L', '-l', '--set'])],
    ['diradm -A -t 10.0.0.100:80 -s w', ['wrr', 'wlc']],
    ['diradm -At 10.0.0.100:80 --sch', ['--scheduler', '--sched-flags']],
    ['diradm -Ln --st', ['--stats']],
    ['diradm -a -t [fd00::100]:80 -r ', ['10.0.0.11:80', '10.0.0.12:80']],
    ['diradm -a -t [fd', ['[fd00::100]:80']],
    ['diradm -A -f 7 -p --o', ['--ops']],
    ['diradm --start-daemon ', ['master', 'backup']],
    ['diradm -C --', []],
  ])('%s', async (line, words) => {
    expect((await offered(line)).sort()).toEqual(Array.isArray(words) ? [...words].sort() : words);
  });
});

describe('completion in zsh', () => {
  const hasZsh = has('zsh');

  test.skipIf(!hasZsh).each(['director', 'diradm'])('%s is taken', (name) => {
    execFileSync('zsh', ['-n', join(folder, `zsh/site-functions/_${name}`)]);
  });

  test.skipIf(!hasZsh || !has('tmux', '-V'))(
    'TAB completes what a person types',
    { timeout: 30_000 },
    async () => {
      const terminal = new Terminal(['zsh', '-f', '-i']);
      try {
        const start = `fpath=(${folder}/zsh/site-functions $fpath); autoload -U compinit; compinit -u -D; PS1='%% '; clear`;
        terminal.type(start, 'Enter');
        await expect.poll(() => terminal.screen(), SOON).toMatch(/^% *\n/);
        for (const [typed, completed] of [
          ['director und', 'director undrain '],
          ['director run --datapath x', 'director run --datapath xdp'],
          ['director --socket x mark del', 'director --socket x mark delete '],
          ['diradm -Ln --st', 'diradm -Ln --stats'],
          ['diradm -A -t 10.0.0.1:80 -s se', 'diradm -A -t 10.0.0.1:80 -s sed'],
        ] as const) {
          terminal.type('C-u', typed, 'Tab');
          await expect.poll(() => terminal.screen(), SOON).toContain(`% ${completed}`.trimEnd());
        }
        terminal.type('C-u', 'director mark ', 'Tab');
        await expect.poll(() => terminal.screen(), SOON).toContain('add     -- add a rule at the end');
      } finally {
        terminal.close();
      }
    },
  );
});
