/** What the daemon must be allowed to do: capabilities(7). */
import { readFileSync } from 'node:fs';
import { DirectorError } from '../errors.ts';

const NEEDED = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const;

/** NEED_ROOT says which of them this process lacks. */
export function requirePrivileges(): void {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const missing = Object.entries(NEEDED).filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name).join(' and ');
  throw new DirectorError('NEED_ROOT', `director run needs root, or ${names}; try: sudo director run …`, {
    names,
  });
}
