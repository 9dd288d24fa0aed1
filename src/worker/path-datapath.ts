/**
 * The path in this process, with frames through an engine: joins engine, path and session, and keeps time. Goes on alone
 * when its daemon is gone, until a process of the next one takes over.
 */
import { untilBeat } from '../beat.ts';
import type { CaptureWish } from '../capture/wish.ts';
import { ticksFromMs } from '../clock.ts';
import { ExpirySweep } from '../datapath/expiry.ts';
import { forward } from '../datapath/forward.ts';
import { createPath, type Path } from '../datapath/path.ts';
import { DROP_RING_FULL, Verdict } from '../datapath/verdict.ts';
import type { EngineOptions, FrameEngine } from '../engine/engine.ts';
import { parseMac, renderIpv4, renderMac } from '../wire/address.ts';
import type { CaptureLine } from './capture-line.ts';
import type { WorkerDatapath, WorkerLine } from './datapath.ts';
import { FloodNotice } from './flood-notice.ts';
import { HANDOVER_SIGNAL, Handover, takePlaces, writeNote } from './handover.ts';
import type {
  ConfigurationMessage,
  CountersReport,
  HostFacts,
  PathStart,
  StartAnswer,
  StartRequest,
} from './messages.ts';
import { writeNoteFile } from './note-file.ts';
import { MappedMemory, Step } from './path-memory.ts';
import { PathTap } from './path-tap.ts';
import { adoptServers, recoverConnections, recoverCounters } from './recover-path.ts';
import { PathSession } from './session.ts';

/** What time brings is looked after so often while frames come; each second while none do. */
const SLICE_MS = 50;
/** Without connections, and without frames for so long that all rates are 0, time brings next to nothing. */
const QUIET_AFTER_MS = 60_000;
const QUIET_SLICE_MS = 5000;
/** In this time the whole table is swept once. */
const SECOND_MS = 1000;
/** Under overload the event loop does not run; the packet callback then does what timers do. */
const FRAMES_BETWEEN_LOOKS = 64;
/** A capture that could not be opened is tried again after this. */
const REOPEN_MS = 500;
const CLAIM_NOTICE_MS = 60_000;
/** A host with a new MAC announces it before its programs hear of that: such a claim may be its own. */
const CLAIM_SETTLES_MS = 1000;

export class PathDatapath implements WorkerDatapath {
  readonly session: PathSession;
  readonly started: StartAnswer;
  private readonly line: WorkerLine;
  private readonly memory: MappedMemory;
  private readonly path: Path;
  private readonly engine: FrameEngine;
  private readonly clockOffsetMs: number;
  private host: HostFacts;
  /** What the engine was opened for. */
  private opened = '';
  private openFailure = '';
  private lastOpenMs = Number.NEGATIVE_INFINITY;
  private readonly sweep = new ExpirySweep();
  /** Somebody captures. */
  private tap: PathTap | undefined;
  private framesSinceLook = 0;
  private lastSliceMs = 0;
  private lastSecondMs = 0;
  /** Frames have come since the timer ran last. */
  private isBusy = true;
  private lastBusyMs = 0;
  private lastClaimNoticeMs = Number.NEGATIVE_INFINITY;
  private readonly floodNotice = new FloodNotice();

  constructor(
    request: StartRequest,
    start: PathStart,
    line: WorkerLine,
    createEngine: (options: EngineOptions) => FrameEngine,
  ) {
    const { delivery, slice } = start;
    this.line = line;
    this.memory = new MappedMemory(start.memory);
    this.clockOffsetMs = this.memory.elapsedMs - performance.now();
    const sink = {
      transmit: (frame: DataView, lengthBytes: number) => {
        const isSent = this.engine.transmit(frame, lengthBytes);
        if (isSent) this.tap?.send(frame, lengthBytes);
        return isSent;
      },
      deliver: (frame: DataView, ipOffset: number, lengthBytes: number) =>
        this.engine.deliver(frame, ipOffset, lengthBytes),
    };
    this.path = createPath({
      sink,
      ownMac: parseMac(request.host.mac)!,
      connectionTableSize: this.memory.capacity,
      seed: this.memory.seed,
      memory: this.memory,
      slice,
    });
    this.engine = createEngine({
      interface: request.interface,
      delivery: { interface: delivery.interface, mac: parseMac(delivery.mac)! },
      slice,
      packet: this.path.packet,
      onWake: () => {
        this.isBusy = true;
        this.tick();
      },
      onFrame: (frame, lengthBytes) => this.onFrame(frame, lengthBytes),
      onRefused: (frames) => this.onRefused(frames),
    });
    this.session = new PathSession(this.path);
    this.host = request.host;
    this.tick();
    const { predecessor } = start;
    const adopted = this.takeOver(request, start);
    const isLost = predecessor !== null && adopted === null;
    this.started = { adopted, mode: null, notes: isLost ? [didNotAnswer(predecessor.pid)] : [] };
    process.on(HANDOVER_SIGNAL, () => this.answerSuccessor());
    writeNoteFile(start.noteFile, this.memory.fd);
    this.keepTime();
  }

  /**
   * Goes on where the process before ended, or ends: see handover.ts. Of fresh memory there is nothing to take. Returns
   * the configuration that was taken over.
   */
  private takeOver(
    { configuration, nextHops }: StartRequest,
    { predecessor, note }: PathStart,
  ): ConfigurationMessage | null {
    const { path, session, memory } = this;
    const handover = predecessor === null ? undefined : new Handover(predecessor, memory);
    const told = handover === undefined ? note : handover.tell();
    adoptServers(path, memory.servers);
    session.adoptNextHops(told?.nextHops ?? []);
    session.setNextHops(nextHops);
    const taken = configuration ?? told?.configuration ?? null;
    if (taken !== null) session.configure(taken);
    this.setHost(this.host);
    const last = handover === undefined ? note : handover.stop();
    recoverConnections(path, memory.servers);
    recoverCounters(path, memory.servers);
    takePlaces(path, last?.places ?? {});
    memory.request = memory.answer = Step.None;
    return told?.configuration ?? null;
  }

  tick(): void {
    this.path.now = ticksFromMs(performance.now() + this.clockOffsetMs);
  }

  afterChanges(): void {
    this.capture();
  }

  setHost(host: HostFacts): void {
    const before = this.host;
    this.host = host;
    this.session.setHost(host);
    this.engine.mtuBytes = host.mtu;
    // A capture does not survive its link: one opened before the link went down is dead, and says nothing.
    if (before.interfaceUp !== host.interfaceUp) this.engine.close();
    this.capture();
  }

  readCounters(withServices: boolean): CountersReport {
    const { isOpen: capturing, drops } = this.engine;
    const report = this.session.readCounters(withServices);
    const unseen = drops === null || drops === 0 ? {} : { [DROP_RING_FULL]: drops };
    return { ...report, verdicts: { ...report.verdicts, ...unseen }, capturing };
  }

  followCaptures(wishes: readonly CaptureWish[], line: CaptureLine): void {
    line.follow(wishes, () => {});
    if (wishes.length === 0) {
      this.tap = undefined;
      return;
    }
    this.tap ??= new PathTap(this.path, line);
    this.tap.follow(wishes);
  }

  /** Nothing of it outlives its process. */
  remove(): void {
    this.close();
  }

  goOnAlone(): boolean {
    this.tap = undefined;
    return true;
  }

  close(): void {
    this.engine.close();
  }

  /** Opens the capture that host and configuration ask for, if it is not the one that is open. */
  private capture(): void {
    const { host, engine, session } = this;
    if (!host.interfaceUp) return;
    const addresses = session.virtualAddresses;
    const ownReplies = session.hasLocalServer;
    // libpcap makes room for frames of the MTU of that moment.
    const wanted = [host.mac, host.mtu, ownReplies, ...addresses].join();
    if (engine.isOpen && wanted === this.opened) return;
    this.lastOpenMs = performance.now();
    try {
      engine.open({ ownMac: parseMac(host.mac)!, addresses, ownReplies });
      this.opened = wanted;
      this.openFailure = '';
    } catch (error) {
      engine.close();
      this.noticeOpenFailure(String(error));
    }
  }

  /** Once for each cause: it is tried again until the interface is back or the daemon says that it is down. */
  private noticeOpenFailure(failure: string): void {
    if (failure === this.openFailure) return;
    this.openFailure = failure;
    this.line.notice({ level: 'warn', message: `cannot capture yet, trying again: ${failure}` });
  }

  private onFrame(frame: DataView, lengthBytes: number): void {
    this.tap?.begin(frame, lengthBytes);
    const verdict = forward(this.path, frame, lengthBytes);
    this.tap?.end(verdict);
    if (verdict === Verdict.PassArpConflict) this.noticeClaim();
    if (++this.framesSinceLook < FRAMES_BETWEEN_LOOKS) return;
    this.framesSinceLook = 0;
    const nowMs = performance.now();
    this.tap?.look(nowMs);
    if (nowMs - this.lastSliceMs < SLICE_MS) return;
    this.slice();
    this.line.poll();
  }

  /** They were counted as forwarded. */
  private onRefused(frames: number): void {
    const { verdicts } = this.path;
    verdicts[Verdict.Forward]! -= frames;
    verdicts[Verdict.DropTransmit]! += frames;
  }

  private keepTime(): void {
    const waitMs = this.waitMs();
    this.isBusy = false;
    const next = () => {
      this.slice();
      this.keepTime();
    };
    setTimeout(next, waitMs);
  }

  private waitMs(): number {
    const nowMs = performance.now();
    if (this.isBusy) this.lastBusyMs = nowMs;
    if (this.isBusy || !this.engine.isOpen) return SLICE_MS;
    const isQuiet = nowMs - this.lastBusyMs > QUIET_AFTER_MS && this.path.connections.live === 0;
    return untilBeat(isQuiet ? QUIET_SLICE_MS : SECOND_MS);
  }

  private slice(): void {
    const { path } = this;
    const nowMs = performance.now();
    const sweptShare = Math.min(1, (nowMs - this.lastSliceMs) / SECOND_MS);
    this.lastSliceMs = nowMs;
    this.tick();
    this.sweep.run(path, Math.ceil(path.connections.highestEntry * sweptShare));
    this.lookForFlood();
    if (nowMs - this.lastSecondMs >= SECOND_MS) {
      this.lastSecondMs = Math.max(this.lastSecondMs + SECOND_MS, nowMs - SECOND_MS);
      this.everySecond();
    }
    this.answerSuccessor();
    if (!this.engine.isOpen && this.lastSliceMs - this.lastOpenMs > REOPEN_MS) this.capture();
  }

  private lookForFlood(): void {
    const { path } = this;
    // A process has its part of the clients.
    path.synFlood.look(path.now, Math.ceil(path.settings.syn_flood_rate / path.registry.slice.count));
    const notice = this.floodNotice.look(path, this.lastSliceMs);
    if (notice !== undefined) this.line.notice(notice);
  }

  private everySecond(): void {
    this.session.everySecond();
    this.saveCounters();
  }

  private saveCounters(): void {
    for (const server of this.path.registry) this.memory.servers.saveCounters(server);
  }

  /** Whoever takes over asks in the memory: handover.ts. */
  private answerSuccessor(): void {
    const { memory, path, session } = this;
    const { request } = memory;
    if (request === memory.answer) return;
    if (request === Step.Stop) {
      this.engine.close();
      this.saveCounters();
    }
    writeNote(memory, path, session);
    memory.answer = request;
    if (request === Step.Stop) process.exit(0);
  }

  private noticeClaim(): void {
    const { packet } = this.path;
    const nowMs = performance.now();
    if (nowMs - this.lastClaimNoticeMs < CLAIM_NOTICE_MS) return;
    this.lastClaimNoticeMs = nowMs;
    const mac = renderMac({ high: packet.arpSenderMacHigh, low: packet.arpSenderMacLow });
    const address = renderIpv4(packet.arpSenderIp);
    setTimeout(() => {
      if (mac === this.host.mac) this.lastClaimNoticeMs = Number.NEGATIVE_INFINITY;
      else this.tellOfClaim(address, mac);
    }, CLAIM_SETTLES_MS).unref();
  }

  private tellOfClaim(address: string, mac: string): void {
    this.line.notice({
      level: 'warn',
      message: `${mac} claims the virtual address ${address} in ARP and takes its traffic away; is it a real server without arp_ignore=1 and arp_announce=2?`,
      fields: { address, mac },
    });
  }
}

const didNotAnswer = (pid: number): string =>
  `the datapath process with pid ${pid}, which a director left, did not answer and was ended: its connections go on, its services are not known`;
