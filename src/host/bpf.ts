/**
 * The one door to libbpf, by the addon director_bpf in native/: BPF objects, XDP programs on interfaces, filters
 * of what leaves them. scripts/build-native.mjs builds it where libbpf is installed; it is loaded when first
 * asked for, so that a host without it runs the other datapaths.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DirectorError } from '../errors.ts';
import { packageRoot } from '../package-root.ts';
import { type NativePart, readNativeStatus, type SyscallError } from './native.ts';

/** What the addon throws. `syscall`: what was attempted, `bpf_object__load` or `BPF_LINK_CREATE`. */
export interface BpfError extends SyscallError {
  /** What libbpf and the verifier said, its last 64 KiB. */
  readonly log: string;
}

export interface BpfLoadOptions {
  /** Entries of each map, by name; maps that are not named keep what the object says. */
  readonly maxEntries: Readonly<Record<string, number>>;
  /**
   * `const volatile` variables of .rodata, by name (found by BTF): 1, 2, 4 or 8 bytes wide. Throws ERANGE for
   * a value that does not fit.
   */
  readonly constants: Readonly<Record<string, number | bigint>>;
  /**
   * Folder in a bpf file system: maps that are pinned there under their name are used, others are made and
   * pinned. Not the internal ones (.rodata, .bss). Throws EINVAL when a pinned map has another type, size or
   * flags. null: nothing is pinned.
   */
  readonly pinFolder: string | null;
  /** Maps that are not pinned with the others. Left out: none. */
  readonly ownMaps?: readonly string[];
  /**
   * Folder in a bpf file system: if all programs are pinned there under their names, those are used, and nothing is
   * loaded anew, which takes the verifier its time; else those that were loaded are pinned. Whoever names it sees to it
   * that it is of this object file with these constants. Left out: nothing is pinned.
   */
  readonly programFolder?: string;
}

/**
 * An object file, opened and loaded. Maps and programs live until close(); what is pinned, and filters of tc,
 * live on. After close() every call throws EBADF.
 */
export interface BpfObject {
  /**
   * The memory of a BPF_F_MMAPABLE array, shared with the kernel: each value takes its size rounded up to 8
   * bytes. The same buffer each time. It must not be used after close(): it then is of no map any more.
   */
  map(name: string): ArrayBuffer;
  /** As the kernel has them. `id` is the kernel's. */
  mapInfo(name: string): { id: number; keyBytes: number; valueBytes: number; maxEntries: number };
  /**
   * By system call, any type of map; false when the key is not there. Of a per-CPU map `value` holds those of
   * all possible CPUs, each rounded up to 8 bytes.
   */
  lookup(map: string, key: Uint8Array, value: Uint8Array): boolean;
  update(map: string, key: Uint8Array, value: Uint8Array): void;
  remove(map: string, key: Uint8Array): boolean;
  /** False when `key` was the last one. null asks for the first. */
  nextKey(map: string, key: Uint8Array | null, next: Uint8Array): boolean;

  /** Number of a program for the calls below. Throws ENOENT when there is none. */
  program(name: string): number;
  /** The kernel's id. */
  programId(program: number): number;

  /**
   * Runs an XDP program on the first `lengthBytes` of `frame` (14 to about 3500), come in by the interface; 0 is
   * loopback. Returns action * 2**20 + length of what is in `out` after it; metadata that the program put before
   * the frame is part of that. Throws ENOSPC when `out` is too small.
   */
  runXdp(program: number, frame: Uint8Array, lengthBytes: number, out: Uint8Array, ifindex: number): number;
  /** Runs a SEC("syscall") program, which reads and writes `context`. Returns what it returns, signed. */
  runSyscall(program: number, context: Uint8Array): number;

  /**
   * Puts an XDP program on an interface by a bpf_link, pinned at `linkPath`. null: it lives until close(). Throws
   * EBUSY when another program is there, EOPNOTSUPP when the driver cannot, EEXIST when `linkPath` is taken.
   */
  attachXdp(program: number, ifindex: number, mode: 'native' | 'generic', linkPath: string | null): void;
  /**
   * Puts this program in the place of the one of a pinned link, atomically. Throws ENOENT when nothing is at
   * `linkPath`, ENOLINK when the link's interface is gone.
   */
  replaceXdp(program: number, linkPath: string): void;
  /**
   * Makes a SEC("tc") program filter what leaves the interface, on the qdisc clsact, which is made if it is
   * not there. It takes the place of a program with this handle and priority.
   */
  attachTcEgress(program: number, ifindex: number, handle: number, priority: number): void;

  /** Gives a copy of each record of a ring buffer, as they come. Does not keep the process alive. */
  onEvents(map: string, onEvent: (record: Buffer) => void): void;
  /** What has come by now, at most 64 records of a ring, without waiting for the event loop. */
  readEvents(): void;
  /**
   * Takes what has come by now from another ring buffer, as much as fits into `into`: records one behind the other,
   * each after its length (a 32-bit word of this host). None may be longer than `longestBytes`. Returns the bytes that
   * were written.
   */
  readRing(map: string, into: Uint8Array, longestBytes: number): number;

  close(): void;
}

export interface BpfAddon {
  readonly BpfObject: new (path: string, options: BpfLoadOptions) => BpfObject;
  /**
   * The XDP program on an interface; null when there is none, or no such interface. `name` as bpf_prog_info has
   * it (15 characters), empty when the kernel does not tell.
   */
  queryXdp(ifindex: number): { id: number; name: string; mode: 'native' | 'generic' | 'offloaded' } | null;
  /** Of the link pinned at `path`; null when nothing is there. `ifindex` 0: its interface is gone. */
  queryLink(path: string): { ifindex: number; programId: number } | null;
  /**
   * Takes a filter away, and the qdisc clsact with the last filter of either direction. Nothing happens when
   * the filter is not there.
   */
  detachTcEgress(ifindex: number, handle: number, priority: number): void;
  /** How many values an entry of a per-CPU map has. */
  possibleCpus(): number;
  /** The kernel's HZ. */
  ticksPerSecond(): number;
  /** False also when nothing is at `path`. */
  isBpfFileSystem(path: string): boolean;
  /** Puts a whole frame on the wire of an interface: packet(7). */
  sendFrame(ifindex: number, frame: Uint8Array): void;
  /** mount -t bpf. Only root gets in. */
  mountBpf(path: string): void;
}

let loaded: BpfAddon | undefined;

/** Throws TOOL_MISSING, with what is missing and the command that mends it. */
export function loadBpfAddon(): BpfAddon {
  loaded ??= requireAddon(join(packageRoot(), 'native/build/Release/director_bpf.node'));
  return loaded;
}

/** An object file that scripts/build-native.mjs compiled from native/bpf/NAME.bpf.c. Throws like loadBpfAddon(). */
export function bpfObjectPath(name: string): string {
  const path = join(packageRoot(), `native/build/bpf/${name}.bpf.o`);
  checkBuilt('the BPF program', path, readNativeStatus()?.bpfProgram);
  return path;
}

function requireAddon(path: string): BpfAddon {
  checkBuilt('the BPF addon', path, readNativeStatus()?.bpfAddon);
  try {
    return createRequire(import.meta.url)(path) as BpfAddon;
  } catch (cause) {
    const message = `the BPF addon does not load (${(cause as Error).message}); run: ${BUILD}`;
    throw new DirectorError('TOOL_MISSING', message, { path }, cause);
  }
}

const BUILD = 'npm run build:native';

/** A file may be there and be older than its sources, which do not build any more: the status tells. */
function checkBuilt(what: string, path: string, part: NativePart | undefined): void {
  if (existsSync(path) && part?.ok !== false) return;
  const why = part?.reason === undefined ? '' : ` (${part.reason})`;
  const message = `${what} is not built${why}; run: ${part?.fix ?? BUILD}`;
  throw new DirectorError('TOOL_MISSING', message, { path });
}
