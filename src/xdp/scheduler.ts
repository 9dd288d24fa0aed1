/**
 * A scheduler that lives in the program: what has to be worked out when servers change is worked out here, as
 * src/schedule does it, and published with the service; who chooses is native/bpf/schedule.h.
 */
import { fillSlots } from '../schedule/mh.ts';
import { lastAfter } from '../schedule/rr.ts';
import { fillBuckets } from '../schedule/sh.ts';
import { passesAfter, passesAtBegin } from '../schedule/wrr.ts';
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, ServerChange } from '../service/virtual-service.ts';

export class PublishedScheduler implements Scheduler {
  readonly name: string;
  readonly flags: number;
  /** What lblc and lblcr remember is filed under it. */
  instance: number;
  /** Buckets of sh, slots of mh; empty for the others. */
  table: readonly RealServer[] = [];
  /** Of rr and wrr: index of the last pick, -1 before the first. */
  last = -1;
  /** Of wrr. */
  currentWeight = 0;
  maxWeight = 0;
  step = 1;
  /** What is published of it is out of date. */
  isChanged = true;

  constructor(name: string, flags: number, instance: number) {
    this.name = name;
    this.flags = flags;
    this.instance = instance;
  }

  choose(): undefined {
    throw new Error(`${this.name} schedules in the program`);
  }

  serversChanged(servers: readonly RealServer[], change: ServerChange): void {
    this.isChanged = true;
    if (this.name === 'rr') this.last = lastAfter(this.last, change);
    else if (this.name === 'sh') this.table = fillBuckets(servers);
    else if (this.name === 'mh') this.table = fillSlots(servers);
    else if (this.name === 'wrr') {
      this.last = -1;
      Object.assign(
        this,
        change.kind === 'begun' ? passesAtBegin(servers) : passesAfter(servers, this.currentWeight),
      );
    } else this.isChanged = false;
  }

  /** As the program has it: struct service, place. */
  get place(): bigint {
    return (BigInt(this.currentWeight) << 32n) | BigInt(this.last + 1);
  }

  set place(place: bigint) {
    this.last = Number(place & 0xffffffffn) - 1;
    this.currentWeight = Number(place >> 32n);
  }
}
