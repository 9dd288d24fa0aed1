/** Why a scheduler chose whom it chose, in its own terms. Who chose is the scheduler itself (attempt.ts). */

import { EXPIRATION } from '../schedule/destination-cache.ts';
import { destinationBucket } from '../schedule/dh.ts';
import { hasFallback, hashesPort } from '../schedule/flags.ts';
import { fillSlots, homeSlot, SLOT_COUNT } from '../schedule/mh.ts';
import { BUCKET_COUNT, fillBuckets, homeBucket } from '../schedule/sh.ts';
import { endpointText } from '../service/configuration.ts';
import type { RealServer } from '../service/real-server.ts';
import type { Attempt, Scheduled, SeenServer } from './attempt.ts';
import type { ServiceExcerpt } from './excerpt.ts';
import { seconds } from './words.ts';

/** One, and what a server is worth to the scheduler where it compares numbers. */
export interface Reason {
  /** How it chooses. */
  readonly rule: string;
  /** Why this server, or why none. */
  readonly why: string;
  /** Head of the column of numbers that are compared; null: none are. */
  readonly measure: string | null;
  /** By server, in the order of `seen`. */
  readonly values: readonly string[];
}

/** What reasons are worked out from. */
export interface Choice extends Scheduled {
  readonly packet: Attempt['packet'];
  readonly flags: number;
  /** Scheduler.readPlace() before and after. */
  readonly place: readonly number[];
  readonly placeAfter: readonly number[];
  readonly memory: ServiceExcerpt['memory'];
  /** By the numbers that `memory` has. */
  readonly remembered: readonly RealServer[];
  readonly now: number;
}

export function reasonOf(scheduler: string, choice: Choice): Reason {
  const reason = REASONS[scheduler];
  if (reason === undefined)
    return plain('', `the service's scheduler is "${scheduler}", which takes no connection`);
  if (choice.seen.length === 0) return plain(reason.rule, 'the service has no server that takes part');
  return { rule: reason.rule, measure: null, values: [], ...reason.of(choice) };
}

const plain = (rule: string, why: string): Reason => ({ rule, why, measure: null, values: [] });

interface SchedulerReason {
  readonly rule: string;
  of(choice: Choice): Pick<Reason, 'why'> & Partial<Reason>;
}

const name = (server: RealServer): string => endpointText(server.address);
const isFree = ({ server, isOverloaded }: SeenServer): boolean => server.weight > 0 && !isOverloaded;
const connections = ({ activeConnections, inactiveConnections }: SeenServer): number =>
  activeConnections + inactiveConnections;

/** Numbers that are compared, of servers that may be chosen; a dash for the others. */
function comparing(
  { seen, chosen }: Choice,
  measure: string,
  value: (server: SeenServer) => string,
  best: string,
  mayBeChosen = isFree,
): Pick<Reason, 'why' | 'measure' | 'values'> {
  const free = seen.filter(mayBeChosen);
  const values = seen.map((each) => (mayBeChosen(each) ? value(each) : '-'));
  const why =
    chosen === undefined
      ? 'no server is available'
      : free.length === 1
        ? `${name(chosen)} is the only one that is available`
        : `${name(chosen)} has the ${best}${isTied(free, chosen, value) ? '; of several that are equal the one added last' : ''}`;
  return { why, measure, values };
}

function isTied(
  free: readonly SeenServer[],
  chosen: RealServer,
  value: (server: SeenServer) => string,
): boolean {
  const best = free.find(({ server }) => server === chosen);
  return (
    best !== undefined &&
    free.some((each) => each !== best && sortable(value(each)) === sortable(value(best)))
  );
}

/** `514/2 = 257` counts as 257. */
const sortable = (text: string): string => text.split('= ').at(-1)!;

const overhead = (server: SeenServer): number => 256 * server.activeConnections + connections(server);
const ratio = (load: number, { server }: SeenServer): string =>
  `${load}/${server.weight} = ${Math.round((1000 * load) / server.weight) / 1000}`;
const delay = (server: SeenServer): string => ratio(server.activeConnections + 1, server);
const byWeight = (choice: Choice) =>
  comparing(choice, 'LOAD/WEIGHT', (server) => ratio(overhead(server), server), 'lowest load for its weight');
const LOAD = '256 × active connections + all connections';

const REASONS: Readonly<Record<string, SchedulerReason>> = {
  rr: {
    rule: 'rr takes one server after the other',
    of: ({ seen, chosen, place: [last = -1] }) => {
      const before = seen[last];
      const turn =
        before === undefined ? 'nobody had a turn yet' : `${name(before.server)} had the last turn`;
      return {
        why:
          chosen === undefined
            ? 'no server is available'
            : `${turn}; the next that is available is ${name(chosen)}`,
      };
    },
  },
  wrr: {
    rule: 'wrr goes round the servers again and again; each pass takes those whose weight is at least the current weight, which falls from pass to pass and then begins anew',
    of: ({ seen, chosen, place: [last = -1, weight = 0], placeAfter: [, weightAfter = 0] }) => {
      const before = seen[last];
      const turn = before === undefined ? 'a pass begins' : `${name(before.server)} had the last turn`;
      const pass =
        weight === weightAfter
          ? `the current weight is ${weight}`
          : `the current weight goes from ${weight} to ${weightAfter}`;
      const why =
        chosen === undefined ? 'no server is available' : `${turn}, ${pass}: the next is ${name(chosen)}`;
      return { why };
    },
  },
  lc: {
    rule: `lc takes the server with the lowest load: ${LOAD}`,
    of: (choice) => comparing(choice, 'LOAD', (server) => `${overhead(server)}`, 'lowest load'),
  },
  wlc: {
    rule: `wlc takes the server with the lowest load for its weight, the load being ${LOAD}`,
    of: byWeight,
  },
  sed: {
    rule: 'sed takes the server with the lowest (active connections + 1) / weight',
    of: (choice) => comparing(choice, 'DELAY', delay, 'lowest expected delay'),
  },
  nq: {
    rule: 'nq takes the first server without an active connection, else the one with the lowest (active connections + 1) / weight',
    of: (choice) => {
      const { chosen, seen } = choice;
      const idle = seen.find((each) => isFree(each) && each.activeConnections === 0);
      const compared = comparing(choice, 'DELAY', delay, 'lowest expected delay');
      if (chosen === undefined || idle?.server !== chosen) return compared;
      return { ...compared, why: `${name(chosen)} is the first that has no active connection` };
    },
  },
  fo: {
    rule: 'fo takes the available server with the highest weight',
    of: (choice) => comparing(choice, 'WEIGHT', ({ server }) => `${server.weight}`, 'highest weight'),
  },
  ovf: {
    rule: 'ovf takes the server with the highest weight that has no more active connections than its weight',
    of: (choice) =>
      comparing(
        choice,
        'WEIGHT',
        ({ server }) => `${server.weight}`,
        'highest weight of those that are not full',
        (each) => isFree(each) && each.activeConnections <= each.server.weight,
      ),
  },
  sh: {
    rule: `sh has ${BUCKET_COUNT} slots, of which each server has as many as its weight says; the client's address names one`,
    of: ({ seen, chosen, packet, flags }) => {
      const slot = homeBucket(packet, hashesPort(flags));
      return slotReason(slot, fillBuckets(seen.map(({ server }) => server))[slot], chosen, flags);
    },
  },
  mh: {
    rule: `mh has ${SLOT_COUNT} slots, shared out by weight so that few move when servers come or go; the client's address names one`,
    of: ({ seen, chosen, packet, flags }) => {
      const slot = homeSlot(packet, hashesPort(flags));
      return slotReason(slot, fillSlots(seen.map(({ server }) => server))[slot], chosen, flags);
    },
  },
  dh: {
    rule: 'dh gives each virtual address one server, whatever the weights',
    of: ({ seen, chosen, packet }) => {
      const bucket = destinationBucket(packet);
      const index = bucket % seen.length;
      const owner = seen[index]!.server;
      const slot = `the address falls on number ${bucket}, and ${bucket} mod ${seen.length} is ${index}: ${name(owner)}`;
      return { why: chosen === undefined ? `${slot}, which takes no new connection` : slot };
    },
  },
  lblc: {
    rule: 'lblc keeps a virtual address with one server while that is not busy (more active connections than its weight, while another has fewer than half); else as wlc',
    of: (choice) => rememberedReason(choice),
  },
  lblcr: {
    rule: 'lblcr keeps a virtual address with a set of servers, which grows while all of them are busy (more active connections than weight, while another has fewer than half); a new one is chosen as wlc does',
    of: (choice) => rememberedReason(choice),
  },
};

function slotReason(
  slot: number,
  owner: RealServer | undefined,
  chosen: RealServer | undefined,
  flags: number,
): Pick<Reason, 'why'> {
  const by = hashesPort(flags) ? 'address and port name' : 'address names';
  if (owner === undefined) return { why: `the client's ${by} slot ${slot}, which is nobody's` };
  const place = `the client's ${by} slot ${slot}, which is that of ${name(owner)}`;
  if (chosen === owner) return { why: place };
  if (chosen !== undefined)
    return {
      why: `${place}, which takes no new connection; by the fallback flag the search went on to ${name(chosen)}`,
    };
  const fallback = hasFallback(flags)
    ? 'nor does any other'
    : 'and without the fallback flag nobody else does in its place';
  return { why: `${place}, which takes no new connection, ${fallback}` };
}

function rememberedReason(choice: Choice): Pick<Reason, 'why' | 'measure' | 'values'> {
  const { memory, remembered, chosen, now } = choice;
  const compared = byWeight(choice);
  if (memory === null) return { ...compared, why: `nothing is remembered for this address: ${compared.why}` };
  const unusedFor = (now - memory.lastUsed) | 0;
  if (unusedFor >= EXPIRATION)
    return {
      ...compared,
      why: `what was remembered for this address is forgotten after a day: ${compared.why}`,
    };
  const names = remembered.map(name).join(', ') || 'a server that is no more';
  const kept = `remembered for this address, used ${seconds(unusedFor)} ago: ${names}`;
  if (chosen !== undefined && remembered.includes(chosen)) return { ...compared, why: kept };
  return { ...compared, why: `${kept}, which is busy or takes no new connection: ${compared.why}` };
}
