/** A capture of a director at work, by tcpdump, replayed: the same servers get the same frames. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test, vi } from 'vitest';
import type { ReplayReport } from '../../src/replay/report.ts';
import { readBack } from '../capture-file/files.ts';
import { describeWithDirector, HOSTS, type Lab, labs, SOON, VIP } from '../helpers/lab.ts';

const { rs1, rs2, director } = HOSTS;
const PAGES = 21;
const RULES = [
  `-A -t ${VIP}:80 -s wrr`,
  `-a -t ${VIP}:80 -r ${rs1.ipv4} -g -w 1`,
  `-a -t ${VIP}:80 -r ${rs2.ipv4} -g -w 2`,
];

describeWithDirector('director replay', ['tcpdump'], () => {
  const { create } = labs();
  let lab: Lab;
  let capture: string;
  let rules: string;
  /** Connections by server, as the director itself counted them. */
  let live: Record<string, number>;

  beforeAll(async () => {
    lab = await create('replay');
    const at = (name: string) => join(lab.folder, name);
    [capture, rules] = [at('seen.pcap'), at('wanted.rules')];
    writeFileSync(rules, `${RULES.join('\n')}\n`);
    await lab.startDirector('ring', '--rules', rules);
    const options = '-i eth0 -s 0 --immediate-mode -U -Z root -w'.split(' ');
    const child = lab.spawn('director', 'tcpdump', [...options, capture, 'tcp', 'port', '80'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await vi.waitUntil(() => said.includes('listening on'), SOON);
    for (let page = 0; page < PAGES; page++) await lab.page(`http://${VIP}/`);
    // The client's last ACK is on its way when it has its page already.
    await vi.waitUntil(async () => lastWords((await readBack(capture)).frames) === PAGES, SOON);
    child.kill('SIGINT');
    await once(child, 'close');
    const { services } = await lab.client.listServices();
    live = Object.fromEntries(
      services[0]!.servers.map(({ server, counters }) => [server.address, counters.connections]),
    );
  });

  const replay = (...args: string[]) =>
    lab.run('director', 'director', ['replay', ...args, '--rules', rules]);

  test('gives each server what it had', async () => {
    const { code, stdout, stderr } = await replay(capture, '--json');
    expect([code, stderr]).toEqual([0, '']);
    const report = JSON.parse(stdout) as ReplayReport;
    expect(report.ownMac?.mac).toBe(director.mac);
    expect(report.warnings).toEqual([]);
    const [service] = report.runs[0]!.services;
    expect(service!.connections).toBe(PAGES);
    const counted = service!.servers.map(({ server, connections }) => [server, connections]);
    expect(Object.fromEntries(counted)).toEqual(live);
  });

  test('writes the very frames that were sent', async () => {
    const out = join(lab.folder, 'out.pcapng');
    const macs = [rs1, rs2].flatMap(({ ipv4, mac }) => ['--server-mac', `${ipv4}=${mac}`]);
    expect(await replay(capture, '-w', out, ...macs)).toMatchObject({ code: 0, stderr: '' });
    const [seen, replayed] = [await readBack(capture), await readBack(out)];
    expect(sent(replayed.frames).length).toBeGreaterThan(4 * PAGES);
    expect(sent(replayed.frames)).toEqual(sent(seen.frames));
    expect(replayed.frames).toHaveLength(sent(replayed.frames).length);
  });

  test('compares schedulers on it, from standard input and with gzip, and draws them', async () => {
    const page = join(lab.folder, 'report.html');
    const { code, stdout, stderr } = await lab.run(
      'director',
      'sh',
      ['-c', `gzip -c ${capture} | director replay - --rules ${rules} --compare rr,wrr --html ${page}`],
      {},
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^rr +21 /m);
    expect(stdout).toMatch(/^wrr +21 /m);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('<h1>Replay of standard input</h1>');
    expect(html.match(/<figure>/g)).toHaveLength(3);
  });

  test('says of a capture that is cut what it had of it', async () => {
    const cut = join(lab.folder, 'cut.pcap.gz');
    writeFileSync(cut, gzipSync(readFileSync(capture)).subarray(0, 2000));
    const { code, stdout } = await replay(cut);
    expect(code).toBe(0);
    expect(stdout).toContain('warning: the capture: its gzip data ends too early');
  });
});

const OWN = director.mac.replaceAll(':', '');
type Frames = Awaited<ReturnType<typeof readBack>>['frames'];

/** What the director sent, as hexadecimal digits. */
const sent = (frames: Frames) =>
  frames.map(({ data }) => Buffer.from(data).toString('hex')).filter((hex) => hex.slice(12, 24) === OWN);

/** How many connections have sent an ACK after their FIN, and the director has sent it on. */
function lastWords(frames: Frames): number {
  const [ended, acknowledged] = [new Set<string>(), new Set<string>()];
  for (const hex of sent(frames)) {
    const port = hex.slice(68, 72);
    if (Number.parseInt(hex.slice(94, 96), 16) & FIN) ended.add(port);
    else if (ended.has(port)) acknowledged.add(port);
  }
  return acknowledged.size;
}

/** Of the flags in the fourteenth octet of a TCP header (RFC 9293 section 3.1). */
const FIN = 0x01;
