/** What this process may do: capabilities(7). */
import { readFileSync } from 'node:fs';

/** linux/capability.h */
const CAPABILITIES = {
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;
export type Capability = keyof typeof CAPABILITIES;

/** Those of `needed` that this process does not have. */
export function missingCapabilities(needed: readonly Capability[]): Capability[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return needed.filter((name) => ((effective >> BigInt(CAPABILITIES[name])) & 1n) === 0n);
}
