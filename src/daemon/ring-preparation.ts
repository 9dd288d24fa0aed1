/** Whether the ring datapath can be had on this host: found out by opening what it opens, for a moment. */
import { probeRing } from '../engine/ring.ts';
import { DirectorError } from '../errors.ts';
import type { SyscallError } from '../host/native.ts';

/** By what the kernel answers. A virtio_net_hdr in a ring is of Linux 4.6. */
const NEEDS: Readonly<Record<string, string>> = {
  EINVAL: 'Linux 4.6 or newer',
  ENOPROTOOPT: 'Linux 4.6 or newer',
  ENOMEM: '32 MiB of memory of the kernel',
  EPERM: 'root, or CAP_NET_RAW',
};

/** Throws RING_UNAVAILABLE: what the kernel says, and what it would take. */
export function requireRing(interfaceName: string, probe = probeRing): void {
  try {
    probe(interfaceName);
  } catch (cause) {
    if (cause instanceof DirectorError) throw cause;
    const { code, message } = cause as SyscallError;
    const needs = NEEDS[code] === undefined ? '' : `; the ring datapath needs ${NEEDS[code]}`;
    const what = `no rings on ${interfaceName}: ${message}${needs}`;
    throw new DirectorError('RING_UNAVAILABLE', what, { interface: interfaceName }, cause);
  }
}
