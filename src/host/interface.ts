/**
 * One network interface and what becomes of it: up, down, deleted or renamed, made again (with another index), another
 * MAC or MTU, other addresses. An interface is known by its name, as in every command line: one that is renamed is
 * gone, until there is one of that name again.
 */
import type { RouteSocket } from './netlink.ts';

export interface InterfaceState {
  readonly name: string;
  readonly index: number;
  /** Null for interfaces without Ethernet addresses. */
  readonly mac: string | null;
  readonly mtu: number;
  /** Set up, and with carrier: it carries frames. */
  readonly up: boolean;
  /** The host's own on this interface, canonical text. */
  readonly addresses: readonly string[];
}

export type InterfaceChangeKind =
  | 'created'
  | 'deleted'
  | 'renamed'
  | 'up'
  | 'down'
  | 'mac'
  | 'mtu'
  | 'addresses';

export interface InterfaceChange {
  readonly what: InterfaceChangeKind;
  /** As it is now; undefined after `deleted` and `renamed`. */
  readonly state: InterfaceState | undefined;
  /** What it is called now, if it was renamed. */
  readonly newName?: string;
}

type InterfaceSource = Pick<RouteSocket, 'link' | 'linkByIndex' | 'addresses' | 'onEvent'>;

/** Undefined when there is no such interface. `socket` must have been follow()ed. */
export function readInterface(
  socket: Pick<InterfaceSource, 'link' | 'addresses'>,
  name: string,
): InterfaceState | undefined {
  const link = socket.link(name);
  if (link === undefined) return undefined;
  return {
    name,
    index: link.index,
    mac: link.mac,
    mtu: link.mtu,
    up: link.up && link.running,
    addresses: socket.addresses(link.index).map(({ address }) => address),
  };
}

export class InterfaceWatch {
  private readonly socket: InterfaceSource;
  private readonly name: string;
  private readonly listeners = new Set<(change: InterfaceChange) => void>();
  private readonly stopListening: () => void;
  private state: InterfaceState | undefined;

  /** `socket` must have been follow()ed. */
  constructor(socket: InterfaceSource, name: string) {
    this.socket = socket;
    this.name = name;
    this.state = readInterface(socket, name);
    this.stopListening = socket.onEvent((event) => {
      if (event.type !== 'neighbor') this.compare();
    });
  }

  /** Undefined while there is no such interface. */
  get current(): InterfaceState | undefined {
    return this.state;
  }

  /** Calls `listener` for each change. One that is made again is `created`, then `up` when it carries frames. */
  onChange(listener: (change: InterfaceChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.stopListening();
    this.listeners.clear();
  }

  private compare(): void {
    const before = this.state;
    const now = readInterface(this.socket, this.name);
    this.state = now;
    for (const what of differences(before, now)) this.tell(this.changeOf(what, before, now));
  }

  private changeOf(
    what: InterfaceChangeKind,
    before: InterfaceState | undefined,
    now: InterfaceState | undefined,
  ): InterfaceChange {
    if (what !== 'deleted') return { what, state: now };
    const other = this.socket.linkByIndex(before?.index ?? 0);
    if (other === undefined) return { what, state: undefined };
    return { what: 'renamed', state: undefined, newName: other.name };
  }

  private tell(change: InterfaceChange): void {
    for (const listener of this.listeners) listener(change);
  }
}

function differences(
  before: InterfaceState | undefined,
  now: InterfaceState | undefined,
): InterfaceChangeKind[] {
  if (now === undefined) return before === undefined ? [] : ['deleted'];
  if (before === undefined) return now.up ? ['created', 'up'] : ['created'];
  if (before.index !== now.index) return ['deleted', ...differences(undefined, now)];
  const kinds: InterfaceChangeKind[] = [];
  if (before.mac !== now.mac) kinds.push('mac');
  if (before.mtu !== now.mtu) kinds.push('mtu');
  if (before.addresses.join() !== now.addresses.join()) kinds.push('addresses');
  if (before.up !== now.up) kinds.push(now.up ? 'up' : 'down');
  return kinds;
}
