/**
 * One program's maps in several processes: each loads the program, and takes the maps from the same folder. The first
 * one has the session; others run frames (hammer.ts). They tell each other by words of the one service that no frame
 * can be for, element 0. Needs root.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { CONFIG, SERVICE } from '../../src/xdp/layout.ts';
import { Program } from '../../src/xdp/program.ts';
import { XdpSession } from '../../src/xdp/session.ts';
import type { XdpSizes } from '../../src/xdp/sizes.ts';
import { createPinFolder, type PinFolder } from './bpffs.ts';
import type { HammerReport, HammerTask } from './hammer.ts';
import { nextHopsOf, setHost } from './rig.ts';

const LENGTH_BITS = 20;
export const XDP_TX = 3;

/** Words that processes share. `epoch`: odd while an edit is under way. */
export const Word = { Epoch: 0, Stop: 1, Frames: 2 } as const;

export const readWord = ({ services }: Program, word: number): number =>
  services.get32(0, SERVICE.at.spare + 4 * word);
export const writeWord = ({ services }: Program, word: number, value: number): void =>
  services.set32(0, SERVICE.at.spare + 4 * word, value);

const out = new Uint8Array(4096);

/** What becomes of a frame: the action, and the memory that what leaves is in until the next call. */
export function runFrame(
  { object, director }: Program,
  frame: Uint8Array,
): { action: number; sent: Uint8Array } {
  const result = object.runXdp(director, frame, frame.length, out, 0);
  return { action: result >>> LENGTH_BITS, sent: out };
}

const ARRAYS =
  'config services service_index servers cells mark_rules connections4 connections6 groups4 groups6 server_traffic servers_zeroed services_zeroed verdicts replies notes'.split(
    ' ',
  );

export class SharedRig {
  readonly program: Program;
  session: XdpSession;
  private readonly folder: PinFolder = createPinFolder();
  private readonly sizes: XdpSizes;
  private readonly servers: number;
  private readonly idle: ChildProcess[] = [];
  private readonly hammers: ChildProcess[] = [];

  private constructor(sizes: XdpSizes, servers: number) {
    this.sizes = sizes;
    this.servers = servers;
    this.program = new Program({ sizes, pinFolder: this.folder.path, clockIsGiven: true });
    this.session = this.begin();
  }

  /** With so many servers that are known, and processes that wait for a task. */
  static async create(sizes: XdpSizes, servers: number, hammers: number): Promise<SharedRig> {
    const rig = new SharedRig(sizes, servers);
    await Promise.all(Array.from({ length: hammers }, () => rig.startHammer()));
    return rig;
  }

  /** As new, with the same processes. */
  reset(): void {
    for (const map of ARRAYS) new Uint8Array(this.program.object.map(map)).fill(0);
    this.session = this.begin();
  }

  private begin(): XdpSession {
    this.program.config.set32(0, CONFIG.at.ticks, 1);
    const session = new XdpSession(this.program, this.sizes.connections);
    setHost(session);
    session.setNextHops(nextHopsOf(this.servers));
    return session;
  }

  private async startHammer(): Promise<void> {
    const start = JSON.stringify({ pinFolder: this.folder.path, sizes: this.sizes });
    const child = fork(new URL('./hammer.ts', import.meta.url), [start], { execArgv: ['--import', 'tsx'] });
    this.hammers.push(child);
    await this.messageOf(child);
    this.idle.push(child);
  }

  private async messageOf(child: ChildProcess): Promise<unknown> {
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`a hammer ended (${code}) before it reported`);
    });
    ended.catch(() => {});
    const [message] = await Promise.race([once(child, 'message'), ended]);
    return message;
  }

  /** What each of the processes says after stop(); they begin at once. */
  hammer(...tasks: readonly HammerTask[]): Promise<HammerReport[]> {
    writeWord(this.program, Word.Stop, 0);
    return Promise.all(
      tasks.map(async (task) => {
        const child = this.idle.pop()!;
        const report = this.messageOf(child);
        child.send(task);
        const said = (await report) as HammerReport;
        this.idle.push(child);
        return said;
      }),
    );
  }

  stop(): void {
    writeWord(this.program, Word.Stop, 1);
  }

  /** An edit that the hammers know of. */
  inEpoch(edit: () => void): void {
    const epoch = readWord(this.program, Word.Epoch);
    writeWord(this.program, Word.Epoch, epoch + 1);
    edit();
    writeWord(this.program, Word.Epoch, epoch + 2);
  }

  /** Until the hammers have run so many frames more. */
  async frames(count: number): Promise<void> {
    const first = readWord(this.program, Word.Frames);
    while (((readWord(this.program, Word.Frames) - first) | 0) < count) await turn();
  }

  close(): void {
    for (const child of this.hammers) child.kill('SIGKILL');
    this.program.object.close();
    this.folder.remove();
  }
}
