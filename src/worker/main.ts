/**
 * The datapath process: joins engine, path and session, and keeps time. Started by the daemon (daemon/supervise.ts)
 * with a socket as descriptor 3; ends when the daemon does.
 */
import { randomBytes } from 'node:crypto';
import { ticksFromMs } from '../clock.ts';
import { ExpirySweep } from '../datapath/expiry.ts';
import { forward } from '../datapath/forward.ts';
import { createPath, type Path } from '../datapath/path.ts';
import { Verdict } from '../datapath/verdict.ts';
import { captureFilter, PcapEngine } from '../engine/pcap.ts';
import { parseMac, renderIpv4, renderMac } from '../wire/address.ts';
import { Channel } from './channel.ts';
import type { Answers, FromWorker, HostFacts, Notice, Request, ToWorker } from './messages.ts';
import { PathSession } from './session.ts';

const CHANNEL_FD = 3;
/** The whole table is swept once in this many slices, one a slice time: a round takes a second. */
const SWEEP_SLICES = 20;
const SLICE_MS = 50;
/** Under overload the event loop does not run; the packet callback then does what timers do. */
const FRAMES_BETWEEN_LOOKS = 64;
/** A capture that could not be opened is tried again after this. */
const REOPEN_MS = 500;
const CLAIM_NOTICE_MS = 60_000;

type Start = Extract<Request, { kind: 'start' }>;

class Worker {
  private readonly channel: Channel;
  private path: Path | undefined;
  private session: PathSession | undefined;
  private engine: PcapEngine | undefined;
  private host: HostFacts | undefined;
  private filter = '';
  private openFailure = '';
  private lastOpenMs = Number.NEGATIVE_INFINITY;
  private readonly sweep = new ExpirySweep();
  private framesSinceLook = 0;
  private lastSliceMs = 0;
  private slices = 0;
  private lastClaimNoticeMs = Number.NEGATIVE_INFINITY;

  constructor() {
    this.channel = new Channel(
      CHANNEL_FD,
      (line) => this.receive(JSON.parse(line) as ToWorker),
      () => process.exit(0),
    );
    setInterval(() => this.slice(), SLICE_MS);
  }

  private receive({ id, request }: ToWorker): void {
    try {
      this.channel.send({ id, answer: this.handle(request) } satisfies FromWorker);
    } catch (error) {
      this.channel.send({ id, error: String(error) } satisfies FromWorker);
    }
  }

  private handle(request: Request): Answers[keyof Answers] {
    if (request.kind === 'start') return this.start(request);
    const { session } = this;
    if (session === undefined) throw new Error(`${request.kind} before start`);
    this.tick();
    switch (request.kind) {
      case 'edits':
        session.edit(request.edits);
        this.capture();
        return null;
      case 'next-hops':
        session.setNextHops(request.nextHops);
        return null;
      case 'host':
        this.setHost(request.host);
        return null;
      case 'read-counters':
        return { ...session.readCounters(), capturing: this.engine?.isOpen ?? false };
      case 'list-connections':
        return session.listConnections(request.cursor, request.limit);
    }
  }

  private start(start: Start): null {
    const ownMac = parseMac(start.host.mac)!;
    const seed = randomBytes(8);
    const sink = {
      transmit: (frame: DataView, lengthBytes: number) => engine.transmit(frame, lengthBytes),
      deliver: (frame: DataView, ipOffset: number, lengthBytes: number) =>
        engine.deliver(frame, ipOffset, lengthBytes),
    };
    const path = createPath({
      sink,
      ownMac,
      connectionTableSize: start.connectionTableSize,
      seed: [seed.readInt32LE(0), seed.readInt32LE(4)],
    });
    const engine = new PcapEngine({
      interface: start.interface,
      delivery: { interface: start.delivery.interface, mac: parseMac(start.delivery.mac)! },
      packet: path.packet,
      onFrame: (frame, lengthBytes) => this.onFrame(path, frame, lengthBytes),
    });
    this.path = path;
    this.engine = engine;
    this.session = new PathSession(path);
    this.session.setNextHops(start.nextHops);
    this.session.configure(start.configuration);
    this.setHost(start.host);
    return null;
  }

  private setHost(host: HostFacts): void {
    const before = this.host;
    this.host = host;
    this.session!.setHost(host);
    this.engine!.mtuBytes = host.mtu;
    // A capture does not survive its link: one opened before the link went down is dead, and says nothing.
    if (before?.interfaceUp !== host.interfaceUp) this.engine!.close();
    this.capture();
  }

  /** Opens the capture that host and configuration ask for, if it is not the one that is open. */
  private capture(): void {
    const { host, engine, session } = this;
    if (host === undefined || engine === undefined || session === undefined) return;
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
    this.notice({ level: 'warn', message: `cannot capture yet, trying again: ${failure}` });
  }

  private onFrame(path: Path, frame: DataView, lengthBytes: number): void {
    path.now = ticksFromMs(performance.now());
    if (forward(path, frame, lengthBytes) === Verdict.PassArpConflict) this.noticeClaim(path);
    if (++this.framesSinceLook < FRAMES_BETWEEN_LOOKS) return;
    this.framesSinceLook = 0;
    if (performance.now() - this.lastSliceMs < SLICE_MS) return;
    this.slice();
    this.channel.poll();
  }

  private tick(): void {
    if (this.path !== undefined) this.path.now = ticksFromMs(performance.now());
  }

  private slice(): void {
    const { path, session } = this;
    this.lastSliceMs = performance.now();
    if (path === undefined || session === undefined) return;
    this.tick();
    this.sweep.run(path, Math.ceil(path.connections.highestEntry / SWEEP_SLICES));
    if (++this.slices % SWEEP_SLICES === 0) session.everySecond();
    if (this.engine?.isOpen !== true && this.lastSliceMs - this.lastOpenMs > REOPEN_MS) this.capture();
  }

  private noticeClaim({ packet }: Path): void {
    const nowMs = performance.now();
    if (nowMs - this.lastClaimNoticeMs < CLAIM_NOTICE_MS) return;
    this.lastClaimNoticeMs = nowMs;
    const mac = renderMac({ high: packet.arpSenderMacHigh, low: packet.arpSenderMacLow });
    const address = renderIpv4(packet.arpSenderIp);
    this.notice({
      level: 'warn',
      message: `${mac} claims the virtual address ${address} in ARP and takes its traffic away; is it a real server without arp_ignore=1 and arp_announce=2?`,
      fields: { address, mac },
    });
  }

  private notice(notice: Notice): void {
    this.channel.send({ notice } satisfies FromWorker);
  }
}

new Worker();
