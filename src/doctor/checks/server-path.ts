/** What a client sends reaches the program on each real server: through the virtual address, at the server's MAC. */
import { type Draft, defineCheck } from '../check.ts';
import { acceptPort, hideOnLo, translatePort } from '../commands.ts';
import { here, on } from '../finding.ts';
import type { Answer } from '../reach.ts';
import { reachServers, type ServerReach } from '../server-reach.ts';

export const serverPath = defineCheck<readonly ServerReach[]>({
  name: 'server-path',
  fine: 'every real server answers through the virtual address',
  on: ['director'],
  finds: {
    'vip-missing-on-server': {
      severity: 'problem',
      meaning: 'a real server answers for its own address and not for the virtual one: it does not have it',
    },
    'server-drops': {
      severity: 'problem',
      meaning: 'a firewall of a real server drops in silence what is for a service',
    },
    'server-rejects': {
      severity: 'problem',
      meaning: 'a firewall of a real server refuses what is for a service, by an ICMP error',
    },
    'not-listening-on-vip': {
      severity: 'problem',
      meaning: "a real server's program listens on the server's own address only",
    },
    'server-not-listening': {
      severity: 'problem',
      meaning: 'no program of a real server listens on the port of a service',
    },
  },
  collect: reachServers,
  judge: (reached) => {
    const drafts = reached.flatMap((each) => judgeReach(each) ?? []);
    return drafts.filter(({ what }, index) => drafts.findIndex((other) => other.what === what) === index);
  },
});

/** Undefined: all is well. What is missing is said once for each virtual address, by the same words. */
function judgeReach(reach: ServerReach): Draft | undefined {
  const { virtual, pings, pingsVirtual } = reach;
  if (virtual?.kind === 'open') return undefined;
  if (virtual?.kind === 'refused') return notListening(reach, 'a reset (RST)');
  if (virtual?.kind === 'rejected')
    return isUdpRefusal(reach, virtual) ? notListening(reach, virtual.by) : rejects(reach, virtual.by);
  if (pingsVirtual)
    return isSilenceNews(reach) ? drops(reach, 'a ping of the virtual address is answered') : undefined;
  const ownAnswer = reach.own !== null && reach.own.kind !== 'silent';
  if (pings || ownAnswer) return vipMissing(reach);
  return isSilenceNews(reach) ? drops(reach, 'it answers ARP, and neither a ping nor this port') : undefined;
}

/** A datagram without anything in it need not be answered, and what cannot be asked says nothing. */
const isSilenceNews = ({ service, virtual }: ServerReach): boolean =>
  virtual !== null && service.protocol === 'tcp';

/** A host without a program on a UDP port says so by ICMP; a firewall that rejects says the same for TCP. */
const isUdpRefusal = ({ service }: ServerReach, { by }: Extract<Answer, { by: string }>): boolean =>
  service.protocol === 'udp' && by.includes('port unreachable');

const asked = ({ service: { protocol, address, port }, mac }: ServerReach): string =>
  `${protocol === 'tcp' ? 'a SYN' : 'a datagram'} for ${address} port ${port}, sent to its MAC ${mac}`;

const nameOf = ({ address, port }: ServerReach['service']): string => `${address} port ${port}`;

function notListening(reach: ServerReach, answer: string): Draft {
  const { server, service, own } = reach;
  const refusal = `${asked(reach)}: ${answer}`;
  if (own?.kind === 'open')
    return {
      id: 'not-listening-on-vip',
      what: `the program on ${server} listens on ${server} port ${service.port} only: let it listen on ${service.address} or on all addresses. Until then the line below leads one to the other`,
      shown: `${refusal}; its own address accepts`,
      fix: on(server, translatePort(service, server)),
    };
  return {
    id: 'server-not-listening',
    what: `nothing listens on ${nameOf(service)} of the real server ${server}, or a firewall there resets: start the program, or take the server out`,
    shown: `${refusal}; ${answerOf(own)} at its own address`,
    fix: here(`diradm -d ${service.option} -r ${service.serverText}`),
  };
}

const answerOf = (own: Answer | null): string =>
  own === null ? 'not asked' : own.kind === 'rejected' ? own.by : own.kind;

const rejects = (reach: ServerReach, by: string): Draft => ({
  id: 'server-rejects',
  what: `a firewall of the real server ${reach.server} rejects what is for ${nameOf(reach.service)}`,
  shown: `${asked(reach)}: ${by}`,
  fix: on(reach.server, acceptPort(reach.service)),
});

const drops = (reach: ServerReach, but: string): Draft => ({
  id: 'server-drops',
  what: `a firewall of the real server ${reach.server} drops what is for ${nameOf(reach.service)}`,
  shown: `${asked(reach)}: no answer within a second; ${but}`,
  fix: on(reach.server, acceptPort(reach.service)),
});

const vipMissing = ({ server, mac, service: { address } }: ServerReach): Draft => ({
  id: 'vip-missing-on-server',
  what: `the real server ${server} does not have the virtual address ${address} (or its firewall or rp_filter drops all that is for it: director doctor --real-server says, there)`,
  shown: `nothing that is for ${address} and goes to its MAC ${mac} is answered, not even a ping; ${server} answers`,
  fix: on(server, hideOnLo(address)),
});
