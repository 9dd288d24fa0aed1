/**
 * A route netlink socket as promises and events. Requests go one at a time (the kernel runs one dump a socket).
 * A following socket keeps a mirror of links, addresses and neighbours: it is told every change, and when the
 * kernel had to drop messages (ENOBUFS) it asks for everything anew and reports the differences as if they had
 * been told. What the messages say is rtnetlink.ts; the bytes travel through native.ts.
 */
import { getSystemErrorName } from 'node:util';
import { DirectorError } from '../errors.ts';
import { KernelMirror, type RouteEvent } from './kernel-mirror.ts';
import { loadHostAddon, type NativeNetlinkSocket, type SyscallError } from './native.ts';
import { decodeDatagram } from './rtnetlink-answers.ts';
import {
  type AddressMessage,
  type LinkMessage,
  type NeighborMessage,
  RouteGroup,
  type RouteMessage,
  type RtnetlinkMessage,
} from './rtnetlink-format.ts';
import {
  encodeFailNeighbor,
  encodeGetAddresses,
  encodeGetLinks,
  encodeGetNeighbors,
  encodeGetRoute,
  encodeProbeNeighbor,
  encodeUseNeighbor,
  type NeighborRequest,
} from './rtnetlink-requests.ts';

/** linux/netlink.h */
const NETLINK_ROUTE = 0;
const REQUEST_TIMEOUT_MS = 5000;
/** How often a dump is asked for again when the table changed under it (NLM_F_DUMP_INTR). */
const MAX_DUMP_ATTEMPTS = 4;
/** Between attempts to read everything anew while the kernel keeps overrunning us. */
const RESYNC_RETRY_MS = 200;
/** Groups of a following socket. Routes are not among them: a router's table changes thousands of times a second. */
const FOLLOWED_GROUPS =
  RouteGroup.Link | RouteGroup.Neighbor | RouteGroup.Ipv4Address | RouteGroup.Ipv6Address;

export type RouteListener = (event: RouteEvent) => void;

type Encode = (sequence: number) => Buffer;

interface Request {
  readonly encode: Encode;
  readonly kind: 'dump' | 'single';
  /** What the request is, for error messages. */
  readonly what: string;
  readonly resolve: (messages: RtnetlinkMessage[]) => void;
  readonly reject: (error: DirectorError) => void;
}

interface Outstanding extends Request {
  sequence: number;
  messages: RtnetlinkMessage[];
  interrupted: boolean;
  attempts: number;
  timer: NodeJS.Timeout;
}

export class RouteSocket {
  private readonly native: NativeNetlinkSocket;
  private readonly waiting: Request[] = [];
  private outstanding: Outstanding | undefined;
  private lastSequence = 0;
  private closed = false;

  private readonly listeners = new Set<RouteListener>();
  private readonly mirror = new KernelMirror();
  private following: Promise<void> | undefined;
  private resyncing = false;
  private overrunDuringResync = false;
  private resyncTimer: NodeJS.Timeout | undefined;
  private overruns = 0;

  /** Opens the socket in the network namespace of this process. */
  constructor() {
    const { NetlinkSocket } = loadHostAddon();
    try {
      this.native = new NetlinkSocket(
        NETLINK_ROUTE,
        FOLLOWED_GROUPS,
        (datagram) => this.onDatagram(datagram),
        () => this.onOverrun(),
      );
    } catch (cause) {
      throw syscallError('the route netlink socket does not open', cause as SyscallError);
    }
  }

  /** The name by which the kernel marks events that our own requests caused. */
  get portId(): number {
    return this.native.portId;
  }

  /** How often the kernel dropped messages for us since the socket was opened. */
  get overrunCount(): number {
    return this.overruns;
  }

  /**
   * Reads all links, addresses and neighbours and keeps them up to date from here on; resolves when they are
   * known. Listeners hear the first reading, too.
   */
  follow(): Promise<void> {
    this.following ??= this.readEverything();
    return this.following;
  }

  /** Calls `listener` for each change. Returns what ends that. A listener must not throw. */
  onEvent(listener: RouteListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** As of the last event. Empty before follow(). */
  links(): LinkMessage[] {
    return this.mirror.links();
  }

  link(name: string): LinkMessage | undefined {
    return this.mirror.link(name);
  }

  linkByIndex(index: number): LinkMessage | undefined {
    return this.mirror.linkByIndex(index);
  }

  addresses(interfaceIndex: number): AddressMessage[] {
    return this.mirror.addresses(interfaceIndex);
  }

  neighbor(interfaceIndex: number, address: string): NeighborMessage | undefined {
    return this.mirror.neighbor(interfaceIndex, address);
  }

  async dumpLinks(): Promise<LinkMessage[]> {
    const messages = await this.request('dump', 'list links', encodeGetLinks);
    return messages.filter((message) => message.type === 'link');
  }

  async dumpAddresses(): Promise<AddressMessage[]> {
    const messages = await this.request('dump', 'list addresses', encodeGetAddresses);
    return messages.filter((message) => message.type === 'address');
  }

  async dumpNeighbors(): Promise<NeighborMessage[]> {
    const messages = await this.request('dump', 'list neighbours', encodeGetNeighbors);
    return messages.filter((message) => message.type === 'neighbor');
  }

  /** The route the kernel takes. `outInterface` for link-local addresses. No route: error NETLINK, ENETUNREACH. */
  async route(destination: string, outInterface?: number): Promise<RouteMessage> {
    const what = `find the route to ${destination}`;
    const messages = await this.request('single', what, (sequence) =>
      encodeGetRoute(sequence, destination, outInterface),
    );
    const route = messages.find((message) => message.type === 'route');
    if (route === undefined)
      throw new DirectorError('NETLINK', `cannot ${what}: the kernel's answer holds none`);
    return route;
  }

  /** Has the kernel resolve or refresh a neighbour; see encodeUseNeighbor(). Resolves when it has begun to. */
  async useNeighbor(request: NeighborRequest, managed = false): Promise<void> {
    await this.request('single', `resolve ${request.address}`, (sequence) =>
      encodeUseNeighbor(sequence, { ...request, acknowledge: true }, managed),
    );
  }

  /** The same without waiting. What the kernel says to it is not heard; events tell. */
  triggerNeighbor(request: NeighborRequest): void {
    this.sendQuietly(encodeUseNeighbor(this.nextSequence(), request));
  }

  /** Has the kernel ask a neighbour at the MAC it knows, now. Likewise without waiting. */
  probeNeighbor(request: NeighborRequest): void {
    this.sendQuietly(encodeProbeNeighbor(this.nextSequence(), request));
  }

  /** Has the kernel forget the MAC and ask for it by broadcast or multicast. Likewise without waiting. */
  resolveNeighborAnew(request: NeighborRequest): void {
    this.sendQuietly(encodeFailNeighbor(this.nextSequence(), request));
    this.triggerNeighbor(request);
  }

  /** Keeps the process alive while the socket is open. */
  ref(): void {
    this.native.ref();
  }

  unref(): void {
    this.native.unref();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.resyncTimer);
    this.native.close();
    this.listeners.clear();
    const pending = [
      ...(this.outstanding === undefined ? [] : [this.outstanding]),
      ...this.waiting.splice(0),
    ];
    clearTimeout(this.outstanding?.timer);
    this.outstanding = undefined;
    for (const request of pending)
      request.reject(new DirectorError('NETLINK', `cannot ${request.what}: closed`));
  }

  // Requests ------------------------------------------------------------------------------------------------

  private request(kind: Request['kind'], what: string, encode: Encode): Promise<RtnetlinkMessage[]> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new DirectorError('NETLINK', `cannot ${what}: the netlink socket is closed`));
        return;
      }
      this.waiting.push({ kind, what, encode, resolve, reject });
      if (this.outstanding === undefined) this.sendNext();
    });
  }

  private sendNext(): void {
    const request = this.waiting.shift();
    if (request === undefined) return;
    const timer = setTimeout(() => {
      const message = `cannot ${request.what}: the kernel did not answer within ${REQUEST_TIMEOUT_MS} ms`;
      this.finish((outstanding) => outstanding.reject(new DirectorError('NETLINK', message)));
    }, REQUEST_TIMEOUT_MS);
    this.outstanding = { ...request, sequence: 0, messages: [], interrupted: false, attempts: 0, timer };
    this.transmit(this.outstanding);
  }

  private transmit(outstanding: Outstanding): void {
    outstanding.sequence = this.nextSequence();
    outstanding.messages = [];
    outstanding.interrupted = false;
    outstanding.attempts++;
    try {
      this.native.send(outstanding.encode(outstanding.sequence));
    } catch (cause) {
      const error = syscallError(`cannot ${outstanding.what}`, cause as SyscallError);
      this.finish(({ reject }) => reject(error));
    }
  }

  private sendQuietly(datagram: Buffer): void {
    if (this.closed) return;
    try {
      this.native.send(datagram);
    } catch {
      // Out of memory for a moment, or the interface has gone: whoever asked will ask again.
    }
  }

  private nextSequence(): number {
    this.lastSequence = (this.lastSequence % 0xffffffff) + 1;
    return this.lastSequence;
  }

  private finish(settle: (outstanding: Outstanding) => void): void {
    const outstanding = this.outstanding;
    if (outstanding === undefined) return;
    clearTimeout(outstanding.timer);
    this.outstanding = undefined;
    settle(outstanding);
    if (this.outstanding === undefined) this.sendNext();
  }

  private onDatagram(datagram: Buffer): void {
    for (const message of decodeDatagram(datagram)) {
      if (this.closed) return;
      const outstanding = this.outstanding;
      const answered =
        outstanding !== undefined && this.answers(message, outstanding) ? outstanding : undefined;
      if (message.type === 'link' || message.type === 'address' || message.type === 'neighbor') {
        this.apply(message, answered !== undefined);
      }
      if (answered !== undefined) this.onAnswer(message, answered);
    }
  }

  private answers(message: RtnetlinkMessage, outstanding: Outstanding): boolean {
    return message.sequence === outstanding.sequence && message.portId === this.native.portId;
  }

  private onAnswer(message: RtnetlinkMessage, outstanding: Outstanding): void {
    outstanding.interrupted ||= message.interrupted;
    if ((message.type === 'error' || message.type === 'done') && message.errno !== 0) {
      const error = netlinkError(
        outstanding.what,
        message.errno,
        message.type === 'error' ? message.text : null,
      );
      this.finish(({ reject }) => reject(error));
      return;
    }
    if (message.type === 'done' && outstanding.interrupted && outstanding.attempts < MAX_DUMP_ATTEMPTS) {
      this.transmit(outstanding);
      return;
    }
    if (message.type !== 'error' && message.type !== 'done') outstanding.messages.push(message);
    // A dump ends with done; anything else is answered by one message, be it an acknowledgement.
    if (message.type === 'done' || outstanding.kind === 'single') {
      this.finish(({ resolve, messages }) => resolve(messages));
    }
  }

  // The mirror ----------------------------------------------------------------------------------------------

  private async readEverything(): Promise<void> {
    const started = this.mirror.beginReading();
    // Entries come through apply() in the order of the socket, so that an event after them stays the last word.
    await this.dumpLinks();
    this.forgetUnseen('link', started);
    await this.dumpAddresses();
    this.forgetUnseen('address', started);
    await this.dumpNeighbors();
    this.forgetUnseen('neighbor', started);
  }

  /** `told`: in answer to a request; what was known before is no news then. What the kernel reports always is. */
  private apply(event: RouteEvent, told: boolean): void {
    const known = this.mirror.take(event);
    if (event.deleted && known === undefined) return;
    if (told && known !== undefined && sameContent(known, event)) return;
    this.emit(event);
  }

  private emit(event: RouteEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  private forgetUnseen(type: RouteEvent['type'], generation: number): void {
    for (const event of this.mirror.unseen(type, generation))
      this.apply({ ...event, deleted: true, portId: 0, sequence: 0 }, false);
  }

  private onOverrun(): void {
    if (this.closed) return;
    this.overruns++;
    // The answer to a single request may be among what was dropped; a dump goes on as we read.
    if (this.outstanding?.kind === 'single') this.transmit(this.outstanding);
    if (this.following === undefined) return;
    if (this.resyncing) this.overrunDuringResync = true;
    else void this.resync();
  }

  private async resync(): Promise<void> {
    this.resyncing = true;
    this.overrunDuringResync = false;
    const complete = await this.readEverything().then(
      () => true,
      () => false,
    );
    this.resyncing = false;
    if (this.closed || (complete && !this.overrunDuringResync)) return;
    this.resyncTimer = setTimeout(() => void this.resync(), RESYNC_RETRY_MS);
    this.resyncTimer.unref();
  }
}

/** Whether two messages say the same about the same thing; who caused them is left out. */
function sameContent(a: RouteEvent, b: RouteEvent): boolean {
  const content = (event: RouteEvent) =>
    JSON.stringify({ ...event, sequence: 0, portId: 0, interrupted: false, confirmedAgoMs: 0 });
  return content(a) === content(b);
}

function netlinkError(what: string, errno: number, text: string | null): DirectorError {
  const name = errnoName(errno);
  const message = `cannot ${what}: ${text === null ? name : `${text} (${name})`}`;
  return new DirectorError('NETLINK', message, { errno: name });
}

function syscallError(message: string, cause: SyscallError): DirectorError {
  return new DirectorError('NETLINK', `${message}: ${cause.message}`, { errno: cause.code }, cause);
}

/** `ENETUNREACH` for 101. */
function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
