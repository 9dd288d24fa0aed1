/** The schedulers by the names that ipvsadm -s takes. */
import type { Scheduler } from '../service/virtual-service.ts';
import { createDestinationHashing } from './dh.ts';
import { createFailOver } from './fo.ts';
import { createLocalityBasedLeastConnection } from './lblc.ts';
import { createReplicatedLocalityBasedLeastConnection } from './lblcr.ts';
import { createLeastConnection } from './lc.ts';
import { createMaglevHashing } from './mh.ts';
import { createNeverQueue } from './nq.ts';
import { createOverflow } from './ovf.ts';
import { createRoundRobin } from './rr.ts';
import { createShortestExpectedDelay } from './sed.ts';
import { createSourceHashing } from './sh.ts';
import { createWeightedLeastConnection } from './wlc.ts';
import { createWeightedRoundRobin } from './wrr.ts';

/** Each takes the scheduler flags of its service (model.ts, ServiceOptions.schedulerFlags). */
export const schedulers: Readonly<Record<string, (flags: number) => Scheduler>> = {
  rr: createRoundRobin,
  wrr: createWeightedRoundRobin,
  lc: createLeastConnection,
  wlc: createWeightedLeastConnection,
  lblc: createLocalityBasedLeastConnection,
  lblcr: createReplicatedLocalityBasedLeastConnection,
  dh: createDestinationHashing,
  sh: createSourceHashing,
  sed: createShortestExpectedDelay,
  nq: createNeverQueue,
  fo: createFailOver,
  ovf: createOverflow,
  mh: createMaglevHashing,
};

/** Undefined for `none`. */
export const createScheduler = (name: string, flags: number): Scheduler | undefined =>
  schedulers[name]?.(flags);
