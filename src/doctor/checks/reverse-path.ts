/** A real server with several interfaces does not drop clients that it would answer by another one. */
import { defineCheck } from '../check.ts';
import { setting } from '../commands.ts';
import { here } from '../finding.ts';
import { type EffectiveSetting, readSetting } from '../settings.ts';

interface Facts {
  readonly rpFilter: EffectiveSetting;
  /** Interfaces that default routes of IPv4 leave by. */
  readonly leavesBy: readonly string[];
}

/** Strict: RFC 3704. 2 is loose. */
const STRICT = 1;

export const reversePath = defineCheck<Facts>({
  name: 'rp-filter',
  fine: 'the reverse path check (rp_filter) drops no client',
  on: ['real-server'],
  finds: {
    'rp-filter': {
      severity: 'problem',
      meaning:
        'rp_filter in force is 1 (strict) and the default route leaves by another interface: clients beyond the segment are dropped',
    },
  },
  collect: ({ parts: { link, host } }) => ({
    rpFilter: readSetting(link.name, 'rp_filter'),
    leavesBy: host.defaultRoutes.filter(({ version }) => version === 4).map((route) => route.interfaceName),
  }),
  judge({ rpFilter: { inForce, interfaceName, own, all }, leavesBy }) {
    if (inForce !== STRICT || leavesBy.length === 0 || leavesBy.includes(interfaceName)) return [];
    return [
      {
        id: 'rp-filter',
        what: `this host drops clients beyond the segment, which it would answer by ${leavesBy.join(', ')}`,
        shown: `rp_filter is ${own} on ${interfaceName} and ${all} on all; the larger is in force: ${inForce}`,
        fix: here(setting(interfaceName, 'rp_filter', 2)),
      },
    ];
  },
});
