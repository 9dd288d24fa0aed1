/**
 * What forwards through pcap outlives its daemon, and its connections outlive the process that forwards: uploads of
 * many connections go on, and their checksums are right at the end.
 */
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addService, deleteService } from '../helpers/edits.ts';
import {
  describeWithDirector,
  HOSTS,
  IN_USER_SPACE,
  type Lab,
  labs,
  type Program,
  type RunningDirector,
  SOON,
  VIP,
} from '../helpers/lab.ts';

const { rs1, rs2 } = HOSTS;
const UPLOADS = 60;
const UPLOAD_PORT = 81;
const UDP_PORT = 90;
/** At addresses that no other service has. */
const [OTHER, OTHER6] = ['tcp 172.26.20.99:80', 'tcp [fd00::99]:80'];
const PAGE = `http://${VIP}/`;
const SERVED = /^172/;
const RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r ${rs1.ipv4}:80 -g -w 1`,
  `-a -t ${VIP}:80 -r ${rs2.ipv4}:80 -g -w 3`,
  `-A -t ${VIP}:${UPLOAD_PORT} -s wrr`,
  `-a -t ${VIP}:${UPLOAD_PORT} -r ${rs1.ipv4}:${UPLOAD_PORT} -g -w 1`,
  `-a -t ${VIP}:${UPLOAD_PORT} -r ${rs2.ipv4}:${UPLOAD_PORT} -g -w 1`,
  `-A -u ${VIP}:${UDP_PORT} -s rr`,
  `-a -u ${VIP}:${UDP_PORT} -r ${rs1.ipv4}:${UDP_PORT} -g -w 1`,
];

describeWithDirector('handing over', [], () => {
  describe.each(IN_USER_SPACE)('over %s', (engine) => {
    const { create } = labs();
    let lab: Lab;
    let running: RunningDirector | undefined;
    let noteFile: string;
    const servers: Program[] = [];

    beforeAll(async () => {
      lab = await create(`handover-${engine}`);
      noteFile = join(lab.folder, 'datapath-eth0');
      for (const host of ['rs1', 'rs2'] as const)
        servers.push(await lab.program(host, 'upload-server.mjs', VIP, `${UPLOAD_PORT}`));
    });
    beforeEach(async () => {
      if (!isRunning()) await start();
      await lab.configure(...RULES);
    });
    afterAll(async () => {
      if (isRunning()) await running!.stop();
      for (const server of servers) await server.end();
    });

    const isRunning = () => running?.child.exitCode === null && running.child.signalCode === null;

    const start = async (...args: string[]) => {
      const next = await lab.startDirector(engine, ...args);
      running = next;
      return next;
    };
    const inDirector = (...command: [string, ...string[]]) =>
      lab.must('director', command[0], command.slice(1));
    const datapath = async () => (await lab.client.readStatus()).datapath;
    const totals = async () => {
      const { services } = await lab.client.listServices();
      const uploads = services.find(({ service }) => 'port' in service && service.port === UPLOAD_PORT)!;
      return {
        active: uploads.servers.map(({ activeConnections }) => activeConnections),
        connections: uploads.counters.connections,
        inPackets: uploads.counters.inPackets,
      };
    };
    const killDaemon = async () => {
      running!.child.kill('SIGKILL');
      await running!.exited;
    };
    const notedPid = () => Number(readFileSync(noteFile, 'utf8').split(' ')[0]);

    /** Uploads go on through what `act` does, and none breaks. */
    async function whileUploading(act: () => Promise<unknown>): Promise<void> {
      const uploads = await lab.program('client', 'uploads.mjs', VIP, `${UPLOAD_PORT}`, `${UPLOADS}`);
      await act();
      await uploads.end();
      const { errors, ...counts } = JSON.parse(uploads.lines.at(-1)!);
      expect(errors).toEqual([]);
      expect(counts).toEqual({ uploads: UPLOADS, right: UPLOADS });
    }

    /** Numbered datagrams arrive, though some may do so twice; at a handover one in a thousand may be lost. */
    async function whileCounting(act: () => Promise<unknown>): Promise<void> {
      const receiver = await lab.program('rs1', 'numbered-receiver.mjs', VIP, `${UDP_PORT}`);
      const sender = await lab.program('client', 'numbered-sender.mjs', VIP, `${UDP_PORT}`);
      await act();
      await sender.end();
      await lab.must('client', 'ping', ['-c', '1', VIP]);
      await receiver.end();
      const { sent } = JSON.parse(sender.lines.at(-1)!);
      const { distinct, received } = JSON.parse(receiver.lines.at(-1)!);
      console.info(
        `${sent} sent, ${sent - distinct} lost, ${received - distinct} twice: ${expect.getState().currentTestName}`,
      );
      expect(sent - distinct).toBeLessThanOrEqual(1 + sent / 1000);
      expect(sent).toBeGreaterThanOrEqual(1000);
    }

    test('services at other virtual addresses come and go: nothing is lost', async () => {
      await whileCounting(async () => {
        for (let round = 0; round < 10; round++) {
          await lab.client.applyEdits([addService(OTHER), addService(OTHER6)]);
          await lab.client.applyEdits([deleteService(OTHER), deleteService(OTHER6)]);
        }
        // Libpcap takes its time to open: what waits meanwhile comes late.
        await new Promise((resolve) => setTimeout(resolve, 500));
      });
    });

    test('the daemon is killed: forwarding goes on, and the next daemon takes over all of it', async () => {
      await whileUploading(() =>
        whileCounting(async () => {
          const { pid } = await datapath();
          const rules = await inDirector('ipvsadm', '-Sn');
          const before = await totals();
          await killDaemon();
          expect(notedPid()).toBe(pid);
          expect(await lab.page(PAGE)).toMatch(SERVED);
          const next = await start();
          expect(next.messages().join('\n')).toMatch(
            /took over 3 services and \d+ connections of the running datapath process/,
          );
          await expect.poll(() => isAlive(pid!), SOON).toBe(false);
          expect(await inDirector('ipvsadm', '-Sn')).toBe(rules);
          const after = await totals();
          expect(after.active).toEqual(before.active);
          expect(after.connections).toBe(before.connections);
          expect(after.inPackets).toBeGreaterThan(before.inPackets);
          expect(await lab.page(PAGE)).toMatch(SERVED);
        }),
      );
    });

    test('the datapath process is killed: the next has its connections', async () => {
      await whileUploading(async () => {
        const { pid, restarts } = await datapath();
        const before = await totals();
        // Counters are written down every second.
        await new Promise((resolve) => setTimeout(resolve, 1500));
        process.kill(pid!, 'SIGKILL');
        await expect.poll(datapath, SOON).toMatchObject({ state: 'running', restarts: restarts + 1 });
        const after = await totals();
        expect(after.active).toEqual(before.active);
        expect(after.connections).toBe(before.connections);
        expect(running!.messages().join('\n')).toContain('the next one takes over, with its connections');
        // Edits go to the one that took over.
        await inDirector('ipvsadm', '-A', '-t', `${VIP}:82`, '-s', 'rr');
      });
    });

    test('`director restart`: the same process begins anew, and nothing breaks', async () => {
      await whileUploading(() =>
        whileCounting(async () => {
          const before = await lab.client.readStatus();
          const linesBefore = running!.lines.length;
          await inDirector('director', 'restart');
          const after = await lab.client.readStatus();
          expect(after.pid).toBe(before.pid);
          expect(after.datapath.pid).not.toBe(before.datapath.pid);
          const said = running!.messages(linesBefore);
          expect(said).toContain('stopped; forwarding goes on');
          expect(said.join('\n')).toMatch(/took over 3 services and \d+ connections/);
          // Its parent is the daemon, which takes leave of it.
          await expect.poll(() => existsSync(`/proc/${before.datapath.pid}`), SOON).toBe(false);
        }),
      );
    });

    test('a file that is read after that changes what differs; one that cannot be read leaves forwarding alone', async () => {
      const rulesPath = join(lab.folder, 'rules');
      await whileUploading(async () => {
        await killDaemon();
        writeFileSync(rulesPath, 'nonsense\n');
        const options = ['--interface', 'eth0', '--datapath', engine, '--rules', rulesPath];
        expect(await lab.run('director', 'director', ['run', ...options])).toMatchObject({ code: 2 });
        expect(await lab.page(PAGE)).toMatch(SERVED);
        writeFileSync(rulesPath, `${RULES.join('\n').replace('-w 3', '-w 5')}\n`);
        const next = await start('--rules', rulesPath);
        expect(next.messages().join('\n')).toMatch(/: 1 changes/);
      });
    });

    test('a process that hangs without its daemon is ended, and its connections go on', async () => {
      const rulesPath = join(lab.folder, 'rules');
      writeFileSync(rulesPath, `${RULES.join('\n')}\n`);
      await whileUploading(async () => {
        const { pid } = await datapath();
        await killDaemon();
        process.kill(pid!, 'SIGSTOP');
        const next = await start('--rules', rulesPath);
        expect(next.messages().join('\n')).toContain('did not answer and was ended');
        expect(isAlive(pid!)).toBe(false);
      });
    });

    test('director-down leaves nothing of it', async () => {
      await killDaemon();
      const pid = notedPid();
      expect(isAlive(pid)).toBe(true);
      // An address that is not there: the others are to stay.
      await inDirector('director-down', '--interface', 'eth0', '--vip', '172.26.20.99');
      expect(isAlive(pid)).toBe(false);
      expect(existsSync(noteFile)).toBe(false);
      expect(existsSync(lab.socketPath)).toBe(false);
      expect(await inDirector('nft', 'list', 'tables')).toBe('');
      expect(await inDirector('ip', '-brief', 'link')).not.toContain('dir-eth0');
      expect(await inDirector('cat', '/proc/net/packet')).not.toMatch(/\n./);
    });
  });
});

/** One that nobody has waited for yet has no program any more. */
function isAlive(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/exe`);
    return true;
  } catch {
    return false;
  }
}
