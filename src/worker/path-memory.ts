/**
 * Memory that outlives the process which works with it: the daemon holds it while datapath processes come and go, and
 * a process that has lost its daemon holds it for the next one. In the file:
 *
 *   header     4096 bytes  see HEADER
 *   verdicts   4096 bytes  frames by Verdict, Float64
 *   servers                which server each number is (server-records.ts)
 *   tables                 connections, then datagrams (connection-table.ts)
 *   note                   what a process says to the one that takes over from it, JSON
 *
 * Pages are taken as they are first used. Change LAYOUT_VERSION with anything of this. `workers`: how many share the
 * clients; 0, as builds that knew of no others left it: one.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { connectionTableBytes, tableMemoryIn } from '../connection/connection-table.ts';
import { MAX_DATAGRAMS } from '../datapath/fragments.ts';
import type { PathMemory } from '../datapath/path.ts';
import { VERDICT_COUNT } from '../datapath/verdict.ts';
import { loadHostAddon } from '../host/native.ts';
import { RECORD_BYTES, ServerRecords } from './server-records.ts';

const LAYOUT_VERSION = 1;
const MAGIC = 0x64697221;
const PAGE_BYTES = 4096;
/** In words; the origin is a Float64. */
const HEADER = {
  magic: 0,
  layout: 1,
  capacity: 2,
  seed: 3,
  request: 5,
  answer: 6,
  noteBytes: 7,
  servers: 8,
  origin: 10,
  workers: 12,
} as const;

const VERDICTS_AT = PAGE_BYTES;
const SERVERS_AT = 2 * PAGE_BYTES;
/** A server with a higher number has no record, and its connections end with the process. */
const MAX_RECORDS = 2 ** 20;
const TABLES_AT = SERVERS_AT + MAX_RECORDS * RECORD_BYTES;

/** What the process that takes over asks of the one before, and what that has done. */
export const Step = { None: 0, Tell: 1, Stop: 2 } as const;
export type Step = (typeof Step)[keyof typeof Step];

const bytesFor = (capacity: number): number =>
  TABLES_AT + connectionTableBytes(capacity) + connectionTableBytes(MAX_DATAGRAMS);

/** For a table of so many connections; the file, as open in this process. */
export function createMemoryFile(
  interfaceName: string,
  capacity: number,
  seed: readonly [number, number],
  workers: number,
): number {
  const fd = loadHostAddon().createMemory(`${MEMORY_NAME}-${interfaceName}`, bytesFor(capacity));
  const page = new ArrayBuffer(PAGE_BYTES);
  const words = new Int32Array(page);
  words[HEADER.magic] = MAGIC;
  words[HEADER.layout] = LAYOUT_VERSION;
  words[HEADER.capacity] = capacity;
  words.set(seed, HEADER.seed);
  words[HEADER.workers] = workers;
  new Float64Array(page)[HEADER.origin / 2] = monotonicMs();
  writeSync(fd, new Uint8Array(page), 0, PAGE_BYTES, 0);
  return fd;
}

/** How the file is called in /proc/PID/fd. */
export const MEMORY_NAME = 'director';

/** The capacity of its table, and how many workers share the clients; undefined: of another build, which laid it out otherwise. */
export function sizesOf(fd: number): { readonly capacity: number; readonly workers: number } | undefined {
  const words = new Int32Array(PAGE_BYTES / 4);
  readSync(fd, words, 0, PAGE_BYTES, 0);
  const isOurs = words[HEADER.magic] === MAGIC && words[HEADER.layout] === LAYOUT_VERSION;
  return isOurs ? { capacity: words[HEADER.capacity]!, workers: words[HEADER.workers]! || 1 } : undefined;
}

export class MappedMemory implements PathMemory {
  readonly fd: number;
  readonly connections;
  readonly datagrams;
  readonly verdicts: Float64Array;
  readonly servers: ServerRecords;
  private readonly header: Int32Array;
  private readonly origin: number;
  private readonly bytes: number;

  /** `path`: of a file that createMemoryFile() made, such as /proc/PID/fd/N. */
  constructor(path: string) {
    this.fd = openSync(path, 'r+');
    const capacity = sizesOf(this.fd)?.capacity;
    if (capacity === undefined) throw new Error(`${path} is not the memory of a datapath of this build`);
    this.bytes = bytesFor(capacity);
    const buffer = loadHostAddon().mapMemory(this.fd, this.bytes);
    this.header = new Int32Array(buffer, 0, PAGE_BYTES / 4);
    this.origin = new Float64Array(buffer, 0, PAGE_BYTES / 8)[HEADER.origin / 2]!;
    this.verdicts = new Float64Array(buffer, VERDICTS_AT, VERDICT_COUNT);
    this.servers = new ServerRecords(buffer, SERVERS_AT, this.header.subarray(HEADER.servers), MAX_RECORDS);
    this.connections = tableMemoryIn(buffer, TABLES_AT, capacity);
    const datagramsAt = TABLES_AT + connectionTableBytes(capacity);
    this.datagrams = tableMemoryIn(buffer, datagramsAt, MAX_DATAGRAMS);
  }

  get capacity(): number {
    return this.header[HEADER.capacity]!;
  }

  /** Of the hash of its tables. */
  get seed(): readonly [number, number] {
    return [this.header[HEADER.seed]!, this.header[HEADER.seed + 1]!];
  }

  /** Since the memory was made: the clock of all who work with it. */
  get elapsedMs(): number {
    return monotonicMs() - this.origin;
  }

  get request(): Step {
    return Atomics.load(this.header, HEADER.request) as Step;
  }

  set request(step: Step) {
    Atomics.store(this.header, HEADER.request, step);
  }

  get answer(): Step {
    return Atomics.load(this.header, HEADER.answer) as Step;
  }

  set answer(step: Step) {
    Atomics.store(this.header, HEADER.answer, step);
  }

  writeNote(note: unknown): void {
    const bytes = Buffer.from(JSON.stringify(note));
    for (let written = 0; written < bytes.length; )
      written += writeSync(this.fd, bytes, written, bytes.length - written, this.bytes + written);
    this.header[HEADER.noteBytes] = bytes.length;
  }

  readNote(): unknown {
    const bytes = Buffer.alloc(this.header[HEADER.noteBytes]!);
    readSync(this.fd, bytes, 0, bytes.length, this.bytes);
    return JSON.parse(bytes.toString('utf8'));
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** The same in every process, unlike performance.now(): clock_gettime(2), CLOCK_MONOTONIC. */
const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
