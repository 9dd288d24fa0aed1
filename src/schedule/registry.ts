/** The schedulers by the names that ipvsadm -s takes. */
import type { Scheduler } from '../service/virtual-service.ts';
import { createLeastConnection } from './lc.ts';
import { createRoundRobin } from './rr.ts';
import { createWeightedLeastConnection } from './wlc.ts';
import { createWeightedRoundRobin } from './wrr.ts';

/** Each takes the scheduler flags of its service (model.ts, ServiceOptions.schedulerFlags). */
export const schedulers: Readonly<Record<string, (flags: number) => Scheduler>> = {
  rr: createRoundRobin,
  wrr: createWeightedRoundRobin,
  lc: createLeastConnection,
  wlc: createWeightedLeastConnection,
};

/** Undefined for `none`, and for a name that the configuration accepts and no scheduler has yet. */
export const createScheduler = (name: string, flags: number): Scheduler | undefined => schedulers[name]?.(flags);
