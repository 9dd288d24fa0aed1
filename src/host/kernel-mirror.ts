/** Links, addresses and neighbours as the kernel has told of them: a map for each, since there may be thousands of neighbours. */
import type { AddressMessage, LinkMessage, NeighborMessage } from './rtnetlink-format.ts';

/** A change in the kernel: `deleted` says whether the thing appeared (or changed) or went. */
export type RouteEvent = LinkMessage | AddressMessage | NeighborMessage;

interface Mirrored<T> {
  readonly event: T;
  /** The reading of everything, or what came after it, in which it was last seen. */
  readonly generation: number;
}

export class KernelMirror {
  private readonly known = {
    link: new Map<string, Mirrored<LinkMessage>>(),
    address: new Map<string, Mirrored<AddressMessage>>(),
    neighbor: new Map<string, Mirrored<NeighborMessage>>(),
  };
  private generation = 0;

  links(): LinkMessage[] {
    return [...this.known.link.values()].map(({ event }) => event);
  }

  /** Asked for each server whose route is looked up. */
  link(name: string): LinkMessage | undefined {
    for (const { event } of this.known.link.values()) if (event.name === name) return event;
    return undefined;
  }

  linkByIndex(index: number): LinkMessage | undefined {
    return this.known.link.get(`${index}`)?.event;
  }

  addresses(interfaceIndex: number): AddressMessage[] {
    const all = [...this.known.address.values()].map(({ event }) => event);
    return all.filter((event) => event.interfaceIndex === interfaceIndex);
  }

  neighbor(interfaceIndex: number, address: string): NeighborMessage | undefined {
    return this.known.neighbor.get(placeKey(interfaceIndex, address))?.event;
  }

  /** Everything is read from now on. What unseen() takes to know what has not been seen since. */
  beginReading(): number {
    return ++this.generation;
  }

  /** What was known of the same thing. */
  take(event: RouteEvent): RouteEvent | undefined {
    const events = this.known[event.type] as Map<string, Mirrored<RouteEvent>>;
    const key = keyOf(event);
    const known = events.get(key)?.event;
    if (event.deleted) events.delete(key);
    else events.set(key, { event, generation: this.generation });
    return known;
  }

  unseen(type: RouteEvent['type'], generation: number): RouteEvent[] {
    const all = [...this.known[type].values()] as Mirrored<RouteEvent>[];
    return all.filter((each) => each.generation < generation).map(({ event }) => event);
  }
}

const keyOf = (event: RouteEvent): string =>
  event.type === 'link' ? `${event.index}` : placeKey(event.interfaceIndex, event.address);

const placeKey = (interfaceIndex: number, address: string): string => `${interfaceIndex} ${address}`;
