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

export class SharedRig {
  readonly program: Program;
  readonly session: XdpSession;
  private readonly folder: PinFolder = createPinFolder();
  private readonly sizes: XdpSizes;
  private readonly hammers: ChildProcess[] = [];

  constructor(sizes: XdpSizes, servers: number) {
    this.sizes = sizes;
    this.program = new Program({ sizes, pinFolder: this.folder.path, clockIsGiven: true });
    this.program.config.set32(0, CONFIG.at.ticks, 1);
    this.session = new XdpSession(this.program, sizes.connections);
    setHost(this.session);
    this.session.setNextHops(nextHopsOf(servers));
  }

  /** Starts a process that runs frames until stop(). */
  async hammer(task: HammerTask): Promise<Hammer> {
    const start = { ...task, pinFolder: this.folder.path, sizes: this.sizes };
    const child = fork(new URL('./hammer.ts', import.meta.url), [JSON.stringify(start)], {
      execArgv: ['--import', 'tsx'],
    });
    this.hammers.push(child);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the hammer ended (${code}) before it reported`);
    });
    await Promise.race([once(child, 'message'), ended]);
    const report = Promise.race([once(child, 'message'), ended]) as Promise<[HammerReport]>;
    report.catch(() => {});
    return { report: report.then(([each]) => each) };
  }

  /** All hammers begin at once. */
  begin(): void {
    writeWord(this.program, Word.Stop, 0);
    for (const child of this.hammers) child.send('begin');
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

export interface Hammer {
  /** What it says after stop(). */
  readonly report: Promise<HammerReport>;
}
