/** The memory of a datapath in user space, which the daemon holds, so that it outlives each of the processes that work with it. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { createMemoryFile, sizesOf } from '../worker/path-memory.ts';

export class HeldMemory {
  /** Of its connection table. */
  readonly capacity: number;
  /** How many workers share the clients, each with such a memory. */
  readonly workers: number;
  private readonly fd: number;

  private constructor(fd: number, capacity: number, workers: number) {
    this.fd = fd;
    this.capacity = capacity;
    this.workers = workers;
  }

  static create(interfaceName: string, capacity: number, workers: number): HeldMemory {
    const seed = randomBytes(8);
    const words = [seed.readInt32LE(0), seed.readInt32LE(4)] as const;
    return new HeldMemory(createMemoryFile(interfaceName, capacity, words, workers), capacity, workers);
  }

  /** That of a process which another daemon left. Undefined: it is gone, or of a build that laid it out otherwise. */
  static open(path: string): HeldMemory | undefined {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      return undefined;
    }
    const sizes = sizesOf(fd);
    if (sizes !== undefined) return new HeldMemory(fd, sizes.capacity, sizes.workers);
    closeSync(fd);
    return undefined;
  }

  /** Where a datapath process opens it. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  close(): void {
    closeSync(this.fd);
  }
}
