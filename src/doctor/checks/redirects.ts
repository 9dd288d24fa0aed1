/** The director's own stack tells nobody that there is a shorter way. */
import { defineCheck } from '../check.ts';
import { setting } from '../commands.ts';
import { here } from '../finding.ts';
import { type EffectiveSetting, isForwarding, readSetting } from '../settings.ts';

interface Facts {
  readonly forwards: boolean;
  readonly redirects: EffectiveSetting;
}

export const redirects = defineCheck<Facts>({
  name: 'redirects',
  fine: 'the director sends no ICMP redirects',
  on: ['director'],
  finds: {
    'sends-redirects': {
      severity: 'warning',
      meaning:
        'the director forwards packets (ip_forward) and sends ICMP redirects: hosts that route through it learn other ways',
    },
  },
  collect: ({ parts: { link } }) => ({
    forwards: isForwarding(),
    redirects: readSetting(link.name, 'send_redirects'),
  }),
  judge({ forwards, redirects: { own, all, interfaceName } }) {
    // Either is enough: linux/inetdevice.h, IN_DEV_TX_REDIRECTS.
    if (!forwards || (own === 0 && all === 0)) return [];
    return [
      {
        id: 'sends-redirects',
        what: `this host forwards packets and sends ICMP redirects for those that leave by ${interfaceName} as they came`,
        shown: `ip_forward is 1, send_redirects ${own} on ${interfaceName} and ${all} on all; either is enough`,
        fix: here(`${setting('all', 'send_redirects', 0)} && ${setting(interfaceName, 'send_redirects', 0)}`),
      },
    ];
  },
});
