/**
 * The program on an interface: put there, or taken over from the process before, and tended. What is pinned outlives
 * the process; only remove() takes it away.
 */
import { rmSync } from 'node:fs';
import { release } from 'node:os';
import type { CaptureWish } from '../capture/wish.ts';
import { DirectorError } from '../errors.ts';
import { type BpfObject, bpfObjectPath, loadBpfAddon } from '../host/bpf.ts';
import { renderIpv4, renderMac } from '../wire/address.ts';
import type { ConfigurationMessage, Notice, XdpMode } from '../worker/messages.ts';
import type { DatapathSession } from '../worker/session.ts';
import { decodeEvent, type ProgramEvent } from './events.ts';
import { type CaptureSink, KernelCapture } from './kernel-capture.ts';
import { LAYOUT_VERSION } from './layout.ts';
import {
  createPinned,
  findPinned,
  linkPath,
  type PinnedState,
  programFolder,
  removeEmptyFolders,
  removeOtherPrograms,
  removeState,
} from './pins.ts';
import { Program } from './program.ts';
import { XdpSession } from './session.ts';
import { xdpMemoryBytes as memoryBytesFor, type XdpSizes } from './sizes.ts';
import { Tap } from './tap.ts';
import { verifierRefusal } from './verifier-log.ts';
import { WaitingRoom } from './waiting.ts';

export type { XdpMode, XdpSizes };

/** Of the clsact filter that sees what this host answers. scripts/director-down knows them, too. */
const EGRESS_HANDLE = 0x1d1;
const EGRESS_PRIORITY = 49_300;
/** A round of the sweep takes a second: a slice looks at so many lines of groups, or more if the table is very large. */
const LINES_PER_SLICE = 512;
const MAX_SLICES = 20;
const CLAIM_NOTICE_MS = 60_000;
const MAX_FRAME_BYTES = 4096;
const LENGTH_BITS = 20;
const XDP_TX = 3;
const XDP_REDIRECT = 4;

/** What the maps take when they are made. */
export const xdpMemoryBytes = (sizes: XdpSizes): number =>
  memoryBytesFor(sizes, loadBpfAddon().possibleCpus());

export interface XdpOptions {
  readonly interface: string;
  readonly ifindex: number;
  /** Of this interface, in a bpf file system; made if it is not there. */
  readonly folder: string;
  readonly mode: XdpMode;
  readonly sizes: XdpSizes;
  readonly onNotice: (notice: Notice) => void;
}

export class XdpDatapath {
  readonly notes: readonly string[];
  private readonly options: XdpOptions;
  private readonly state: PinnedState;
  private readonly program: Program;
  private readonly xdpSession: XdpSession;
  private readonly waiting = new WaitingRoom();
  private readonly out = new Uint8Array(MAX_FRAME_BYTES);
  /** Somebody captures. */
  private tapped: KernelCapture | undefined;
  private ifindex: number;
  private slices = 0;
  /** Services that were said not to be in force. */
  private noticed: ReadonlySet<string> = new Set();
  private lastClaimNoticeMs = Number.NEGATIVE_INFINITY;

  /**
   * Throws XDP_OCCUPIED, XDP_LAYOUT, or XDP_UNAVAILABLE with the kernel's word as its cause; what was pinned before is
   * as it was then, and nothing else is.
   */
  constructor(options: XdpOptions) {
    this.options = options;
    this.ifindex = options.ifindex;
    const found = findPinned(options.folder);
    if (found === undefined) refuseOccupied(options);
    else refuseOtherLayout(found, options);
    this.state = found ?? createPinned(options.folder, options.sizes);
    this.notes = found === undefined ? [] : sizeNotes(found.sizes, options.sizes);
    try {
      const folder = programFolder(this.state, bpfObjectPath('director'));
      const { sizes, path } = this.state;
      this.program = new Program({ sizes, pinFolder: path, programFolder: folder });
      this.xdpSession = new XdpSession(this.program, this.state.sizes.connections);
      this.putOn(options.ifindex);
      removeOtherPrograms(this.state, folder);
    } catch (error) {
      if (found === undefined) this.discard();
      throw error instanceof DirectorError ? error : unavailable(options, error as Error);
    }
    this.program.object.onEvents('events', (record) => this.onEvent(decodeEvent(record)));
  }

  /** What the pinned state held; undefined: there was none. */
  get adopted(): ConfigurationMessage | undefined {
    return this.xdpSession.adopted;
  }

  get session(): DatapathSession {
    return this.xdpSession;
  }

  /** How it is attached, which may be otherwise than asked for where it was taken over. */
  get mode(): XdpMode {
    return loadBpfAddon().queryXdp(this.ifindex)?.mode === 'native' ? 'native' : 'generic';
  }

  get isAttached(): boolean {
    return loadBpfAddon().queryXdp(this.ifindex)?.id === this.atWork.object.programId(this.atWork.number);
  }

  /** The interface was made anew. */
  attach(ifindex: number): void {
    this.ifindex = ifindex;
    this.putOn(ifindex);
    if (this.tapped !== undefined) this.exchange(this.tapped.tap);
  }

  /**
   * What is captured from now on; what has come of what was captured before is in the queue when this returns. Throws
   * CAPTURE_UNAVAILABLE.
   */
  capture(wishes: readonly CaptureWish[], sink: CaptureSink): void {
    if (wishes.length > 0) this.tapped ??= this.putTap(sink);
    this.tapped?.follow(wishes);
    if (wishes.length === 0) this.takeTapOff();
  }

  /** By the clock, while somebody captures. */
  tendCapture(): void {
    this.tapped?.tend();
  }

  /** How often slice() is to be called. */
  get sliceMs(): number {
    return 1000 / this.slicesPerRound;
  }

  slice(): void {
    const slice = this.slices++ % this.slicesPerRound;
    const count = Math.ceil(this.program.groupLines / this.slicesPerRound);
    for (const version of [4, 6] as const) this.program.sweep(version, slice * count, count);
    if (slice !== this.slicesPerRound - 1) return;
    this.xdpSession.everySecond();
    this.noticeUnpublished();
  }

  private get slicesPerRound(): number {
    return Math.min(MAX_SLICES, Math.ceil(this.program.groupLines / LINES_PER_SLICE));
  }

  close(): void {
    this.takeTapOff();
    this.program.object.close();
  }

  remove(): void {
    loadBpfAddon().detachTcEgress(this.ifindex, EGRESS_HANDLE, EGRESS_PRIORITY);
    this.discard();
  }

  private discard(): void {
    this.tapped?.tap.close();
    this.tapped = undefined;
    removeState(this.state);
    removeEmptyFolders(this.options.folder);
    this.program?.object.close();
  }

  /** In the place of the program of the process before us, or by a link of its own. */
  private putOn(ifindex: number): void {
    const { object, director, egress } = this.program;
    const path = linkPath(this.state);
    const link = loadBpfAddon().queryLink(path);
    if (link?.ifindex === ifindex) {
      if (link.programId !== object.programId(director)) object.replaceXdp(director, path);
    } else {
      // The interface that the link was for is gone.
      if (link !== null) rmSync(path);
      refuseOccupied({ ...this.options, ifindex });
      object.attachXdp(director, ifindex, this.options.mode, path);
    }
    object.attachTcEgress(egress, ifindex, EGRESS_HANDLE, EGRESS_PRIORITY);
  }

  /** The program on the interface. */
  private get atWork(): { readonly object: BpfObject; readonly number: number } {
    const { tapped, program } = this;
    if (tapped !== undefined) return { object: tapped.tap.object, number: tapped.tap.program };
    return { object: program.object, number: program.director };
  }

  private putTap(sink: CaptureSink): KernelCapture {
    const { sizes, path } = this.state;
    let tap: Tap | undefined;
    try {
      tap = new Tap({ sizes, pinFolder: path });
      this.exchange(tap);
      return new KernelCapture(tap, this.xdpSession.captureContext, sink);
    } catch (error) {
      tap?.close();
      throw tapRefused(this.options, error as Error);
    }
  }

  private takeTapOff(): void {
    const { tapped } = this;
    if (tapped === undefined) return;
    const { object, director } = this.program;
    // An interface that is gone took the program with it.
    if (loadBpfAddon().queryLink(linkPath(this.state))?.programId === tapped.tap.programId)
      object.replaceXdp(director, linkPath(this.state));
    this.tapped = undefined;
    tapped.tap.close();
  }

  /** No frame finds the interface without a program. */
  private exchange(tap: Tap): void {
    tap.object.replaceXdp(tap.program, linkPath(this.state));
  }

  // What the program tells -------------------------------------------------------------------------------------

  private onEvent(event: ProgramEvent | undefined): void {
    if (event?.kind === 'waiting-fragment') this.waiting.add(event.frame, performance.now());
    else if (event?.kind === 'first-fragment') this.releaseWaiting(event.datagram);
    else if (event?.kind === 'arp-conflict') this.noticeClaim(event);
  }

  /** Through the program once more, which knows their server now. */
  private releaseWaiting(datagram: string): void {
    const { object, number } = this.atWork;
    for (const { frame, ifindex } of this.waiting.take(datagram, performance.now())) {
      const result = object.runXdp(number, frame, frame.length, this.out, ifindex);
      const action = result >>> LENGTH_BITS;
      if (action !== XDP_TX && action !== XDP_REDIRECT) continue;
      const bytes = this.out.subarray(0, result & ((1 << LENGTH_BITS) - 1));
      const leavesBy = action === XDP_TX ? ifindex : this.xdpSession.interfaceOf(bytes);
      if (leavesBy !== undefined) loadBpfAddon().sendFrame(leavesBy, bytes);
    }
  }

  private noticeUnpublished(): void {
    const { unpublished } = this.xdpSession;
    for (const [service, why] of unpublished) {
      if (this.noticed.has(service)) continue;
      const message = `the virtual service ${service} is not in force as configured, trying again: ${why}`;
      this.options.onNotice({ level: 'error', message, fields: { service } });
    }
    this.noticed = new Set(unpublished.keys());
  }

  private noticeClaim({ mac, address }: Extract<ProgramEvent, { kind: 'arp-conflict' }>): void {
    const nowMs = performance.now();
    if (nowMs - this.lastClaimNoticeMs < CLAIM_NOTICE_MS) return;
    this.lastClaimNoticeMs = nowMs;
    const fields = { address: renderIpv4(address), mac: renderMac(mac) };
    this.options.onNotice({
      level: 'warn',
      message: `${fields.mac} claims the virtual address ${fields.address} in ARP and takes its traffic away; is it a real server without arp_ignore=1 and arp_announce=2?`,
      fields,
    });
  }
}

/** Without a process that tends it: takes away what is pinned below `folder`. Returns whether there was something. */
export function removePinned(folder: string): boolean {
  const found = findPinned(folder);
  if (found === undefined) return false;
  const addon = loadBpfAddon();
  const link = addon.queryLink(linkPath(found));
  if (link !== null && link.ifindex !== 0) addon.detachTcEgress(link.ifindex, EGRESS_HANDLE, EGRESS_PRIORITY);
  removeState(found);
  removeEmptyFolders(folder);
  return true;
}

function refuseOccupied({ interface: name, ifindex }: XdpOptions): void {
  const other = loadBpfAddon().queryXdp(ifindex);
  if (other === null) return;
  throw new DirectorError(
    'XDP_OCCUPIED',
    `${name} has another XDP program, "${other.name}" with id ${other.id} (${other.mode}); it is left alone: take it off (ip link set dev ${name} xdp off, if it is not held by a link), or use --datapath pcap`,
    { interface: name, ...other },
  );
}

function refuseOtherLayout({ layoutVersion, path }: PinnedState, { interface: name }: XdpOptions): void {
  if (layoutVersion === LAYOUT_VERSION) return;
  throw new DirectorError(
    'XDP_LAYOUT',
    `the program that runs on ${name} keeps its state in layout ${layoutVersion}, this build in layout ${LAYOUT_VERSION}: its connections cannot be taken over, and nothing was touched; to begin anew without them: scripts/director-down --interface ${name}, then start`,
    { path, layoutVersion },
  );
}

/** Maps cannot grow: what runs keeps the sizes that it was made with. */
function sizeNotes(pinned: XdpSizes, asked: XdpSizes): string[] {
  const names = { connections: '--conn-table-size', services: '--max-services', servers: '--max-servers' };
  return (Object.keys(names) as (keyof XdpSizes)[])
    .filter((name) => pinned[name] !== asked[name])
    .map(
      (name) =>
        `${names[name]} stays at ${pinned[name]}, as the program that was taken over has it: director stop, then start, to have ${asked[name]}`,
    );
}

function unavailable({ interface: name }: XdpOptions, cause: Error): DirectorError {
  const refusal = 'log' in cause ? verifierRefusal(String(cause.log)) : undefined;
  const reason = refusal === undefined ? '' : `; the verifier of Linux ${release()} says: ${refusal}`;
  return new DirectorError(
    'XDP_UNAVAILABLE',
    `the XDP program cannot be put on ${name}: ${cause.message}${reason}`,
    { interface: name },
    cause,
  );
}

function tapRefused({ interface: name }: XdpOptions, cause: Error): DirectorError {
  if (cause instanceof DirectorError) return cause;
  const refusal = 'log' in cause ? verifierRefusal(String(cause.log)) : undefined;
  const reason = refusal === undefined ? '' : `; the verifier of Linux ${release()} says: ${refusal}`;
  return new DirectorError(
    'CAPTURE_UNAVAILABLE',
    `the capturing program cannot be put on ${name}: ${cause.message}${reason}; forwarding goes on`,
    { interface: name },
    cause,
  );
}
