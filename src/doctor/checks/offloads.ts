/** The card hands frames over as they came, while the director runs. */
import {
  IRREVERSIBLE_MERGING,
  type Offload,
  offloadSwitch,
  RECEIVE_MERGING,
  readOffloads,
  VLAN_REMOVAL,
} from '../../host/offloads.ts';
import { defineCheck, NotChecked } from '../check.ts';
import { here } from '../finding.ts';

interface Facts {
  readonly interfaceName: string;
  readonly offloads: ReadonlyMap<string, Offload>;
  /** Those that must be off with this datapath. */
  readonly unwanted: readonly string[];
}

const HARM: Readonly<Record<string, string>> = {
  [VLAN_REMOVAL]: 'frames with a VLAN tag would be sent on without it',
};
const MERGING_HARM =
  'frames that the card has merged are longer than the MTU and cannot be sent on as they are';

export const offloads = defineCheck<Facts>({
  name: 'offloads',
  fine: 'the card neither merges received frames nor takes VLAN tags out',
  on: ['director'],
  finds: {
    'offload-on': {
      severity: 'problem',
      meaning: 'GRO, LRO or, with xdp, the removal of VLAN tags is on: somebody switched it on again',
    },
    'offload-stuck': {
      severity: 'warning',
      meaning: 'the driver does not let such an offload be switched off',
    },
  },
  async collect({ parts: { link, status } }) {
    if (status === undefined) throw new NotChecked('no director runs, which would have switched them off');
    const unwanted = unwantedWith(status.datapath.name);
    return { interfaceName: link.name, offloads: await readOffloads(link.name), unwanted };
  },
  judge: ({ interfaceName, offloads: known, unwanted }) =>
    unwanted
      .flatMap((name) => known.get(name) ?? [])
      .filter(({ on }) => on)
      .map(({ name, fixed }) => ({
        id: fixed ? 'offload-stuck' : 'offload-on',
        what: `${interfaceName}: ${HARM[name] ?? MERGING_HARM}`,
        shown: `ethtool -k ${interfaceName}: ${name} is on${fixed ? ', and the driver keeps it so' : ''}`,
        fix: fixed ? null : here(`ethtool -K ${interfaceName} ${offloadSwitch(name)} off`),
      })),
});

function unwantedWith(datapath: string): readonly string[] {
  if (datapath === 'xdp') return [...RECEIVE_MERGING, VLAN_REMOVAL];
  return datapath === 'ring' ? IRREVERSIBLE_MERGING : RECEIVE_MERGING;
}
