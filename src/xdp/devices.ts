/** Other interfaces of the director that lead to servers: elements of the map `devices`, from 1 on. */
import type { BpfObject } from '../host/bpf.ts';
import { parseMac } from '../wire/address.ts';
import type { Way } from './server-record.ts';

const MAP = 'devices';

export class Devices {
  private readonly object: BpfObject;
  /** Interface index of each element; undefined: free. Element 0 stands for the interface that a frame came in by. */
  private readonly interfaces: (number | undefined)[] = [0];
  private readonly ways = new Map<string, Way>();

  constructor(object: BpfObject) {
    this.object = object;
    const { maxEntries } = object.mapInfo(MAP);
    const value = new Uint8Array(4);
    for (let element = 1; element < maxEntries; element++) {
      const isThere = object.lookup(MAP, word(element), value);
      const index = isThere ? new DataView(value.buffer).getUint32(0, true) : 0;
      this.interfaces.push(index === 0 ? undefined : index);
    }
  }

  /** By which interface a server's address is reached; null: by our own. */
  setWay(address: string, other: { readonly index: number; readonly mac: string } | null): void {
    this.ways.delete(address);
    const ownMac = other === null ? undefined : parseMac(other.mac);
    const device = other === null ? undefined : this.elementOf(other.index);
    if (ownMac !== undefined && device !== undefined) this.ways.set(address, { device, ownMac });
  }

  /** As an earlier process had it. */
  adopt(address: string, way: Way): void {
    this.ways.set(address, way);
  }

  wayTo(address: string): Way | undefined {
    return this.ways.get(address);
  }

  /** The interface whose MAC a frame has as its source. */
  interfaceOf(frame: Uint8Array): number | undefined {
    const source = parseMac(
      [...frame.subarray(6, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
    );
    for (const { device, ownMac } of this.ways.values())
      if (ownMac.high === source?.high && ownMac.low === source.low) return this.interfaces[device];
    return undefined;
  }

  /** Undefined: so many interfaces lead to servers that none is left. */
  private elementOf(index: number): number | undefined {
    const known = this.interfaces.indexOf(index, 1);
    if (known > 0) return known;
    const free = this.interfaces.indexOf(undefined, 1);
    return free > 0 ? this.fill(free, index) : this.fill(this.interfaces.findIndex(this.isUnused), index);
  }

  /** No server is reached by it any more: an interface that was made anew has another index. */
  private readonly isUnused = (_: unknown, element: number): boolean =>
    element > 0 && ![...this.ways.values()].some(({ device }) => device === element);

  private fill(free: number, index: number): number | undefined {
    if (free < 0) return undefined;
    this.object.update(MAP, word(free), word(index));
    this.interfaces[free] = index;
    return free;
  }
}

const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
