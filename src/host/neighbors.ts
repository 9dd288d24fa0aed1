/**
 * Next hop -> MAC, for the real servers of a director, as the kernel's neighbour table has it. A server is
 * resolved when it is first watched, followed by netlink events, and asked again and again at the MAC known of
 * it: a card that was changed in silence shows by not answering, and is then asked for by broadcast, within a
 * second; a server that has gone is FAILED within about four. The kernel does all the ARP and neighbour
 * discovery; this file only says when.
 */
import { Beat } from '../beat.ts';
import { DirectorError } from '../errors.ts';
import { whyNotDirect } from './direct-reach.ts';
import type { RouteEvent } from './kernel-mirror.ts';
import type { RouteSocket } from './netlink.ts';
import type { LinkMessage, NeighborMessage, NeighborState, RouteMessage } from './rtnetlink-format.ts';

/** What is known of one real server. */
export interface Neighbor {
  /** The real server's address. */
  readonly server: string;
  readonly kind: 'neighbor' | 'local' | 'unreachable';
  /** Null while the kernel has not resolved it, and when it has tried in vain. */
  readonly mac: string | null;
  /** Kernel's word (REACHABLE, STALE, FAILED …), or why the server cannot be reached directly. */
  readonly state: string;
  /** By which frames to it leave; null: our own. */
  readonly interface: OtherInterface | null;
}

export interface OtherInterface {
  readonly index: number;
  readonly name: string;
  readonly mac: string;
}

export interface NeighborTableOptions {
  /** Servers may be on the segments of the host's other Ethernet interfaces. */
  readonly otherInterfaces: () => boolean;
  /** How often a server is asked whether it still has its MAC: one ARP or ND unicast each. 0: never. */
  readonly confirmIntervalMs: number;
  /** A server that has not answered by then is asked for by broadcast or multicast. */
  readonly answerWithinMs: number;
  /**
   * How often the route to each server is looked up again, less often if there are thousands; changes of links and
   * addresses do so at once.
   */
  readonly routeIntervalMs: number;
}

const DEFAULT_OPTIONS: NeighborTableOptions = {
  otherInterfaces: () => false,
  confirmIntervalMs: 500,
  answerWithinMs: 200,
  routeIntervalMs: 5000,
};

/** Servers asked in one round, so that a thousand of them are no storm. The longest not asked come first. */
const MAX_ASKED_PER_ROUND = 256;
/** Routes looked up in one round, likewise. */
const MAX_LOOKED_UP_PER_ROUND = 256;
const LOOK_UP_ROUNDS = 10;
/** A server that does not answer is asked for less and less often, from and down to this. */
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 5000;
/** The kernel's three broadcasts, one second apart (neigh/default/mcast_solicit), and some patience. */
const RESOLUTION_MS = 4000;
/** Links and addresses change in bursts. */
const SETTLE_MS = 20;

/** States in which the entry's MAC is one the kernel would send to. */
const USABLE: ReadonlySet<NeighborState> = new Set([
  'REACHABLE',
  'STALE',
  'DELAY',
  'PROBE',
  'NOARP',
  'PERMANENT',
]);
/** Entries that need no asking, and must not be touched: a probe would make them ordinary ones. */
const FIXED: ReadonlySet<NeighborState> = new Set(['NOARP', 'PERMANENT']);

/** What the table needs of a RouteSocket. */
export type NeighborSource = Pick<
  RouteSocket,
  | 'portId'
  | 'link'
  | 'linkByIndex'
  | 'neighbor'
  | 'route'
  | 'onEvent'
  | 'triggerNeighbor'
  | 'probeNeighbor'
  | 'resolveNeighborAnew'
>;

export type NeighborListener = (neighbor: Neighbor, before: Neighbor) => void;

interface Watched {
  neighbor: Neighbor;
  /** Where the kernel has been asked for its MAC. 0: nowhere, its route is not known or does not lead straight to it. */
  interfaceIndex: number;
  /** Counts the route look-ups, so that a late answer does not replace a newer one. */
  lookups: number;
  lookedUpAtMs: number;
  askedAtMs: number;
  /** An answer to a probe of ours is due. */
  confirming: boolean;
  /** We had the kernel ask by broadcast; until then the old MAC stands. 0: no. */
  resolvingSinceMs: number;
  /** How often in a row it was asked for in vain. */
  failures: number;
  /** When it last showed that it has its MAC, performance.now(); null: it is not known to have done so. */
  confirmedAtMs: number | null;
}

export class NeighborTable {
  private readonly source: NeighborSource;
  private readonly interfaceName: string;
  private readonly options: NeighborTableOptions;
  private readonly watched = new Map<string, Watched>();
  /** Whose route is looked up next. It goes on over servers that come and go. */
  private turn = this.watched.values();
  private readonly listeners = new Set<NeighborListener>();
  private readonly asking: Beat;
  private readonly lookingUp: Beat;
  private readonly stopListening: () => void;
  private settling: NodeJS.Timeout | undefined;
  private answersDue: NodeJS.Timeout | undefined;

  /** `source` must have been follow()ed. */
  constructor(source: NeighborSource, interfaceName: string, options: Partial<NeighborTableOptions> = {}) {
    this.source = source;
    this.interfaceName = interfaceName;
    this.options = { ...DEFAULT_OPTIONS, ...options };
    this.stopListening = source.onEvent((event) => this.onEvent(event));
    this.asking = new Beat(this.askIntervalMs, () => this.askAround());
    this.lookingUp = new Beat(this.options.routeIntervalMs, () => this.lookUpDue());
  }

  /** `server` in canonical text (wire/address.ts). Watching what is watched changes nothing. */
  watch(server: string): void {
    if (this.watched.has(server)) return;
    const entry: Watched = {
      neighbor: { server, kind: 'neighbor', mac: null, state: 'INCOMPLETE', interface: null },
      interfaceIndex: 0,
      lookups: 0,
      lookedUpAtMs: 0,
      askedAtMs: Number.NEGATIVE_INFINITY,
      confirming: false,
      resolvingSinceMs: 0,
      failures: 0,
      confirmedAtMs: null,
    };
    this.watched.set(server, entry);
    void this.lookUp(entry);
  }

  /** The kernel keeps its entry until it has no more use for it. */
  unwatch(server: string): void {
    this.watched.delete(server);
  }

  /** Makes `servers` the watched ones. */
  watchOnly(servers: Iterable<string>): void {
    const wanted = new Set(servers);
    for (const server of [...this.watched.keys()]) if (!wanted.has(server)) this.unwatch(server);
    for (const server of wanted) this.watch(server);
  }

  /** Undefined when `server` is not watched. */
  get(server: string): Neighbor | undefined {
    return this.watched.get(server)?.neighbor;
  }

  /** How long ago it last showed that it has its MAC; null: that is not known, or it has none. */
  confirmedAgoMs(server: string): number | null {
    const at = this.watched.get(server)?.confirmedAtMs;
    return at == null ? null : performance.now() - at;
  }

  list(): Neighbor[] {
    return [...this.watched.values()].map(({ neighbor }) => neighbor);
  }

  /**
   * Calls `listener` when the kind, the MAC or the state of a watched server changes; our own asking whether it is
   * still there is no change. Returns what ends that.
   */
  onChange(listener: NeighborListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.stopListening();
    this.asking.end();
    this.lookingUp.end();
    clearTimeout(this.settling);
    clearTimeout(this.answersDue);
    this.watched.clear();
    this.listeners.clear();
  }

  // Events --------------------------------------------------------------------------------------------------

  private onEvent(event: RouteEvent): void {
    if (event.type === 'neighbor') {
      this.onNeighborEvent(event);
      return;
    }
    if (event.type === 'link' && event.name === this.interfaceName) this.askAllSoon();
    this.settling ??= setTimeout(() => {
      this.settling = undefined;
      this.lookUpAll();
    }, SETTLE_MS).unref();
  }

  private onNeighborEvent(event: NeighborMessage): void {
    const entry = this.watched.get(event.address);
    if (entry === undefined || event.interfaceIndex !== entry.interfaceIndex) return;
    this.asking.periodMs = this.askIntervalMs;
    if (this.isOwnDoing(event)) return;
    // Deleted or failed at somebody's word (`ip neigh flush`), not because it did not answer: ask before we believe.
    if (event.deleted || (event.state === 'FAILED' && event.portId !== 0 && event.sequence === 0)) {
      this.resolve(entry);
      return;
    }
    const { confirmedAgoMs, state } = event;
    // Of an entry that never was resolved the kernel has an age, too.
    if (confirmedAgoMs !== null && USABLE.has(state))
      entry.confirmedAtMs = performance.now() - confirmedAgoMs;
    this.accept(entry, event);
  }

  /** A change that one of our requests made: it carries our port id. Dumps do too, but with a sequence number. */
  private isOwnDoing(event: NeighborMessage): boolean {
    return event.portId === this.source.portId && event.sequence === 0;
  }

  /** Takes over what the kernel says of the entry. */
  private accept(entry: Watched, event: NeighborMessage): void {
    const undecided = event.state === 'INCOMPLETE' || event.state === 'NONE';
    if (undecided && this.isResolving(entry)) return;
    if (event.state === 'REACHABLE' || FIXED.has(event.state)) {
      entry.confirming = false;
      entry.failures = 0;
    }
    if (event.state === 'FAILED') entry.confirming = false;
    entry.resolvingSinceMs = 0;
    const mac = USABLE.has(event.state) ? event.mac : null;
    this.set(entry, { ...entry.neighbor, mac, state: event.state });
  }

  private set(entry: Watched, neighbor: Neighbor): void {
    if (isSame(entry.neighbor, neighbor)) return;
    const before = entry.neighbor;
    entry.neighbor = neighbor;
    for (const listener of this.listeners) listener(neighbor, before);
  }

  // Asking --------------------------------------------------------------------------------------------------

  private askAround(): void {
    const longestNotAsked = [...this.watched.values()]
      .filter((entry) => entry.interfaceIndex !== 0)
      .sort((a, b) => a.askedAtMs - b.askedAtMs);
    let asked = 0;
    for (const entry of longestNotAsked) {
      if (asked === MAX_ASKED_PER_ROUND) break;
      if (this.ask(entry)) asked++;
    }
    const hasToAsk = longestNotAsked.some((entry) => {
      const known = this.knownOf(entry);
      return known === undefined || !this.isKeptRight(known);
    });
    this.asking.periodMs = hasToAsk ? this.askIntervalMs : this.options.routeIntervalMs;
  }

  private get askIntervalMs(): number {
    return this.options.confirmIntervalMs || DEFAULT_OPTIONS.confirmIntervalMs;
  }

  /** The kernel's entry, if it has a MAC. */
  private knownOf({ interfaceIndex, neighbor }: Watched): NeighborMessage | undefined {
    const known = this.source.neighbor(interfaceIndex, neighbor.server);
    return known !== undefined && USABLE.has(known.state) ? known : undefined;
  }

  /** Somebody else sees to its MAC, or nobody is to. */
  private isKeptRight({ state, managed }: NeighborMessage): boolean {
    return this.options.confirmIntervalMs === 0 || FIXED.has(state) || managed;
  }

  /** Whether the kernel was asked to do anything. */
  private ask(entry: Watched): boolean {
    if (this.isResolving(entry)) return false;
    const { interfaceIndex } = entry;
    const known = this.knownOf(entry);
    if (known === undefined) return this.retry(entry);
    if (this.isKeptRight(known)) return false;
    entry.askedAtMs = performance.now();
    entry.confirming = true;
    this.source.probeNeighbor({ interfaceIndex, address: entry.neighbor.server });
    this.answersDue ??= setTimeout(() => {
      this.answersDue = undefined;
      this.chaseAnswers();
    }, this.options.answerWithinMs).unref();
    return true;
  }

  /** The interface changed: what was asked may never have left. */
  private askAllSoon(): void {
    for (const entry of this.watched.values()) {
      entry.failures = 0;
      entry.resolvingSinceMs = 0;
      entry.askedAtMs = Number.NEGATIVE_INFINITY;
    }
  }

  private isResolving(entry: Watched): boolean {
    return entry.resolvingSinceMs !== 0 && performance.now() - entry.resolvingSinceMs < RESOLUTION_MS;
  }

  /** No entry, or one without MAC: again, but less often each time. */
  private retry(entry: Watched): boolean {
    const waitMs = Math.min(MIN_RETRY_MS * 2 ** Math.min(entry.failures, 10), MAX_RETRY_MS);
    if (performance.now() - entry.askedAtMs < waitMs) return false;
    entry.failures++;
    entry.askedAtMs = performance.now();
    this.source.triggerNeighbor({ interfaceIndex: entry.interfaceIndex, address: entry.neighbor.server });
    return true;
  }

  /** Whoever has not answered at its MAC by now is asked for at large; until the kernel gives up, the MAC stands. */
  private chaseAnswers(): void {
    for (const entry of this.watched.values()) {
      if (!entry.confirming) continue;
      entry.confirming = false;
      const known = this.source.neighbor(entry.interfaceIndex, entry.neighbor.server);
      if (known?.state === 'PROBE' && !known.managed) this.resolve(entry);
    }
  }

  private resolve(entry: Watched): void {
    entry.askedAtMs = performance.now();
    entry.resolvingSinceMs = performance.now();
    this.source.resolveNeighborAnew({ interfaceIndex: entry.interfaceIndex, address: entry.neighbor.server });
  }

  // Routes --------------------------------------------------------------------------------------------------

  private lookUpAll(): void {
    for (const entry of this.watched.values()) void this.lookUp(entry);
  }

  private lookUpDue(): void {
    const rounds = Math.min(LOOK_UP_ROUNDS, Math.ceil(this.watched.size / MAX_LOOKED_UP_PER_ROUND));
    this.lookingUp.periodMs = this.options.routeIntervalMs / Math.max(1, rounds);
    // Of those that are due before the next round half are due already.
    const dueMs = performance.now() - this.options.routeIntervalMs + this.lookingUp.periodMs / 2;
    let lookedUp = 0;
    for (let seen = 0; seen < this.watched.size && lookedUp < MAX_LOOKED_UP_PER_ROUND; seen++) {
      const entry = this.nextInTurn();
      if (entry === undefined || entry.lookedUpAtMs > dueMs) continue;
      void this.lookUp(entry);
      lookedUp++;
    }
  }

  private nextInTurn(): Watched | undefined {
    const next = this.turn.next();
    if (!next.done) return next.value;
    this.turn = this.watched.values();
    return this.turn.next().value;
  }

  /** Where the kernel would send to the server decides what kind it is. */
  private async lookUp(entry: Watched): Promise<void> {
    const lookup = ++entry.lookups;
    entry.lookedUpAtMs = performance.now();
    const found = await this.findKind(entry.neighbor.server);
    const current = this.watched.get(entry.neighbor.server) === entry && lookup === entry.lookups;
    if (!current || found === undefined) return;
    if (found.kind !== 'neighbor') {
      entry.interfaceIndex = 0;
      entry.resolvingSinceMs = 0;
      entry.confirming = false;
      entry.confirmedAtMs = null;
      this.set(entry, { server: entry.neighbor.server, mac: null, interface: null, ...found });
      return;
    }
    this.begin(entry, found.link);
  }

  /** A server that is (again) a neighbour. */
  private begin(entry: Watched, link: LinkMessage): void {
    const { index: interfaceIndex, name, mac } = link;
    const other = name === this.interfaceName ? null : { index: interfaceIndex, name, mac: mac! };
    if (entry.interfaceIndex === interfaceIndex) {
      this.set(entry, { ...entry.neighbor, interface: other });
      return;
    }
    entry.interfaceIndex = interfaceIndex;
    entry.resolvingSinceMs = 0;
    entry.confirmedAtMs = null;
    const { server } = entry.neighbor;
    this.set(entry, { server, kind: 'neighbor', mac: null, state: 'INCOMPLETE', interface: other });
    const known = this.source.neighbor(interfaceIndex, server);
    if (known !== undefined && USABLE.has(known.state)) this.accept(entry, known);
    entry.failures = 0;
    entry.askedAtMs = Number.NEGATIVE_INFINITY;
    this.asking.periodMs = this.askIntervalMs;
    this.ask(entry);
  }

  /** Undefined: the kernel could not be asked; what was known stands. */
  private async findKind(server: string): Promise<Kind | undefined> {
    if (isLoopback(server)) return { kind: 'local', state: LOCAL_STATE };
    const link = this.source.link(this.interfaceName);
    const route = await this.findRoute(server, link);
    if (route === undefined) return undefined;
    if (route !== 'none' && route.routeType === 'local') return { kind: 'local', state: LOCAL_STATE };
    return this.findLink(server, link, route);
  }

  /** By which link frames go straight to the server. */
  private findLink(server: string, link: LinkMessage | undefined, route: RouteMessage | 'none'): Kind {
    const index = route === 'none' ? null : route.interfaceIndex;
    const routed = index === null ? undefined : this.source.linkByIndex(index);
    const { interfaceName } = this;
    const otherInterfaces = this.options.otherInterfaces();
    const state = whyNotDirect({ server, interfaceName, link, route, routed, otherInterfaces });
    return state === undefined ? { kind: 'neighbor', link: routed! } : { kind: 'unreachable', state };
  }

  private async findRoute(
    server: string,
    link: LinkMessage | undefined,
  ): Promise<RouteMessage | 'none' | undefined> {
    try {
      return await this.source.route(server, isLinkLocal(server) ? link?.index : undefined);
    } catch (error) {
      // An errno is the kernel's answer (ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL: blackhole); a timeout is none.
      return error instanceof DirectorError && error.fields.errno !== undefined ? 'none' : undefined;
    }
  }
}

type Kind =
  | { readonly kind: 'neighbor'; readonly link: LinkMessage }
  | { readonly kind: 'local' | 'unreachable'; readonly state: string };

const LOCAL_STATE = 'this host';

const isSame = (a: Neighbor, b: Neighbor): boolean =>
  a.kind === b.kind &&
  a.mac === b.mac &&
  a.state === b.state &&
  a.interface?.index === b.interface?.index &&
  a.interface?.mac === b.interface?.mac;

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
/** fe80::/10 */
const isLinkLocal = (address: string): boolean => /^fe[89ab][0-9a-f]:/.test(address);
