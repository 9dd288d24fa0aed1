/** How many neighbours the kernel keeps: arp(7), gc_thresh3. One number for the host, all its namespaces together. */
import { readFileSync } from 'node:fs';

export type NeighborLimits = Readonly<Record<4 | 6, number | undefined>>;

/** By IP version. Undefined: not known, since only the host's first network namespace shows them. */
export const readNeighborLimits = (): NeighborLimits => ({ 4: readLimit('ipv4'), 6: readLimit('ipv6') });

function readLimit(family: 'ipv4' | 'ipv6'): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/net/${family}/neigh/default/gc_thresh3`, 'utf8'));
  } catch {
    return undefined;
  }
}
