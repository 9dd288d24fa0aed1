/**
 * How a daemon finds the datapath processes that another daemon left: of each a line in a file beside the control
 * socket, with its pid and the number of its memory's file. scripts/lib/pcap.sh reads them, too.
 */
import { mkdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Predecessor } from './messages.ts';
import { MEMORY_NAME } from './path-memory.ts';

/** `index`: of several workers. No interface has a colon in its name. */
export const noteFileFor = (socketPath: string, interfaceName: string, index: number): string =>
  join(dirname(socketPath), `datapath-${interfaceName}${index === 0 ? '' : `:${index}`}`);

export function writeNoteFile(path: string, memoryFd: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, `${process.pid} ${memoryFd}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** The one that the note names, if it lives: no other process has a file of that number and name. */
export function readNoteFile(path: string): Predecessor | undefined {
  try {
    const [pid, fd] = readFileSync(path, 'utf8').split(' ').map(Number) as [number, number];
    const memory = `/proc/${pid}/fd/${fd}`;
    return readlinkSync(memory).startsWith(`/memfd:${MEMORY_NAME}-`) ? { pid, memory } : undefined;
  } catch {
    return undefined;
  }
}
