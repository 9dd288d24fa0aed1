/**
 * Several processes of the ring datapath: each has its clients, whatever becomes of the others, of itself and of the
 * daemon.
 */
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ConnectionListing, ConnectionsReply } from '../../src/control/protocol.ts';
import { parseIp } from '../../src/wire/address.ts';
import { workerOf } from '../../src/wire/slice.ts';
import {
  describeWithDirector,
  HOSTS,
  type Lab,
  labs,
  type Program,
  type RunningDirector,
  SOON,
  VIP,
} from '../helpers/lab.ts';

const { rs1, rs2 } = HOSTS;
const UDP_PORT = 90;
const CLIENTS = Array.from({ length: 24 }, (_, index) => `172.26.20.${130 + index}`);
/** Places of a worker's table, as cursors number them. */
const PLACES = 2 ** 24;
const WEB_RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r ${rs1.ipv4}:80 -g -w 1`,
  `-a -t ${VIP}:80 -r ${rs2.ipv4}:80 -g -w 1`,
];
const UDP_RULES = [
  `-A -u ${VIP}:${UDP_PORT} -s rr`,
  `-a -u ${VIP}:${UDP_PORT} -r ${rs1.ipv4}:${UDP_PORT} -g -w 1`,
];

const ownerOf = (client: string, workers: number): number => workerOf(4, parseIp(client)!.words, workers);

describeWithDirector('several workers', [], () => {
  const { create } = labs();
  let lab: Lab;
  let running: RunningDirector;

  beforeAll(async () => {
    lab = await create('workers');
    for (const client of CLIENTS)
      await lab.must('client', 'ip', ['address', 'add', `${client}/32`, 'dev', 'eth0']);
  });
  beforeEach(async () => {
    if (!isRunning()) await start(2);
    await lab.configure(...WEB_RULES, ...UDP_RULES);
  });
  afterAll(async () => {
    if (isRunning()) await running.stop();
  });

  const isRunning = () => running?.child.exitCode === null && running.child.signalCode === null;
  const start = async (workers: number, ...args: string[]) => {
    running = await lab.startDirector('ring', '--workers', `${workers}`, ...args);
  };
  const datapath = async () => (await lab.client.readStatus()).datapath;
  const pids = async () => (await datapath()).workers.map(({ pid }) => pid!);
  const killDaemon = async () => {
    running.child.kill('SIGKILL');
    await running.exited;
  };
  const pageFor = (client: string) => lab.page(`http://${VIP}/`, '--interface', client);
  const pages = async () => {
    const served: string[] = [];
    for (const client of CLIENTS) served.push(await pageFor(client));
    return served;
  };

  async function connectionsOf(worker: number, workers: number): Promise<ConnectionListing[]> {
    const found: ConnectionListing[] = [];
    for (let cursor: number | null = worker * PLACES; cursor !== null && cursor < (worker + 1) * PLACES; ) {
      const path = `http://director/v1/connections?cursor=${cursor}&limit=10000`;
      const text = await lab.must('director', 'curl', ['-sS', '--unix-socket', lab.socketPath, path]);
      const { connections, nextCursor } = JSON.parse(text) as ConnectionsReply;
      found.push(...connections);
      cursor = nextCursor;
    }
    for (const { client } of found) expect(ownerOf(client.address, workers), client.address).toBe(worker);
    return found;
  }
  /** Clients with a connection, by the worker that has it. */
  async function clientsOf(workers: number): Promise<string[][]> {
    const clients = await Promise.all(
      Array.from({ length: workers }, (_, worker) => connectionsOf(worker, workers)),
    );
    return clients.map((each) => [...new Set(each.map(({ client }) => client.address))].sort());
  }

  /** How many datagrams each client sent, and how many different ones came. */
  async function whileSending(act: () => Promise<unknown>) {
    const receiver: Program = await lab.program('rs1', 'many-receiver.mjs', VIP, `${UDP_PORT}`);
    const sender = await lab.program('client', 'many-senders.mjs', VIP, `${UDP_PORT}`, ...CLIENTS);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await act();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await sender.end();
    await lab.must('client', 'ping', ['-c', '1', VIP]);
    await receiver.end();
    const sent = JSON.parse(sender.lines.at(-1)!) as Record<string, number>;
    const came = JSON.parse(receiver.lines.at(-1)!) as Record<string, number>;
    return CLIENTS.map((client) => ({
      client,
      sent: sent[client]!,
      lost: sent[client]! - (came[client] ?? 0),
    }));
  }
  /** At a handover one in a thousand may be lost. */
  function expectNearlyAll(losses: Awaited<ReturnType<typeof whileSending>>): void {
    const sent = losses.reduce((sum, each) => sum + each.sent, 0);
    console.info(`${lossOf(losses)} of ${sent} lost: ${expect.getState().currentTestName}`);
    expect(lossOf(losses)).toBeLessThanOrEqual(1 + sent / 1000);
  }
  const lossOf = (losses: Awaited<ReturnType<typeof whileSending>>) =>
    losses.reduce((sum, { lost }) => sum + lost, 0);

  test('share the clients: pages from all, connections, counters and frames of both', async () => {
    const { name, state, workers } = await datapath();
    expect([name, state, workers.length]).toEqual(['ring', 'running', 2]);
    expect(new Set(workers.map(({ pid }) => pid)).size).toBe(2);
    const served = await pages();
    expect(new Set(served)).toEqual(new Set([rs1.ipv4, rs2.ipv4]));
    const byOwner = [0, 1].map((worker) => CLIENTS.filter((client) => ownerOf(client, 2) === worker).sort());
    expect(byOwner.every((clients) => clients.length > 4)).toBe(true);
    expect(await clientsOf(2)).toEqual(byOwner);
    const listed = await lab.must('director', 'ipvsadm', ['-Lnc']);
    for (const client of CLIENTS) expect(listed).toContain(client);
    const { services } = await lab.client.listServices();
    const web = services.find(({ service }) => 'port' in service && service.port === 80)!;
    expect(web.counters.connections).toBe(CLIENTS.length);
    expect(web.servers.reduce((sum, { counters }) => sum + counters.connections, 0)).toBe(CLIENTS.length);
    // In each process the turn goes round: no server has more than one above its half there.
    const [one, two] = web.servers.map(({ counters }) => counters.connections);
    expect(Math.abs(one! - two!)).toBeLessThanOrEqual(2);
    const { connections, verdicts } = await lab.client.readStatus();
    expect(connections).toMatchObject({ live: CLIENTS.length, capacity: 2 ** 20 });
    expect(verdicts.Forward).toBeGreaterThanOrEqual(4 * CLIENTS.length);
  });

  test('an edit reaches all of them', async () => {
    await lab.must('director', 'ipvsadm', ['-d', '-t', `${VIP}:80`, '-r', `${rs1.ipv4}:80`]);
    expect(new Set(await pages())).toEqual(new Set([rs2.ipv4]));
  });

  test('what is explained is what the process of that client knows', async () => {
    for (const worker of [0, 1]) {
      const client = CLIENTS.find((each) => ownerOf(each, 2) === worker)!;
      await pageFor(client);
      const port = (await connectionsOf(worker, 2)).find((each) => each.client.address === client)!.client
        .port;
      const said = await lab.must('director', 'director', [
        'explain',
        '--from',
        `${client}:${port}`,
        '--to',
        `${VIP}:80`,
        '--tcp',
        'ack',
      ]);
      expect(said).toMatch(/Forward/);
      expect(said).not.toMatch(/no connection/i);
    }
  });

  test('a capture has the frames of all', async () => {
    const capture = lab.run('director', 'director', ['capture', '--virtual', `${VIP}:80`, '--seconds', '4'], {
      timeoutMs: 20_000,
    });
    let isOver = false;
    void capture.finally(() => {
      isOver = true;
    });
    // From before it listens; how soon it does, only its file would say.
    while (!isOver) for (const client of CLIENTS.slice(0, 8)) await pageFor(client);
    const { stdout } = await capture;
    for (const client of CLIENTS.slice(0, 8)) expect(stdout).toContain(client);
  });

  test('one is killed: the clients of the others lose nothing, and its own are its own again', async () => {
    let before: string[][] = [];
    const losses = await whileSending(async () => {
      before = await clientsOf(2);
      const { workers } = await datapath();
      process.kill(workers[1]!.pid!, 'SIGKILL');
      await expect.poll(datapath, SOON).toMatchObject({
        state: 'running',
        workers: [
          { pid: workers[0]!.pid, restarts: workers[0]!.restarts },
          { restarts: workers[1]!.restarts + 1 },
        ],
      });
      expect(await clientsOf(2)).toEqual(before);
    });
    expect(before[0]!.length + before[1]!.length).toBe(CLIENTS.length);
    console.info(
      `${lossOf(losses)} of ${losses.reduce((sum, { sent }) => sum + sent, 0)} lost, all of the process that was killed`,
    );
    for (const { client, lost } of losses)
      if (ownerOf(client, 2) === 0) expect([client, lost]).toEqual([client, 0]);
    expect(running.messages().join('\n')).toContain('the datapath process 2 ended (SIGKILL)');
    expect(new Set(await pages()).size).toBe(2);
  });

  test('the daemon is killed: all forward on, and the next daemon takes over from all', async () => {
    await pages();
    const before = await clientsOf(2);
    const rules = await lab.must('director', 'ipvsadm', ['-Sn']);
    const left = await pids();
    const losses = await whileSending(async () => {
      await killDaemon();
      expect(new Set(await pages()).size).toBe(2);
      await start(2);
    });
    expectNearlyAll(losses);
    expect(running.messages().join('\n')).toMatch(/took over 2 services and \d+ connections/);
    expect(await lab.must('director', 'ipvsadm', ['-Sn'])).toBe(rules);
    const after = await clientsOf(2);
    for (const worker of [0, 1]) expect(after[worker]).toEqual(expect.arrayContaining(before[worker]!));
    for (const pid of left) await expect.poll(() => existsSync(`/proc/${pid}/exe`), SOON).toBe(false);
  });

  test('director restart hands over all', async () => {
    const losses = await whileSending(() => lab.must('director', 'director', ['restart']));
    expectNearlyAll(losses);
    expect((await datapath()).workers).toHaveLength(2);
  });

  test.each([3, 1, 2])('%i after that: connections move to the process of their client', async (workers) => {
    await pages();
    const { services: before } = await lab.client.listServices();
    const count = (await lab.client.readStatus()).connections.live;
    const served = await lab.must('director', 'ipvsadm', ['-Lnc']);
    await killDaemon();
    await start(workers);
    expect((await datapath()).notes.join('\n')).toMatch(/connections moved to the process of their client/);
    expect((await clientsOf(workers)).flat().sort()).toEqual([...CLIENTS].sort());
    const after = await lab.client.readStatus();
    expect(after.connections.live).toBe(count);
    const endsOf = (text: string) =>
      text
        .split('\n')
        .slice(2)
        .map((line) => line.split(/\s+/).slice(3).join(' '))
        .sort();
    expect(endsOf(await lab.must('director', 'ipvsadm', ['-Lnc']))).toEqual(endsOf(served));
    const { services } = await lab.client.listServices();
    expect(services.map(({ counters }) => counters.connections)).toEqual(
      before.map(({ counters }) => counters.connections),
    );
    expect(new Set(await pages()).size).toBe(2);
  });

  test('director-down leaves nothing of them', async () => {
    const left = await pids();
    await killDaemon();
    await lab.must('director', 'director-down', ['--interface', 'eth0', '--vip', '172.26.20.99']);
    for (const pid of left) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
    expect(readdirSync(lab.folder).filter((name) => name.startsWith('datapath-'))).toEqual([]);
    expect(await lab.must('director', 'cat', ['/proc/net/packet'])).not.toMatch(/\n./);
  });

  test('are for ring', async () => {
    const run = (...args: string[]) =>
      lab.run('director', 'director', ['run', '--interface', 'eth0', '--workers', ...args]);
    for (const datapath of ['xdp', 'pcap', 'auto']) {
      const { code, stderr } = await run('2', '--datapath', datapath);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--workers 2 is for --datapath ring')]);
    }
    expect(await run('65', '--datapath', 'ring')).toMatchObject({ code: 2 });
    expect(await run('2', '--datapath', 'ring', '--conn-table-size', '1')).toMatchObject({ code: 2 });
  });
});
