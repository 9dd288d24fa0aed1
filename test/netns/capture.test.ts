/** `director capture` as a person uses it, over both datapaths: what the file says, what ends it, what is left. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { NoteReader, type PacketNote } from '../../src/capture-file/pcapng-notes.ts';
import { eth, SYN, toHex } from '../helpers/frame-builder.ts';
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
import { describeWithTools } from '../helpers/netns.ts';

const { client, director, rs1, rs2 } = HOSTS;
const PAGE = `http://${VIP}/`;
/** On no segment of the director's. */
const UNREACHED = '10.9.9.9';
const RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r ${rs1.ipv4}:80 -g -w 1`,
  `-a -t ${VIP}:80 -r ${rs2.ipv4}:80 -g -w 1`,
  `-A -t ${VIP}:81 -s rr`,
  `-a -t ${VIP}:81 -r ${UNREACHED}:81 -g -w 1`,
];

describeWithDirector('director capture', ['tcpdump'], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const { create } = labs();
    const folder = mkdtempSync(join(tmpdir(), 'director-capture-'));
    let lab: Lab;
    let daemon: RunningDirector;
    let files = 0;
    const capturing: ChildProcess[] = [];

    beforeAll(async () => {
      lab = await create(`capture-${datapath}`);
      daemon = await lab.startDirector(datapath);
      await lab.configure(...RULES);
    });
    afterAll(() => rmSync(folder, { recursive: true }));
    // One that failed leaves no captures to the next.
    afterEach(() => {
      for (const child of capturing.splice(0)) child.kill('SIGKILL');
    });

    interface Capturing {
      readonly path: string;
      readonly program: Program;
      /** What it wrote to standard error. */
      readonly said: () => string;
    }

    /** Resolves when it captures. */
    async function begin(...options: string[]): Promise<Capturing> {
      const path = join(folder, `${++files}.pcapng`);
      const child = lab.spawn('director', 'director', ['capture', '-w', path, ...options], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      capturing.push(child);
      let stderr = '';
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const begun = { path, program: new Program(child), said: () => stderr };
      await expect.poll(begun.said, SOON).toContain('capturing');
      return begun;
    }

    /** As by Ctrl-C. */
    async function end({ program }: Capturing): Promise<void> {
      program.child.kill('SIGINT');
      expect(await program.exited).toBe(0);
    }

    const packetsOf = ({ path }: Capturing): PacketNote[] =>
      [...new NoteReader().push(readFileSync(path))].filter((note) => note.kind === 'packet');
    const commentsOf = (capturing: Capturing) => packetsOf(capturing).map(({ comment }) => comment);
    const distinct = (texts: readonly string[]) => [...new Set(texts)].sort();

    async function sendFrames(...frames: Uint8Array[]): Promise<void> {
      const sender = await lab.program('client', 'send-frames.mjs');
      for (const frame of frames) sender.child.stdin!.write(`${toHex(frame)}\n`);
      await sender.end();
    }

    const programOnInterface = async () =>
      /prog\/xdp id \d+ name \w+/.exec(
        await lab.must('director', 'ip', ['-details', 'link', 'show', 'eth0']),
      )?.[0];

    test('each frame is there as it came and as it was sent, with verdict, service, server and MAC', async () => {
      const capturing = await begin('--virtual', `${VIP}:80`);
      const page = await lab.page(PAGE);
      await end(capturing);
      const server = [rs1, rs2].find(({ ipv4 }) => ipv4 === page)!;
      const fate = `Forward, service tcp ${VIP}:80, server ${server.ipv4}:80, MAC ${server.mac}`;
      expect(distinct(commentsOf(capturing))).toEqual([`came: ${fate}`, `sent: ${fate}`]);
      const macs = packetsOf(capturing).map(({ data }) => data.toString('hex', 0, 12));
      const plain = (mac: string) => mac.replaceAll(':', '');
      expect(distinct(macs)).toEqual([
        plain(director.mac) + plain(client.mac),
        plain(server.mac) + plain(director.mac),
      ]);
      const listing = await lab.must('director', 'tcpdump', ['-nner', capturing.path, 'tcp[13] & 2 != 0']);
      expect(listing).toContain(`${client.mac} > ${director.mac}`);
      expect(listing).toContain(`${director.mac} > ${server.mac}`);
      const frames = packetsOf(capturing).length / 2;
      expect(capturing.said()).toContain(`captured ${frames} frames, filtered `);
      expect(capturing.said()).toContain('lost 0');
    });

    describeWithTools('in Wireshark', ['tshark'], () => {
      test('each packet has its comment, direction and interface', async () => {
        const capturing = await begin('--virtual', VIP);
        const page = await lab.page(PAGE);
        await sendFrames(
          eth({ to: director.mac, from: client.mac }).ipv4(client.ipv4, VIP).tcp(4001, 81, SYN).bytes(),
        );
        await expect.poll(() => commentsOf(capturing).join('\n'), SOON).toContain('DropServerUnreachable');
        await end(capturing);
        const fields = [
          'frame.comment',
          'frame.interface_name',
          'frame.packet_flags_direction',
          'tcp.dstport',
        ];
        const columns = fields.flatMap((field) => ['-e', field]);
        const args = ['-r', capturing.path, '-T', 'fields', '-E', 'separator=|', ...columns];
        const shown = distinct((await lab.must('director', 'tshark', args)).trimEnd().split('\n'));
        const server = [rs1, rs2].find(({ ipv4 }) => ipv4 === page)!;
        const fate = `Forward, service tcp ${VIP}:80, server ${server.ipv4}:80, MAC ${server.mac}`;
        const drop = `DropServerUnreachable, service tcp ${VIP}:81, server ${UNREACHED}:81`;
        expect(shown).toEqual([
          `came: ${drop}|eth0|0x00000001|81`,
          `came: ${fate}|eth0|0x00000001|80`,
          `sent: ${fate}|eth0|0x00000002|80`,
        ]);
      });
    });

    test('what is dropped says why, and a filter shows only what it is for', async () => {
      const drops = await begin('--verdict', 'Drop');
      const ofPort = await begin('--virtual', `${VIP}:81`, '--client', client.ipv4);
      const frame = (source: string, port: number) =>
        eth({ to: director.mac, from: client.mac }).ipv4(source, VIP).tcp(4000, port, SYN).bytes();
      await lab.page(PAGE);
      await sendFrames(frame('127.0.0.9', 80), frame(client.ipv4, 81));
      await expect.poll(() => commentsOf(drops).length, SOON).toBeGreaterThanOrEqual(2);
      await end(drops);
      await end(ofPort);
      const unreachable = `came: DropServerUnreachable, service tcp ${VIP}:81, server ${UNREACHED}:81`;
      expect(distinct(commentsOf(drops))).toEqual([
        `came: DropMartianSource, service tcp ${VIP}:80`,
        unreachable,
      ]);
      expect(distinct(commentsOf(ofPort))).toEqual([unreachable]);
    });

    test('--count and --seconds end it; bad options are refused', async () => {
      const counted = await begin('--count', '3', '--print');
      const timed = await begin('--seconds', '1', '--server', rs1.ipv4);
      await lab.page(PAGE);
      expect(await counted.program.exited).toBe(0);
      expect(counted.said()).toContain('captured 3 frames');
      expect(counted.program.lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{6} .* came: /);
      expect(await timed.program.exited).toBe(0);
      const refused = await lab.run('director', 'director', ['capture', '--verdict', 'Dropp']);
      expect(refused).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('there is no verdict "Dropp"'),
      });
    });

    test('four at once, and no fifth', async () => {
      const four = [await begin(), await begin(), await begin(), await begin()];
      const fifth = await lab.run('director', 'director', ['capture']);
      expect(fifth).toMatchObject({ code: 2, stderr: expect.stringContaining('4 captures go on already') });
      await Promise.all(four.map(end));
    });

    test('whoever captures is killed: nothing is left of it, and forwarding goes on', async () => {
      const before = await programOnInterface();
      const capturing = await begin();
      if (datapath === 'xdp') expect(await programOnInterface()).toContain('director_tap');
      capturing.program.child.kill('SIGKILL');
      await expect.poll(programOnInterface, SOON).toBe(before);
      expect([rs1.ipv4, rs2.ipv4]).toContain(await lab.page(PAGE));
    });

    test('the datapath process is killed: the capture goes on with the next one', async () => {
      const capturing = await begin('--virtual', VIP);
      const { pid } = (await lab.client.readStatus()).datapath;
      process.kill(pid!, 'SIGKILL');
      await expect
        .poll(async () => (await lab.client.readStatus().catch(() => undefined))?.datapath, SOON)
        .toMatchObject({ state: 'running', pid: expect.not.toSatisfy((now) => now === pid) });
      await expect
        .poll(async () => {
          await lab.page(PAGE);
          return statSync(capturing.path).size;
        }, SOON)
        .toBeGreaterThan(1000);
      await end(capturing);
    });

    test('the daemon ends: so does the capture, with what it has', async () => {
      const capturing = await begin('--virtual', VIP);
      await lab.page(PAGE);
      await expect.poll(() => commentsOf(capturing).length, SOON).toBeGreaterThan(4);
      expect(await daemon.stop()).toBe(0);
      expect(await capturing.program.exited).toBe(0);
      expect(capturing.said()).toMatch(/captured \d+ frames/);
    });

    test('the daemon is killed: the capture breaks off, and what forwards is as it was', async () => {
      daemon = await lab.startDirector(datapath);
      await lab.configure(...RULES);
      const before = await programOnInterface();
      const capturing = await begin('--virtual', VIP);
      const { pid } = await lab.client.readStatus();
      process.kill(pid, 'SIGKILL');
      expect(await capturing.program.exited).toBe(1);
      expect(capturing.said()).toContain('the director went away');
      await expect.poll(programOnInterface, SOON).toBe(before);
      expect([rs1.ipv4, rs2.ipv4]).toContain(await lab.page(PAGE));
      daemon = await lab.startDirector(datapath);
      expect(await daemon.stop()).toBe(0);
    });

    if (datapath === 'xdp') {
      test('daemon and datapath process are killed at once: the capturing program forwards until the next start takes it off', async () => {
        daemon = await lab.startDirector(datapath);
        await lab.configure(...RULES);
        const before = await programOnInterface();
        const capturing = await begin();
        const status = await lab.client.readStatus();
        process.kill(status.datapath.pid!, 'SIGSTOP');
        process.kill(status.pid, 'SIGKILL');
        process.kill(status.datapath.pid!, 'SIGKILL');
        expect(await capturing.program.exited).toBe(1);
        expect(await programOnInterface()).toContain('director_tap');
        expect([rs1.ipv4, rs2.ipv4]).toContain(await lab.page(PAGE));
        daemon = await lab.startDirector(datapath);
        expect(await programOnInterface()).toBe(before);
        expect([rs1.ipv4, rs2.ipv4]).toContain(await lab.page(PAGE));
        expect(await daemon.stop()).toBe(0);
      });
    }
  });
});
