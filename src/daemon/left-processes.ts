/** Datapath processes that another daemon left, which forward on: found by their notes, taken over, or ended. */
import { rmSync } from 'node:fs';
import { loadHostAddon } from '../host/native.ts';
import type { Log } from '../log.ts';
import { MAX_WORKERS } from '../wire/slice.ts';
import { Handover, type HandoverNote } from '../worker/handover.ts';
import type { Predecessor } from '../worker/messages.ts';
import { noteFileFor, readNoteFile } from '../worker/note-file.ts';
import { MappedMemory } from '../worker/path-memory.ts';
import { shareAnew } from '../worker/share-anew.ts';
import { HeldMemory } from './held-memory.ts';

/** How often it is looked whether a process that gave its work away has ended. */
const REAP_INTERVAL_MS = 50;

/** One that can be taken over. */
export interface LeftProcess extends Predecessor {
  /** Its place among the workers of its daemon. */
  readonly index: number;
  readonly held: HeldMemory;
}

export class LeftProcesses {
  private readonly log: Log;
  private readonly noteFile: (index: number) => string;

  constructor(log: Log, socketPath: string, interfaceName: string) {
    this.log = log;
    this.noteFile = (index) => noteFileFor(socketPath, interfaceName, index);
  }

  /** Also opens their memories. One of a build with another layout cannot be taken over, and is ended. */
  find(): LeftProcess[] {
    return this.noted().flatMap(({ index, left }) => {
      const held = HeldMemory.open(left.memory);
      if (held !== undefined) return { ...left, index, held };
      this.end(index, left);
      return [];
    });
  }

  /** For a datapath that does not go on with their work. */
  endAll(): void {
    for (const { index, left } of this.noted()) this.end(index, left);
  }

  removeNotes(): void {
    for (let index = 0; index < MAX_WORKERS; index++) rmSync(this.noteFile(index), { force: true });
  }

  private noted(): { readonly index: number; readonly left: Predecessor }[] {
    return Array.from({ length: MAX_WORKERS }, (_, index) => index).flatMap((index) => {
      const left = readNoteFile(this.noteFile(index));
      return left === undefined ? [] : { index, left };
    });
  }

  private end(index: number, { pid }: Predecessor): void {
    rmSync(this.noteFile(index), { force: true });
    process.kill(pid, 'SIGKILL');
    reapWhenEnded(pid);
    this.log.warn(
      { pid },
      'ended the datapath process that a director left, with its connections: it is of another layout, or another datapath',
    );
  }
}

/**
 * They share the clients otherwise than it is to be from now on: they stop, and all connections go into fresh memories,
 * one for each worker. Nobody forwards until those begin. `note`: what they worked by; null: none answered. `lost`:
 * connections that found no room.
 */
export function moveConnections(
  left: readonly LeftProcess[],
  to: readonly HeldMemory[],
): { readonly note: HandoverNote | null; readonly lost: number } {
  const before = left.map((each) => ({ each, memory: new MappedMemory(each.held.path) }));
  const notes = before.map(({ each, memory }) => new Handover(each, memory).stop());
  const after = to.map(({ path }) => new MappedMemory(path));
  const lost = shareAnew(
    before.map(({ memory }) => memory),
    after,
  );
  for (const memory of [...before.map(({ memory }) => memory), ...after]) memory.close();
  for (const { pid, held } of left) {
    held.close();
    reapWhenEnded(pid);
  }
  return { note: notes.find((note) => note !== undefined) ?? null, lost };
}

/** Of a daemon that began anew in the same process it is a child, which Node.js does not know. */
export function reapWhenEnded(pid: number): void {
  const looking = setInterval(() => {
    if (loadHostAddon().reap(pid)) clearInterval(looking);
  }, REAP_INTERVAL_MS).unref();
}
