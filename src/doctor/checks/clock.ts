/** The clocks of this host and of those it works with agree: by ICMP timestamps, which need no program there. */
import { defineCheck, NotChecked } from '../check.ts';
import { on } from '../finding.ts';
import { versionOf } from '../host-view.ts';
import { clockAhead, endsFor } from '../reach.ts';
import { MAX_ASKED, resolved } from '../server-reach.ts';
import type { Situation } from '../situation.ts';

interface Peer {
  readonly address: string;
  readonly aheadMs: number;
}

/** TLS, cookies and logs of several servers begin to disagree. */
const TOLERATED_MS = 2000;

export const clock = defineCheck<readonly Peer[]>({
  name: 'clock',
  fine: 'the clocks agree',
  on: ['director', 'real-server'],
  finds: {
    'clock-differs': {
      severity: 'warning',
      meaning:
        'the clock of a real server or, from there, of the director is more than 2 s off ours: TLS, cookies and logs suffer',
    },
  },
  async collect(situation) {
    const asked = (await peersOf(situation))
      .slice(0, MAX_ASKED)
      .map(async ({ address, mac, interfaceName }) => {
        const wire = situation.wire(interfaceName);
        const ends = endsFor(wire.link, mac, address, situation.parts.virtual);
        const aheadMs = ends === null ? undefined : await clockAhead(wire, ends);
        return aheadMs === undefined ? undefined : { address, aheadMs };
      });
    const peers = (await Promise.all(asked)).filter((peer) => peer !== undefined);
    if (peers.length === 0) throw new NotChecked('nobody answers an ICMP timestamp request');
    return peers;
  },
  judge: (peers) =>
    peers
      .filter(({ aheadMs }) => Math.abs(aheadMs) > TOLERATED_MS)
      .map(({ address, aheadMs }) => ({
        id: 'clock-differs',
        what: `the clock of ${address} is ${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this host's`,
        shown: 'its answer to an ICMP timestamp request',
        fix: on(`whichever of the two is wrong`, 'timedatectl set-ntp true'),
      })),
});

async function peersOf(situation: Situation) {
  const { role, servers, virtual, link } = situation.parts;
  if (role === 'director') return resolved(servers).filter(({ address }) => versionOf(address) === 4);
  const peers = virtual
    .filter((address) => versionOf(address) === 4)
    .map(async (address) => {
      const macs = await situation.owners(address);
      return macs.map((mac) => ({ address, mac, interfaceName: link.name }));
    });
  return (await Promise.all(peers)).flat();
}
