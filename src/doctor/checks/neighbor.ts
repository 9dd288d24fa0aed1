/** The kernel knows the MAC of every real server, and the one that answers. */
import { type Draft, defineCheck } from '../check.ts';
import { giveUpAddress } from '../commands.ts';
import { here, on } from '../finding.ts';
import { MAX_ASKED } from '../server-reach.ts';
import type { ServerView } from '../situation.ts';

interface Facts {
  readonly servers: readonly (ServerView & { readonly answering: readonly string[] })[];
}

export const neighbor = defineCheck<Facts>({
  name: 'neighbor',
  fine: 'every real server answers ARP or neighbour discovery with the MAC that the kernel has of it',
  on: ['director'],
  finds: {
    'server-silent': {
      severity: 'problem',
      meaning: 'a real server does not answer ARP or neighbour discovery',
    },
    'neighbor-wrong': {
      severity: 'problem',
      meaning: 'the kernel has another MAC of a real server than the one that answers',
    },
    'duplicate-server-address': {
      severity: 'problem',
      meaning: 'several hosts answer for the own address of a real server',
    },
  },
  async collect(situation) {
    const asked = situation.parts.servers.filter(({ kind }) => kind === 'neighbor');
    const servers = asked.slice(0, MAX_ASKED).map(async (server) => ({
      ...server,
      answering: await situation.owners(server.address, server.interfaceName),
    }));
    return { servers: await Promise.all(servers) };
  },
  judge: ({ servers }) => servers.flatMap(judgeServer),
});

function judgeServer({
  address,
  mac,
  state,
  interfaceName,
  services,
  answering,
}: Facts['servers'][number]): Draft[] {
  if (answering.length === 0)
    return services.map(({ option, serverText }) => ({
      id: 'server-silent',
      what: `the real server ${address} is down, has another address, or is on another segment: mend that, or take it out`,
      shown: `no answer to ARP or neighbour discovery on ${interfaceName} within a second; the kernel says ${state}`,
      fix: here(`diradm -d ${option} -r ${serverText}`),
    }));
  if (answering.length > 1)
    return [
      {
        id: 'duplicate-server-address',
        what: `several hosts, or cards of one, answer for the address ${address} of a real server`,
        shown: `${answering.join(' and ')} answered for it`,
        fix: on(`the one of them that is not the real server`, giveUpAddress(address)),
      },
    ];
  if (mac === null || answering.includes(mac)) return [];
  return [
    {
      id: 'neighbor-wrong',
      what: `frames for the real server ${address} go to ${mac}, which is not its MAC`,
      shown: `${answering[0]} answered for it; the kernel's entry is ${state}`,
      fix: here(`ip neigh del ${address} dev ${interfaceName}`),
    },
  ];
}
