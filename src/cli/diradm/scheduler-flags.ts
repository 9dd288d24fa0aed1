/** Flags of schedulers (-b): names and bits. */
import { UsageError } from './errors.ts';

interface SchedulerFlag {
  readonly name: string;
  /** linux/ip_vs.h, IP_VS_SVC_F_SCHED1 … 3. */
  readonly bit: number;
  /** The scheduler that gives the bit this name; undefined: all others. */
  readonly scheduler?: string;
}

const FLAGS: readonly SchedulerFlag[] = [
  { name: 'flag-1', bit: 0x08 },
  { name: 'flag-2', bit: 0x10 },
  { name: 'flag-3', bit: 0x20 },
  { name: 'sh-fallback', bit: 0x08, scheduler: 'sh' },
  { name: 'sh-port', bit: 0x10, scheduler: 'sh' },
  { name: 'mh-fallback', bit: 0x08, scheduler: 'mh' },
  { name: 'mh-port', bit: 0x10, scheduler: 'mh' },
];

export const SCHEDULER_FLAG_NAMES: readonly string[] = FLAGS.map(({ name }) => name);

/** ipvsadm copies the list into a buffer of 128. */
const MAX_LIST_LENGTH = 127;

/** A list with commas; empty pieces are skipped. */
export function parseSchedulerFlags(list: string, scheduler: string): number {
  let bits = 0;
  for (const name of list.slice(0, MAX_LIST_LENGTH).split(',')) {
    if (name === '') continue;
    const flag = FLAGS.find((each) => each.name === name);
    if (flag === undefined) throw new UsageError(`invalid scheduler flag \`${name}'`);
    if (flag.scheduler !== undefined && flag.scheduler !== scheduler) {
      throw new UsageError(`incompatible scheduler flag \`${name}'`);
    }
    bits |= flag.bit;
  }
  return bits;
}

/** Empty for the bit of flag-3 with sh and mh, which have no name for it: ipvsadm prints `()` then. */
export function renderSchedulerFlags(bits: number, scheduler: string): string {
  const owner = scheduler === 'sh' || scheduler === 'mh' ? scheduler : undefined;
  return FLAGS.filter((flag) => flag.scheduler === owner && (bits & flag.bit) !== 0)
    .map((flag) => flag.name)
    .join(',');
}
