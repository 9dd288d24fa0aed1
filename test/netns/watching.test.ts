/** Looking on, as people and programs do: stream, history, metrics, status and the web listener of a real director. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { HistoryEntry, OverviewReply } from '../../src/control/protocol.ts';
import {
  DATAPATHS,
  describeWithDirector,
  HOSTS,
  type Lab,
  labs,
  Program,
  type RunningDirector,
  SOON,
  VIP,
} from '../helpers/lab.ts';

const WEB = 'http://[::1]:8080';
const SERVICE = `tcp ${VIP}:80`;
const TOKEN = '0123456789abcdef0123456789abcdef';
const DATAPATH = DATAPATHS.at(-1)!;

describeWithDirector('a director that is watched', ['promtool', 'curl'], () => {
  const made = labs();
  let lab: Lab;
  let director: RunningDirector;
  let folder: string;
  let tokenFile: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'director-watching-'));
    tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, `${TOKEN}\n`);
    chmodSync(tokenFile, 0o600);
    lab = await made.create('watch');
    director = await startDirector();
    const rules = [`-A -t ${VIP}:80 -s rr`, ...servers.map((server) => `-a -t ${VIP}:80 -r ${server} -g`)];
    await lab.configure(...rules);
  });
  afterAll(async () => {
    await director?.stop();
    rmSync(folder, { recursive: true });
  });

  const servers = [HOSTS.rs1.ipv4, HOSTS.rs2.ipv4];
  const startDirector = () =>
    lab.startDirector(
      DATAPATH,
      '--default-check',
      'tcp',
      '--web',
      '[::1]:8080',
      '--web-token-file',
      tokenFile,
    );
  const web = async (path: string, ...options: string[]) =>
    (await lab.must('director', 'curl', ['-gsS', ...options, `${WEB}${path}`])).trimEnd();
  const overview = async () =>
    JSON.parse(await web(`/v1/overview?service=${encodeURIComponent(SERVICE)}`)) as OverviewReply;
  const events = (after = 0) =>
    web(`/v1/history?after=${after}`).then(
      (text) => (JSON.parse(text) as { entries: HistoryEntry[] }).entries,
    );

  /** What a stream has brought so far. */
  function openStream() {
    const args = ['-gsSN', `${WEB}/v1/stream?service=${encodeURIComponent(SERVICE)}&after=0`];
    const program = new Program(lab.spawn('director', 'curl', args, { stdio: ['ignore', 'pipe', 'ignore'] }));
    const of = <T>(event: string): T[] =>
      program.lines.flatMap((line, index) =>
        line === `event: ${event}` && program.lines[index + 1] !== undefined
          ? [JSON.parse(program.lines[index + 1]!.slice('data: '.length)) as T]
          : [],
      );
    return {
      exited: program.exited,
      messages: () => of<HistoryEntry>('history').map(({ message }) => message),
      newest: () => of<OverviewReply>('overview').at(-1),
    };
  }

  test('a failover and a drain are seen live, with why', async () => {
    const stream = openStream();
    await vi.waitFor(
      () => expect(stream.newest()?.servers.map(({ state }) => state)).toEqual(['up', 'up']),
      SOON,
    );
    process.kill(await lab.webServerPid('rs1'));
    await vi.waitFor(() => {
      expect(stream.newest()?.services[0]).toMatchObject({ key: SERVICE, servers: 2, down: 1 });
      expect(stream.messages().at(-1)).toMatch(
        /^real server 172\.26\.20\.112:80 of tcp 172\.26\.20\.110:80 is down: .*refused/,
      );
    }, SOON);
    expect(await web('/metrics')).toContain(`director_service_servers_down{service="${SERVICE}"} 1\n`);
    await lab.startWebServer('rs1');
    await vi.waitFor(
      () => expect(stream.messages().at(-1)).toMatch(/172\.26\.20\.112:80 .* is up again$/),
      SOON,
    );

    const drain = (drained: boolean, ...options: string[]) =>
      web('/v1/drains', '-d', JSON.stringify({ server: { address: servers[1] }, drained }), ...options);
    expect(await drain(true)).toContain('TOKEN_NEEDED');
    expect((await overview()).services[0]).toMatchObject({ drained: 0 });
    await drain(true, '-H', `Authorization: Bearer ${TOKEN}`);
    await vi.waitFor(() => {
      expect(stream.newest()?.services[0]).toMatchObject({ drained: 1 });
      expect(stream.messages().at(-1)).toMatch(/172\.26\.20\.113:80 .* is drained$/);
    }, SOON);
    await drain(false, '-H', `Authorization: Bearer ${TOKEN}`);
  });

  test('frames are counted by the minute, also when the datapath process ends', async () => {
    for (let page = 0; page < 5; page++) await lab.page(`http://${VIP}/`);
    const forwarded = async () => (await overview()).verdicts.find(({ verdict }) => verdict === 'Forward');
    await vi.waitFor(async () => expect((await forwarded())?.lastMinute).toBeGreaterThan(20), SOON);
    const before = await events();
    const { datapath } = await lab.client.readStatus();
    process.kill(datapath.pid!, 'SIGKILL');
    await vi.waitFor(async () => {
      const [entry] = await events(before.at(-1)!.sequence);
      expect(entry).toMatchObject({
        kind: 'datapath',
        message: expect.stringContaining('the datapath process ended (SIGKILL)'),
      });
    }, SOON);
    for (let second = 0; second < 2; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      for (const { perSec, lastMinute } of (await overview()).verdicts)
        expect(Math.min(perSec, lastMinute)).toBeGreaterThanOrEqual(0);
    }
    expect(await web('/metrics')).toContain('director_datapath_restarts_total 1\n');
  });

  test('promtool finds nothing to object to in what it scrapes', async () => {
    const input = await lab.must('director', 'curl', ['-gsS', `${WEB}/metrics`]);
    expect(await lab.run('director', 'promtool', ['check', 'metrics'], { input })).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('status shows services with their servers, and all of it as JSON', async () => {
    const status = await lab.must('director', 'director', ['status']);
    expect(status).toMatch(/^SERVICE +STATE +WEIGHT +ACTIVE/m);
    expect(status).toMatch(/^ {2}172\.26\.20\.112:80 +up( for \d+ s)? +1 .* ms, \d+ s ago$/m);
    expect(status).toMatch(/^172\.26\.20\.113 +02:00:ac:1a:14:71 +REACHABLE +\d+ s ago$/m);
    expect(status).toMatch(/^Forward +\d+ +\d+ +[\d.]+$/m);
    const whole = JSON.parse(await lab.must('director', 'director', ['status', '--json'])) as {
      services: { key: string; servers: { state: string }[] }[];
    };
    expect(whole.services).toMatchObject([{ key: SERVICE, servers: [{ state: 'up' }, { state: 'up' }] }]);
  });

  test('it stops at once with streams open, and these end', async () => {
    const stream = openStream();
    await vi.waitFor(() => expect(stream.newest()).toBeDefined(), SOON);
    expect(await director.stop()).toBe(0);
    expect(await stream.exited).toBe(0);
    expect(director.messages().at(-1)).toBe('stopped; nothing of the director is left on this host');
    director = await startDirector();
  });

  describe('another one is refused before it touches anything', () => {
    const openToAll = () => {
      const path = join(folder, 'open');
      writeFileSync(path, TOKEN);
      chmodSync(path, 0o644);
      return path;
    };
    test.each<[string, () => string[], RegExp]>([
      [
        'a port in use',
        () => ['--web', '[::1]:8080'],
        /^director: cannot listen on --web \[::1\]:8080: another program/,
      ],
      ['an address of nobody here', () => ['--web', '192.0.2.7:80'], /this host does not have the address/],
      ['no address', () => ['--web', 'here:80'], /expected ADDRESS:PORT/],
      ['no port', () => ['--web', '127.0.0.1'], /expected ADDRESS:PORT/],
      [
        'a token without a listener',
        () => ['--web-token-file', tokenFile],
        /is for --web, which is not given/,
      ],
      [
        'a token for all',
        () => ['--web', '127.0.0.1:0', '--web-token-file', openToAll()],
        /mode 644\); run: chmod 600/,
      ],
      ['no token', () => ['--web', '127.0.0.1:0', '--web-token-file', '/none'], /there is no such file/],
    ])('%s', async (_, options, message) => {
      const args = ['run', '--interface', 'eth0', ...options()];
      const { code, stdout, stderr } = await lab.run('director', 'director', args);
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
    });
  });
});
