/** `director explain` as it is typed: which packet is meant, by a file of rules, and what is said of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, type CommanderError } from 'commander';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { addExplainCommand } from '../../../src/cli/director/explain.ts';
import { renderExplanation } from '../../../src/cli/director/render-explanation.ts';
import type { ExplainReply } from '../../../src/control/protocol.ts';
import type { DirectorError } from '../../../src/errors.ts';
import { classicFile } from '../../capture-file/files.ts';
import { eth, SYN, toHex } from '../../helpers/frame-builder.ts';

const RULES = `-A -t 10.0.0.100:80 -s rr
-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1
-A -t [fd00:10::100]:80 -s rr
-a -t [fd00:10::100]:80 -r [fd00:10::b]:80 -g -w 1
-A -u 10.0.0.100:53 -s none
--add-service --sctp-service 10.0.0.100:36412 -s fo
`;
const CONFIG = `services:
  - service: tcp 10.0.0.100:80
    scheduler: wlc
    servers:
      - {address: 10.0.0.11}
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'director-explain-'));
  writeFileSync(join(folder, 'rules'), RULES);
  writeFileSync(join(folder, 'config.yaml'), CONFIG);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What it prints. Throws what main() would tell. */
async function run(line: string): Promise<string> {
  const printed: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
  const program = new Command('director').exitOverride().configureOutput({ writeErr: () => {} });
  addExplainCommand(program);
  program.commands[0]!.exitOverride().configureOutput({ writeErr: () => {} });
  try {
    await program.parseAsync(['explain', ...line.split(' ')], { from: 'user' });
  } finally {
    log.mockRestore();
  }
  return printed.join('\n');
}

const byRules = (line: string): Promise<string> => run(`--rules ${join(folder, 'rules')} ${line}`);
const verdictOf = async (line: string): Promise<string> =>
  (JSON.parse(await byRules(`--json ${line}`)) as ExplainReply).verdict;

test.each([
  ['--from 192.0.2.1:4000 --to 10.0.0.100:80', 'Forward'],
  ['--from 192.0.2.1:4000 --to 10.0.0.100:80 --tcp SYN', 'Forward'],
  ['--from 192.0.2.1:4000 --to 10.0.0.100:80 --tcp fin,ack', 'DeliverUnscheduled'],
  ['--from 192.0.2.1:4000 --to 10.0.0.100:80 --tcp none', 'DeliverUnscheduled'],
  ['--from 192.0.2.1:4000 --to 10.0.0.100:53 --udp', 'ReplyPortUnreachable'],
  ['--from 192.0.2.1:4000 --to 10.0.0.100:36412 --sctp init', 'ReplyPortUnreachable'],
  ['--from 192.0.2.1:4000 --to 10.0.0.100:36412 --sctp data', 'DeliverUnscheduled'],
  ['--from [2001:db8::1]:4000 --to [fd00:10::100]:80', 'Forward'],
  ['--from 10.0.0.100:4000 --to 10.0.0.100:80', 'DropMartianSource'],
])('%s', async (line, verdict) => expect(await verdictOf(line)).toBe(verdict));

test('a frame, with colons, and a packet of a capture file', async () => {
  const frames = [81, 80].map((port) => eth().ipv4('192.0.2.1', '10.0.0.100').tcp(4000, port, SYN).bytes());
  const spelled = toHex(frames[1]!).replaceAll(/..(?=.)/g, '$&:');
  expect(await verdictOf(`--frame ${spelled}`)).toBe('Forward');
  const path = join(folder, 'two.pcap');
  writeFileSync(path, classicFile(frames.map((data) => ({ data }))));
  expect(await verdictOf(`--pcap ${path} --packet 2`)).toBe('Forward');
  expect(await verdictOf(`--pcap ${path}`)).toBe('PassNotVirtual');
  await expect(byRules(`--pcap ${path} --packet 3`)).rejects.toMatchObject({
    code: 'OUT_OF_RANGE',
    message: `${path} has 2 packets, so there is no packet 3`,
  } satisfies Partial<DirectorError>);
});

test('a configuration file', async () => {
  const words = await run(`--config ${join(folder, 'config.yaml')} --from 192.0.2.1:4000 --to 10.0.0.100:80`);
  expect(words).toContain('it is for the service tcp 10.0.0.100:80: scheduler wlc');
  expect(words).toContain('worked out from the file alone');
});

describe('is refused', () => {
  test.each([
    ['--from 1.2.3.4:5', /which packet\? name it with --from and --to/],
    ['--from 1.2.3.4:5 --to [::1]:5', /1\.2\.3\.4 and --to ::1 are of different IP versions/],
    ['--packet 3', /packet 3 of which file\? name it with --pcap/],
    ['--pcap /nonexistent', /cannot read \/nonexistent: there is no such file/],
  ])('%s', async (line, message) => {
    await expect(byRules(line)).rejects.toThrow(message);
  });

  test.each([
    ['--from 1.2.3.4 --to 1.2.3.4:5', /expected ADDRESS:PORT/],
    ['--from 1.2.3.4:5 --to 1.2.3.4:70000', /expected ADDRESS:PORT/],
    ['--tcp syn,sny', /"sny" is none of the flags/],
    ['--sctp hello', /"hello" is none of the chunks/],
    ['--frame abc', /3 digits are an odd number/],
    ['--frame 02zz', /"z" is no hexadecimal digit/],
    ['--frame aabb', /2 bytes are no frame/],
    ['--packet 0', /expected a whole number from 1 on/],
    ['--udp --tcp syn', /cannot be used with/],
    ['--frame 00 --from 1.2.3.4:5', /no frame|cannot be used with/],
  ])('%s', async (line, message) => {
    const error = await byRules(line).catch((caught: CommanderError) => caught);
    expect((error as CommanderError).code).toMatch(/^commander\./);
    expect((error as CommanderError).message).toMatch(message);
  });
});

test('steps are numbered, servers are a table, and long lines are broken at the width of the terminal', () => {
  const reply: ExplainReply = {
    packet: 'TCP SYN from 192.0.2.1:4000 to 10.0.0.100:80',
    verdict: 'Forward',
    meaning: 'it goes to the real server of its connection',
    service: { protocol: 'tcp', address: '10.0.0.100', port: 80 },
    server: { address: '10.0.0.11', port: 80 },
    steps: [
      { step: 'find', text: 'no connection is remembered', details: [] },
      { step: 'schedule', text: '10.0.0.11:80 has the lowest load for its weight', details: ['as wlc does'] },
    ],
    candidates: [
      {
        server: { address: '10.0.0.11', port: 80 },
        weight: 1,
        weightInForce: 1,
        activeConnections: 2,
        inactiveConnections: 3,
        value: '517/1 = 517',
        chosen: true,
        note: '',
      },
      {
        server: { address: '10.0.0.12', port: 80 },
        weight: 5,
        weightInForce: 0,
        activeConnections: 0,
        inactiveConnections: 0,
        value: '-',
        chosen: false,
        note: 'drained: takes no new connection',
      },
    ],
    sent: [],
    notes: ['look for the answer on the server'],
  };
  expect(renderExplanation(reply, 50)).toBe(`TCP SYN from 192.0.2.1:4000 to 10.0.0.100:80

1. find      no connection is remembered
2. schedule  10.0.0.11:80 has the lowest load for
             its weight
             as wlc does
                SERVER        WEIGHT  ACTIVE  INACTIVE  COMPARED     NOTE
             >  10.0.0.11:80  1       2       3         517/1 = 517
                10.0.0.12:80  0 of 5  0       0         -            drained: takes no new connection

Forward (10.0.0.11:80): it goes to the real server
of its connection
note: look for the answer on the server`);

  const many = Array.from({ length: 30 }, (_, index) => ({ ...reply.candidates[1]!, chosen: index === 25 }));
  const lines = renderExplanation({ ...reply, candidates: many }).split('\n');
  expect(lines.filter((line) => line.includes('10.0.0.12:80'))).toHaveLength(21);
  expect(lines.find((line) => line.includes('more'))).toMatch(/^ +and 9 more: --json has them$/);
});
