/**
 * The one door to the addon in native/: bytes to and from a route netlink socket, a line to systemd, sockets
 * that Node.js does not make, memory that outlives a process.
 * The addon is built by scripts/build-native.mjs; it is loaded when first asked for, so that what needs no
 * kernel runs without it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DirectorError } from '../errors.ts';
import { packageRoot } from '../package-root.ts';

/** What the addon throws for a failed system call. */
export interface SyscallError extends Error {
  /** `EPERM` and the like. */
  readonly code: string;
  readonly syscall: string;
  /** Negative, as in Node.js. */
  readonly errno: number;
}

/** A NETLINK_ROUTE socket. Open from construction to close(); does not keep the process alive unless ref'd. */
export interface NativeNetlinkSocket {
  /** The socket's address; what the kernel answers and reports on our behalf carries it. */
  readonly portId: number;
  send(datagram: Uint8Array): void;
  ref(): void;
  unref(): void;
  close(): void;
}

/** Frames in memory that the kernel shares with us: native/packet_ring.h. */
export interface NativePacketRing {
  /**
   * The ring itself; RING_BATCH_FRAMES places of RING_PLACE_BYTES for a frame and what stands before it; then, each as
   * so many pairs of numbers of 32 bits, what next() found and what send() is to send. Detached by close().
   */
  readonly memory: ArrayBuffer;
  /**
   * How many frames have come, frame N in place N until the next call. Of each, where in `memory`, and how many bytes,
   * or RING_LONG_FRAME; its virtio_net_hdr stands before it.
   */
  next(): number;
  /** So many of what is to be sent, each with its virtio_net_hdr. How many the interface did not take. */
  send(count: number): number;
  /** As the constructor takes them, from the next frame on. */
  setFilter(filter: Uint8Array, takesSent: boolean): void;
  /** A frame too long for a slot, its virtio_net_hdr first: how many bytes; 0: there is none. */
  receiveLong(start: number, buffer: Uint8Array): number;
  /** How many frames found no place since this was asked last. */
  readDrops(): number;
  close(): void;
}

export const RING_BATCH_FRAMES = 64;
export const RING_PLACE_BYTES = 2048 + 64;
/** Where in its place a frame begins; one with a VLAN tag begins as much before that as the tag is long. */
export const RING_FRAME_OFFSET = 18;
export const RING_LONG_FRAME = -1;

export interface NativePacketSender {
  /** A frame with its virtio_net_hdr. False: the interface did not take it. */
  send(bytes: Uint8Array, start: number, end: number): boolean;
  close(): void;
}

export interface HostAddon {
  /**
   * `groups`: bits RTMGRP_* of linux/rtnetlink.h. `onOverrun`: the kernel had to drop messages (ENOBUFS); what
   * is known may be out of date.
   */
  /** `protocol`: of linux/netlink.h. `groups`: that it hears, a bit for each from number 1 on. */
  readonly NetlinkSocket: new (
    protocol: number,
    groups: number,
    onDatagram: (datagram: Buffer) => void,
    onOverrun: () => void,
  ) => NativeNetlinkSocket;
  /**
   * `filter`: struct sock_filter, one after the other. `takesSent`: also asks the filter about frames that this host
   * sends (Linux 4.20; before, it is always asked). `slots`: of 2 KiB, a multiple of 32. `onReadable`: a frame waits.
   * Needs CAP_NET_RAW.
   */
  readonly PacketRing: new (
    interfaceName: string,
    filter: Uint8Array,
    takesSent: boolean,
    slots: number,
    onReadable: () => void,
  ) => NativePacketRing;
  readonly PacketSender: new (interfaceName: string) => NativePacketSender;
  /** One datagram to systemd, sd_notify(3). `path` as NOTIFY_SOCKET has it: a file, or `@` and a name. */
  notify(path: string, text: string): void;
  /**
   * A nonblocking socket, neither bound nor connected: its file, which is the caller's to close. `mark`: SO_MARK,
   * socket(7), which needs CAP_NET_ADMIN, or since Linux 5.17 CAP_NET_RAW; 0: none. A datagram socket that is
   * connected learns of every ICMP error (IP_RECVERR), such as host unreachable, and not only of port unreachable.
   */
  openSocket(family: 4 | 6, type: 'stream' | 'datagram', mark: number): number;
  /**
   * Programs called from now on get no file that is open now but standard input, output and error; for what a
   * package opened without FD_CLOEXEC. Linux 5.11 and newer, else ENOSYS or EINVAL.
   */
  closeOnExec(): void;
  /**
   * Memory of zeros, memfd_create(2): its file. It lives as long as some process has the file open or mapped; pages
   * are taken as they are first written to. `name` is shown in /proc/PID/fd.
   */
  createMemory(name: string, bytes: number): number;
  /** The first `bytes` of such a file, shared with whoever maps them, too; the file may be closed afterwards. */
  mapMemory(fd: number, bytes: number): ArrayBuffer;
  /** Takes leave of a child that Node.js does not know. False while it lives; true also when it is no child of ours. */
  reap(pid: number): boolean;
  /** execv(3): that program in place of this one. Returns only by an exception. `args` begin with the name. */
  execute(program: string, args: readonly string[]): never;
}

/** What scripts/build-native.mjs found. `fix` is a command for a shell. */
export interface NativePart {
  readonly ok: boolean;
  readonly reason?: string;
  readonly fix?: string;
}

export interface NativeStatus {
  readonly node: string;
  readonly addon: NativePart;
  /** `assertions`: cap aborts its process when the interface goes down. */
  readonly cap: NativePart & { readonly assertions?: boolean };
  readonly rawSocket: NativePart;
  /** What the XDP datapath needs: src/host/bpf.ts, and the programs it loads. Undefined: an older status file. */
  readonly bpfAddon?: NativePart;
  readonly bpfProgram?: NativePart;
}

let loaded: HostAddon | undefined;

export function loadHostAddon(): HostAddon {
  loaded ??= requireAddon(join(packageRoot(), 'native/build/Release/director_host.node'));
  return loaded;
}

function requireAddon(path: string): HostAddon {
  if (!existsSync(path)) {
    throw new DirectorError('TOOL_MISSING', 'the native addon is not built; run: npm run build:native', {
      path,
    });
  }
  try {
    return createRequire(import.meta.url)(path) as HostAddon;
  } catch (cause) {
    const message = `the native addon does not load (${(cause as Error).message}); run: npm run build:native`;
    throw new DirectorError('TOOL_MISSING', message, { path }, cause);
  }
}

/** Undefined when scripts/build-native.mjs has not run. */
export function readNativeStatus(): NativeStatus | undefined {
  const path = join(packageRoot(), 'native/build/status.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as NativeStatus) : undefined;
}
