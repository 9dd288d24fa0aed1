/** The path in this process, with frames through libpcap: joins engine, path and session, and keeps time. */
import { randomBytes } from 'node:crypto';
import { ticksFromMs } from '../clock.ts';
import { ExpirySweep } from '../datapath/expiry.ts';
import { forward } from '../datapath/forward.ts';
import { createPath, type Path } from '../datapath/path.ts';
import { Verdict } from '../datapath/verdict.ts';
import { captureFilter, PcapEngine } from '../engine/pcap.ts';
import { parseMac, renderIpv4, renderMac } from '../wire/address.ts';
import type { WorkerDatapath, WorkerLine } from './datapath.ts';
import type { CountersReport, HostFacts, PcapStart, StartAnswer, StartRequest } from './messages.ts';
import { PathSession } from './session.ts';

/** The whole table is swept once in this many slices, one a slice time: a round takes a second. */
const SWEEP_SLICES = 20;
const SLICE_MS = 50;
/** Under overload the event loop does not run; the packet callback then does what timers do. */
const FRAMES_BETWEEN_LOOKS = 64;
/** A capture that could not be opened is tried again after this. */
const REOPEN_MS = 500;
const CLAIM_NOTICE_MS = 60_000;

export class PathDatapath implements WorkerDatapath {
  readonly session: PathSession;
  readonly started: StartAnswer = { adopted: null, mode: null, notes: [] };
  private readonly line: WorkerLine;
  private readonly path: Path;
  private readonly engine: PcapEngine;
  private host: HostFacts;
  private filter = '';
  private openFailure = '';
  private lastOpenMs = Number.NEGATIVE_INFINITY;
  private readonly sweep = new ExpirySweep();
  private framesSinceLook = 0;
  private lastSliceMs = 0;
  private slices = 0;
  private lastClaimNoticeMs = Number.NEGATIVE_INFINITY;

  constructor(request: StartRequest, { delivery }: PcapStart, line: WorkerLine) {
    this.line = line;
    const seed = randomBytes(8);
    const sink = {
      transmit: (frame: DataView, lengthBytes: number) => this.engine.transmit(frame, lengthBytes),
      deliver: (frame: DataView, ipOffset: number, lengthBytes: number) =>
        this.engine.deliver(frame, ipOffset, lengthBytes),
    };
    this.path = createPath({
      sink,
      ownMac: parseMac(request.host.mac)!,
      connectionTableSize: request.connectionTableSize,
      seed: [seed.readInt32LE(0), seed.readInt32LE(4)],
    });
    this.engine = new PcapEngine({
      interface: request.interface,
      delivery: { interface: delivery.interface, mac: parseMac(delivery.mac)! },
      packet: this.path.packet,
      onFrame: (frame, lengthBytes) => this.onFrame(frame, lengthBytes),
    });
    this.session = new PathSession(this.path);
    this.session.setNextHops(request.nextHops);
    if (request.configuration !== null) this.session.configure(request.configuration);
    this.host = request.host;
    this.setHost(request.host);
    setInterval(() => this.slice(), SLICE_MS);
  }

  tick(): void {
    this.path.now = ticksFromMs(performance.now());
  }

  afterEdits(): void {
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

  readCounters(): CountersReport {
    return { ...this.session.readCounters(), capturing: this.engine.isOpen };
  }

  /** Nothing of it outlives its process. */
  remove(): void {
    this.close();
  }

  close(): void {
    this.engine.close();
  }

  /** Opens the capture that host and configuration ask for, if it is not the one that is open. */
  private capture(): void {
    const { host, engine, session } = this;
    if (!host.interfaceUp) return;
    const filter = captureFilter(host.mac, session.virtualAddresses);
    if (engine.isOpen && filter === this.filter) return;
    this.lastOpenMs = performance.now();
    try {
      engine.open(filter);
      this.filter = filter;
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
    this.tick();
    if (forward(this.path, frame, lengthBytes) === Verdict.PassArpConflict) this.noticeClaim();
    if (++this.framesSinceLook < FRAMES_BETWEEN_LOOKS) return;
    this.framesSinceLook = 0;
    if (performance.now() - this.lastSliceMs < SLICE_MS) return;
    this.slice();
    this.line.poll();
  }

  private slice(): void {
    const { path } = this;
    this.lastSliceMs = performance.now();
    this.tick();
    this.sweep.run(path, Math.ceil(path.connections.highestEntry / SWEEP_SLICES));
    if (++this.slices % SWEEP_SLICES === 0) this.session.everySecond();
    if (!this.engine.isOpen && this.lastSliceMs - this.lastOpenMs > REOPEN_MS) this.capture();
  }

  private noticeClaim(): void {
    const { packet } = this.path;
    const nowMs = performance.now();
    if (nowMs - this.lastClaimNoticeMs < CLAIM_NOTICE_MS) return;
    this.lastClaimNoticeMs = nowMs;
    const mac = renderMac({ high: packet.arpSenderMacHigh, low: packet.arpSenderMacLow });
    const address = renderIpv4(packet.arpSenderIp);
    this.line.notice({
      level: 'warn',
      message: `${mac} claims the virtual address ${address} in ARP and takes its traffic away; is it a real server without arp_ignore=1 and arp_announce=2?`,
      fields: { address, mac },
    });
  }
}
