/** A director answers, its datapath works, and it has nothing to complain about. */
import type { StatusReply } from '../../control/protocol.ts';
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';
import { MAX_ASKED } from '../server-reach.ts';

interface Facts {
  readonly status: StatusReply | undefined;
  readonly interfaceName: string;
  readonly up: boolean;
  /** Of virtual addresses, and of pairs of service and server. */
  readonly count: number;
}

export const daemon = defineCheck<Facts>({
  name: 'daemon',
  fine: 'the director runs and warns of nothing',
  on: ['director'],
  finds: {
    'no-director': {
      severity: 'warning',
      meaning: 'no director answers: its services and servers could not be tested',
    },
    'link-down': { severity: 'problem', meaning: 'the interface is down or has no carrier' },
    'daemon-warning': {
      severity: 'warning',
      meaning: 'what director status warns of and no other finding is about',
    },
    'partly-tested': {
      severity: 'note',
      meaning: 'there are more than 512 virtual addresses, or servers of services: only the first were asked',
    },
  },
  collect: ({ parts: { status, link, virtual, servers } }) => {
    const pairs = servers.flatMap(({ services }) => services).length;
    return { status, interfaceName: link.name, up: link.up, count: Math.max(virtual.length, pairs) };
  },
  judge: ({ status, interfaceName, up, count }) => [
    ...(up
      ? []
      : [
          {
            id: 'link-down',
            what: `${interfaceName} is down, or its cable is not plugged in`,
            shown: `ip link show dev ${interfaceName}`,
            fix: here(`ip link set ${interfaceName} up`),
          },
        ]),
    ...(status === undefined
      ? [
          {
            id: 'no-director',
            what: 'no director answers: services and servers are not known and were not tested',
            shown: 'the control socket',
            fix: here(`director run --interface ${interfaceName}`),
          },
        ]
      : status.warnings.filter(isAboutNothingElse).map((warning) => ({
          id: 'daemon-warning',
          what: warning,
          shown: 'director status',
          fix: null,
        }))),
    ...(count <= MAX_ASKED
      ? []
      : [
          {
            id: 'partly-tested',
            what: `there are more than ${MAX_ASKED} virtual addresses, or servers of services; only the first were asked`,
            shown: `director status: ${count}`,
            fix: null,
          },
        ]),
  ],
});

/** Servers that receive nothing, and offloads, have findings of their own. */
const isAboutNothingElse = (warning: string): boolean =>
  !/receives no traffic: |^the driver keeps /.test(warning);
