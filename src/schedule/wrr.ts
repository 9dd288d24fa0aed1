/** Weighted round robin: net/netfilter/ipvs/ip_vs_wrr.c. */
import type { RealServer } from '../service/real-server.ts';
import type { Scheduler, ServerChange, VirtualService } from '../service/virtual-service.ts';
import { greatestCommonDivisor } from './greatest-common-divisor.ts';

/** Before the first server. */
const HEAD = -1;

export function createWeightedRoundRobin(): Scheduler {
  /** Index of the last pick. */
  let last = HEAD;
  /** Servers of at least this weight are picked in the present pass; each pass lowers it by `step`. */
  let currentWeight = 0;
  let maxWeight = 0;
  /** Greatest common divisor of the weights. */
  let step = 1;

  return {
    choose({ servers }: VirtualService): RealServer | undefined {
      if (maxWeight === 0) return undefined;
      const start = last;
      let index = start;
      let restarted = false;
      let isLastPass = false;
      let stopsAtStart = false;
      for (;;) {
        const seesAll = index === HEAD;
        let highest = 0;
        for (index++; index < servers.length; index++) {
          const server = servers[index]!;
          if (!server.isOverloaded && server.weight >= currentWeight) {
            last = index;
            return server;
          }
          if (!server.isOverloaded && server.weight > highest) highest = server.weight;
          if (index === start && stopsAtStart) {
            last = index;
            return undefined;
          }
        }
        index = HEAD;
        currentWeight -= step * (seesAll ? passesUntil(highest, currentWeight, step) : 1);
        if (currentWeight <= 0) {
          currentWeight = maxWeight;
          if (isLastPass || start === HEAD) {
            last = HEAD;
            return undefined;
          }
          restarted = true;
        }
        isLastPass = currentWeight <= step;
        if (isLastPass && restarted && start !== HEAD) stopsAtStart = true;
      }
    },

    serversChanged(servers: readonly RealServer[], { kind }: ServerChange): void {
      last = HEAD;
      ({ step, maxWeight, currentWeight } =
        kind === 'begun' ? passesAtBegin(servers) : passesAfter(servers, currentWeight));
    },

    readPlace: () => [last, currentWeight],

    takePlace(place: readonly number[]): void {
      [last = HEAD, currentWeight = maxWeight] = place;
    },
  };
}

export interface Passes {
  readonly step: number;
  readonly maxWeight: number;
  readonly currentWeight: number;
}

/** ip_vs_wrr_dest_changed(). Servers come one by one, so the first pass is often one of a low weight. */
export function passesAfter(servers: readonly RealServer[], before: number): Passes {
  const weights = servers.map(({ weight }) => weight).filter((weight) => weight > 0);
  return passesOf(
    weights.reduce(greatestCommonDivisor, 0),
    weights.reduce((most, weight) => Math.max(most, weight), 0),
    before,
  );
}

/** As if they had come one by one: the one that stands first came last. */
export function passesAtBegin(servers: readonly RealServer[]): Passes {
  let divisor = 0;
  let highest = 0;
  let passes = passesOf(divisor, highest, 0);
  for (const { weight } of servers.toReversed()) {
    if (weight <= 0) continue;
    divisor = greatestCommonDivisor(divisor, weight);
    highest = Math.max(highest, weight);
    passes = passesOf(divisor, highest, passes.currentWeight);
  }
  return passes;
}

/** `divisor` and `highest` of the weights above 0, both 0 where there is none. */
function passesOf(divisor: number, highest: number, before: number): Passes {
  const step = divisor || 1;
  const maxWeight = Math.max(0, highest - (step - 1));
  if (before > maxWeight || before === 0) return { step, maxWeight, currentWeight: maxWeight };
  return { step, maxWeight, currentWeight: step > 1 ? Math.floor(before / step) * step + 1 : before };
}

/**
 * How many passes on the first server is found that weighs `highest`, or the last pass is reached. The kernel makes
 * them all, which takes seconds when the weights are 2147483647 and 1, and the heavy server is overloaded.
 */
function passesUntil(highest: number, currentWeight: number, step: number): number {
  const untilFound = Math.ceil((currentWeight - highest) / step);
  const untilLast = Math.floor((currentWeight - 1) / step);
  return Math.max(1, Math.min(untilFound, untilLast));
}
