/** What the daemon must be allowed to do: capabilities(7). */
import { readFileSync } from 'node:fs';
import { DirectorError } from '../errors.ts';

/** linux/capability.h */
const CAPABILITIES = {
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;
type Capability = keyof typeof CAPABILITIES;

/** NEED_ROOT says what this process lacks for any datapath. */
export function requirePrivileges(): void {
  const missing = missingOf(['CAP_NET_ADMIN', 'CAP_NET_RAW']);
  if (missing.length === 0) return;
  const names = missing.join(' and ');
  throw new DirectorError('NEED_ROOT', `director run needs root, or ${names}; try: sudo director run …`, {
    names,
  });
}

/** XDP_UNAVAILABLE says what this process lacks to load programs into the kernel. */
export function requireBpfPrivileges(): void {
  const missing = missingOf(['CAP_BPF', 'CAP_PERFMON']);
  if (missing.length === 0 || missingOf(['CAP_SYS_ADMIN']).length === 0) return;
  const names = missing.join(' and ');
  throw new DirectorError(
    'XDP_UNAVAILABLE',
    `the xdp datapath needs root, or ${names} (or CAP_SYS_ADMIN); try: sudo director run …`,
    { names },
  );
}

function missingOf(needed: readonly Capability[]): Capability[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return needed.filter((name) => ((effective >> BigInt(CAPABILITIES[name])) & 1n) === 0n);
}
