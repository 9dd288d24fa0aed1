/**
 * The TypeScript path behind the real ring engine, as the recordings' runner runs it: frames come by a cable out of the
 * kernel, through its filter, and go out by one. The clock is the recordings' all the same: the path is in this process,
 * and sees no other. Needs root and a network namespace of its own: `unshare --net`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { forward } from '../../src/datapath/forward.ts';
import { verdictNames } from '../../src/datapath/verdict.ts';
import { assemble, returnBytes } from '../../src/engine/classic-bpf.ts';
import { VNET_HEADER_BYTES } from '../../src/engine/offload.ts';
import { RingEngine } from '../../src/engine/ring.ts';
import { loadHostAddon, type NativePacketSender } from '../../src/host/native.ts';
import { parseMac } from '../../src/wire/address.ts';
import { Packet } from '../../src/wire/packet.ts';
import { WHOLE } from '../../src/wire/slice.ts';
import { eth } from '../helpers/frame-builder.ts';
import type { Backend, Handled } from './memory-director.ts';
import { isLeftToHost, PathInProcess } from './path-in-process.ts';

export const createRingBackend = (mac: string): Backend => new RingBackend(mac);

/** The director's interface and the other end of its cable; the way into its host and the end at the host. */
const WIRE = { near: 'f0', far: 'f1' };
const HOST = { near: 'h0', far: 'h1' };
const MARK_MAC = '02:ff:00:00:00:01';
const HOST_MAC = '02:ff:00:00:00:02';
const ETHERNET_BYTES = 14;
const WITHIN_MS = 1000;

/** Reads what stands in the ring of an interface now, instead of when the event loop comes to it. */
const pumps = new Map<string, () => void>();

/** What all cases share, since the kernel takes long to let go of a ring. */
interface Rig {
  readonly wire: FarEnd;
  readonly host: FarEnd;
  readonly near: NativePacketSender;
  readonly engine: RingEngine;
}
let rig: Rig | undefined;
/** What the engine was opened for, and whom it serves. */
let opened = '';
let served: RingBackend | undefined;

function rigOf(ownMac: string): Rig {
  if (rig !== undefined) return rig;
  const others = readdirSync('/proc/sys/net/ipv4/conf').filter(
    (name) => !['all', 'default', 'lo'].includes(name),
  );
  if (others.length > 0)
    throw new Error(`this network namespace has interfaces (${others.join(', ')}): begin with unshare --net`);
  makeCable(WIRE, ownMac);
  makeCable(HOST, HOST_MAC);
  takeRingsInHand();
  const { PacketSender } = loadHostAddon();
  const engine = new RingEngine({
    interface: WIRE.near,
    delivery: { interface: HOST.near, mac: parseMac(HOST_MAC)! },
    get packet() {
      return served!.path.packet;
    },
    slice: WHOLE,
    onWake: () => {},
    onRefused: () => {},
    onFrame: (frame, lengthBytes) => served!.onFrame(frame, lengthBytes),
  });
  const near = new PacketSender(WIRE.near);
  rig = { wire: new FarEnd(WIRE), host: new FarEnd(HOST), near, engine };
  return rig;
}

function makeCable({ near, far }: typeof WIRE, mac: string): void {
  const ip = (...args: string[]) => execFileSync('ip', ['link', ...args]);
  ip('add', near, 'address', mac, 'type', 'veth', 'peer', 'name', far);
  for (const name of [near, far]) ip('set', name, 'arp', 'off', 'addrgenmode', 'none', 'up');
}

/** Rings of the far ends let everything in. */
function takeRingsInHand(): void {
  const addon = loadHostAddon() as { PacketRing: ReturnType<typeof loadHostAddon>['PacketRing'] };
  const everything = assemble([returnBytes(0xffff_ffff)]);
  addon.PacketRing = class extends addon.PacketRing {
    constructor(...[name, filter, ...others]: ConstructorParameters<typeof addon.PacketRing>) {
      super(name, name === WIRE.near ? filter : everything, ...others);
      pumps.set(name, others.at(-1) as () => void);
    }
  };
}

/** Calls the reader of a ring until `isDone`. */
function pump(name: string, isDone: () => boolean): void {
  const deadlineMs = performance.now() + WITHIN_MS;
  do pumps.get(name)!();
  while (!isDone() && performance.now() < deadlineMs);
  if (!isDone()) throw new Error(`a frame has not come to ${name}`);
}

/** Sends into the director's interface, and has what comes out of it. */
class FarEnd {
  private readonly name: string;
  private readonly sender: NativePacketSender;
  private came: Uint8Array[] = [];

  constructor({ near, far }: typeof WIRE) {
    this.name = far;
    const { PacketSender } = loadHostAddon();
    this.sender = new PacketSender(far);
    const engine = new RingEngine({
      interface: far,
      delivery: { interface: near, mac: parseMac(HOST_MAC)! },
      packet: new Packet(),
      slice: WHOLE,
      onWake: () => {},
      onRefused: () => {},
      onFrame: (frame, lengthBytes) =>
        this.came.push(new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes).slice()),
    });
    engine.open({ ownMac: parseMac(MARK_MAC)!, addresses: [], ownReplies: true });
  }

  send(frame: Uint8Array): void {
    send(this.sender, frame);
  }

  /** The frames that came, of which so many are due. */
  take(count: number): Uint8Array[] {
    pump(this.name, () => this.came.filter(isFromDirector).length >= count);
    return this.came.splice(0).filter(isFromDirector);
  }
}

/** What a far end sends itself it sees, too. */
const isFromDirector = (frame: Uint8Array): boolean => !sentByUs.has(hex(frame));
const sentByUs = new Set<string>();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function send(sender: NativePacketSender, frame: Uint8Array): void {
  const bytes = Buffer.concat([Buffer.alloc(VNET_HEADER_BYTES), frame]);
  if (!sender.send(bytes, 0, bytes.length)) throw new Error(`the kernel does not send ${hex(frame)}`);
}

class RingBackend extends PathInProcess {
  private readonly mac: string;
  private readonly rig: Rig;
  private verdict: string | undefined;
  private isMarkSeen = false;
  private sentCount = 0;
  private deliveredCount = 0;

  constructor(mac: string) {
    const rig = rigOf(mac);
    super(mac, {
      transmit: (frame, lengthBytes) => this.count('sentCount', rig.engine.transmit(frame, lengthBytes)),
      deliver: (frame, ipOffset, lengthBytes) =>
        this.count('deliveredCount', rig.engine.deliver(frame, ipOffset, lengthBytes)),
    });
    this.mac = mac;
    this.rig = rig;
    served = this;
  }

  handle(frame: Uint8Array): Handled {
    this.open();
    this.sentCount = this.deliveredCount = 0;
    this.verdict = undefined;
    sentByUs.clear();
    sentByUs.add(hex(frame));
    const isOwn = hex(frame.subarray(6, 12)) === this.mac.replaceAll(':', '');
    if (isOwn) send(this.rig.near, frame);
    else this.rig.wire.send(frame);
    this.takeIn();
    const sent = this.rig.wire.take(this.sentCount);
    const delivered = this.rig.host.take(this.deliveredCount);
    // The kernel keeps from the path what the host has already.
    const verdict: string = this.verdict ?? 'PassUnseen';
    const macs = frame.subarray(0, ETHERNET_BYTES - 2);
    return {
      verdict,
      sent,
      delivered: isLeftToHost(verdict)
        ? [frame]
        : delivered.map((each) => Uint8Array.from([...macs, ...each.subarray(macs.length)])),
    };
  }

  private open(): void {
    const addresses = this.session.virtualAddresses;
    const wanted = [this.mac, ...addresses].join();
    if (wanted === opened) return;
    this.rig.engine.open({ ownMac: parseMac(this.mac)!, addresses, ownReplies: true });
    opened = wanted;
  }

  /** All that has been sent to the director: a frame behind it that the filter lets in shows it. */
  private takeIn(): void {
    const [address] = this.session.virtualAddresses;
    if (address === undefined) return;
    const [host = ''] = address.split('/');
    const mark = eth({ from: MARK_MAC, to: this.mac });
    const bytes = host.includes(':') ? mark.ipv6(host, host).udp(1, 1) : mark.ipv4(host, host).udp(1, 1);
    this.isMarkSeen = false;
    sentByUs.add(hex(bytes.bytes()));
    this.rig.wire.send(bytes.bytes());
    pump(WIRE.near, () => this.isMarkSeen);
  }

  onFrame(frame: DataView, lengthBytes: number): void {
    const from = new Uint8Array(frame.buffer, frame.byteOffset + 6, 6);
    if (hex(from) === MARK_MAC.replaceAll(':', '')) this.isMarkSeen = true;
    else this.verdict = verdictNames.get(forward(this.path, frame, lengthBytes));
  }

  private count(what: 'sentCount' | 'deliveredCount', isTaken: boolean): boolean {
    if (isTaken) this[what]++;
    return isTaken;
  }
}
