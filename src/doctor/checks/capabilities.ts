/** Doctor itself may ask on the wire and read the rules, as root may. */
import { type Capability, missingCapabilities } from '../../host/capabilities.ts';
import type { Role } from '../check.ts';
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';

interface Facts {
  readonly role: Role;
  readonly missing: readonly Capability[];
}

export const capabilities = defineCheck<Facts>({
  name: 'capabilities',
  fine: 'this process may ask on the wire and read rules',
  on: ['director', 'real-server'],
  finds: {
    capabilities: {
      severity: 'problem',
      meaning:
        'doctor runs without CAP_NET_ADMIN or CAP_NET_RAW, so most of it cannot be tested, and the director could not run',
    },
  },
  collect: ({ parts: { role } }) => ({
    role,
    missing: missingCapabilities(['CAP_NET_ADMIN', 'CAP_NET_RAW']),
  }),
  judge: ({ role, missing }) =>
    missing.length === 0
      ? []
      : [
          {
            id: 'capabilities',
            what: `${missing.join(' and ')} is missing: what needs it was not tested`,
            shown: 'CapEff in /proc/self/status',
            fix: here(`sudo director doctor${role === 'director' ? '' : ' --real-server'}`),
          },
        ],
});
