/** How servers are reached, as the daemon tells it; and what is taken over from an earlier daemon until it does. */
import { type Reach, type RealServer, reachOf } from '../service/real-server.ts';
import type { ServerRegistry } from '../service/server-registry.ts';
import type { MacAddress } from '../wire/address.ts';
import type { NextHop } from '../worker/messages.ts';
import type { Devices } from './devices.ts';
import type { Publisher } from './publisher.ts';
import type { RecordedServer, Way } from './server-record.ts';

/** A daemon that has just begun does not know the MACs yet that it has taken over; they stand until then. */
const MACS_STAND_MS = 5000;

export class NextHops {
  /** Of the interface that the director works on. */
  ownMac: MacAddress = { high: 0, low: 0 };
  private readonly registry: ServerRegistry;
  private readonly publisher: Publisher;
  private readonly devices: Devices;
  private adoptedMs = Number.NEGATIVE_INFINITY;
  /** What came while MACs stood: those servers have none. */
  private readonly unresolved = new Map<string, NextHop>();

  constructor(registry: ServerRegistry, publisher: Publisher, devices: Devices) {
    this.registry = registry;
    this.publisher = publisher;
    this.devices = devices;
  }

  set(nextHops: readonly NextHop[]): void {
    for (const nextHop of nextHops) {
      this.unresolved.delete(nextHop.address);
      if (this.macsStand && nextHop.kind === 'neighbor' && nextHop.mac === null)
        this.unresolved.set(nextHop.address, nextHop);
      else this.write(nextHop);
    }
  }

  /** Once a second. */
  everySecond(): void {
    if (this.macsStand) return;
    for (const nextHop of this.unresolved.values()) this.write(nextHop);
    this.unresolved.clear();
  }

  /**
   * As the records of servers have it that an earlier process wrote. That of a server which is not reached directly
   * says nothing of others at its address.
   */
  adopt(recorded: readonly Pick<RecordedServer, 'address' | 'reach' | 'way'>[]): void {
    this.adoptedMs = performance.now();
    const reaches = new Map<string, Reach>();
    for (const { address, reach, way } of recorded) {
      if (reach.kind !== 'unresolved') reaches.set(address.address, reach);
      if (way !== undefined) this.devices.adopt(address.address, way);
    }
    for (const [address, reach] of reaches) this.registry.setNextHop(address, reach);
  }

  wayTo({ address }: RealServer): Way {
    return this.devices.wayTo(address.address) ?? { device: 0, ownMac: this.ownMac };
  }

  writeAll(): void {
    for (const server of this.registry) this.publisher.writeServer(server, this.wayTo(server));
  }

  private get macsStand(): boolean {
    return performance.now() - this.adoptedMs < MACS_STAND_MS;
  }

  private write({ address, kind, mac, interface: other }: NextHop): void {
    this.devices.setWay(address, other);
    this.registry.setNextHop(address, reachOf(kind, mac));
    for (const server of this.registry.at(address)) this.publisher.writeServer(server, this.wayTo(server));
  }
}
