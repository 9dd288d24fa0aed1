/** What the daemon must be allowed to do. */
import { DirectorError } from '../errors.ts';
import { missingCapabilities } from '../host/capabilities.ts';

/** NEED_ROOT says what this process lacks for any datapath. */
export function requirePrivileges(): void {
  const missing = missingCapabilities(['CAP_NET_ADMIN', 'CAP_NET_RAW']);
  if (missing.length === 0) return;
  const names = missing.join(' and ');
  throw new DirectorError('NEED_ROOT', `director run needs root, or ${names}; try: sudo director run …`, {
    names,
  });
}

/** XDP_UNAVAILABLE says what this process lacks to load programs into the kernel. */
export function requireBpfPrivileges(): void {
  const missing = missingCapabilities(['CAP_BPF', 'CAP_PERFMON']);
  if (missing.length === 0 || missingCapabilities(['CAP_SYS_ADMIN']).length === 0) return;
  const names = missing.join(' and ');
  throw new DirectorError(
    'XDP_UNAVAILABLE',
    `the xdp datapath needs root, or ${names} (or CAP_SYS_ADMIN); try: sudo director run …`,
    { names },
  );
}
