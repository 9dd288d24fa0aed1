/** Frames as long as this host's MTU allows get to the others of the segment and back. */

import type { Role } from '../check.ts';
import { defineCheck, NotChecked } from '../check.ts';
import { here, on } from '../finding.ts';
import { inNetwork, versionOf } from '../host-view.ts';
import { endsFor, ping } from '../reach.ts';
import { MAX_ASKED, resolved } from '../server-reach.ts';
import type { Situation } from '../situation.ts';

interface Peer {
  /** The address that is asked for. */
  readonly address: string;
  readonly what: string;
  readonly mac: string;
  readonly interfaceName: string;
}

interface Facts {
  readonly role: Role;
  readonly peers: readonly (Peer & {
    /** Of our interface. */
    readonly mtu: number;
    /** Longest packet that was answered in one piece. */
    readonly largest: number;
    readonly own: string;
  })[];
}

/** What IPv4 and IPv6 ask of every link at least: RFC 791 §3.1, RFC 8200 §5. */
const LEAST = { 4: 576, 6: 1280 } as const;
/** How many sizes are tried at once. */
const STEPS = 24;

export const mtu = defineCheck<Facts>({
  name: 'mtu',
  fine: 'frames of full size get through',
  on: ['director', 'real-server'],
  finds: {
    'mtu-differs': {
      severity: 'problem',
      meaning:
        "packets of this host's MTU are not answered in one piece, shorter ones are: another MTU, or a switch in between",
    },
  },
  async collect(situation) {
    const peers = await peersOf(situation);
    if (peers.length === 0) throw new NotChecked('there is nobody to ask');
    const measured = await Promise.all(peers.slice(0, MAX_ASKED).map((peer) => measure(situation, peer)));
    return { role: situation.parts.role, peers: measured.filter((each) => each !== undefined) };
  },
  judge: ({ role, peers }) =>
    peers
      .filter(({ mtu: ours, largest }) => largest < ours)
      .map(({ what, mtu: ours, largest, interfaceName, own, address }) => ({
        id: 'mtu-differs',
        what:
          role === 'director'
            ? `${what} takes packets of ${largest} bytes at most, ${interfaceName} of this host ${ours}: the same MTU is needed everywhere on the segment`
            : `packets longer than ${largest} bytes do not get to ${what}, and ${interfaceName} of this host sends them up to ${ours}`,
        shown: `a ping of ${ours} bytes (DF) had no answer in one piece, one of ${largest} had`,
        fix:
          role === 'director'
            ? on(
                address,
                `ip link set mtu ${ours} dev $(ip route get ${own} | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')`,
              )
            : here(`ip link set mtu ${largest} dev ${interfaceName}`),
      })),
});

async function peersOf(situation: Situation): Promise<Peer[]> {
  const { role, servers, virtual, link } = situation.parts;
  if (role === 'director') {
    const seen = resolved(servers);
    const cards = seen.filter(({ mac }, index) => seen.findIndex((other) => other.mac === mac) === index);
    return cards.map(({ address, mac, interfaceName }) => ({
      address,
      what: `the real server ${address}`,
      mac,
      interfaceName,
    }));
  }
  const asked = [
    ...virtual.map((address) => ({ address, what: `the director (${address})` })),
    ...gatewaysOf(situation).map((address) => ({ address, what: `the router ${address}` })),
  ];
  const peers = asked.map(async ({ address, what }) => {
    const macs = await situation.owners(address);
    return macs.map((mac) => ({ address, what, mac, interfaceName: link.name }));
  });
  return (await Promise.all(peers)).flat();
}

/** Those on our segment. */
export const gatewaysOf = ({ parts: { host, link } }: Situation): string[] =>
  host.defaultRoutes.flatMap(({ gateway, interfaceName }) =>
    gateway !== null && interfaceName === link.name && link.addresses.some((own) => inNetwork(gateway, own))
      ? [gateway]
      : [],
  );

/** Undefined: it answers no ping at all. */
async function measure(situation: Situation, peer: Peer): Promise<Facts['peers'][number] | undefined> {
  const wire = situation.wire(peer.interfaceName);
  const ends = endsFor(wire.link, peer.mac, peer.address, situation.parts.virtual);
  if (ends === null) return undefined;
  const { mtu: ours } = wire.link;
  const answers = (ipBytes: number) => ping(wire, ends, ipBytes);
  const least = LEAST[versionOf(peer.address)];
  const [whole, small] = await Promise.all([answers(ours), answers(least)]);
  if (!whole && !small) return undefined;
  const largest = whole ? ours : await largestBetween(answers, least, ours);
  return { ...peer, mtu: ours, largest, own: ends.own };
}

/** Of what is answered, `low` is; some sizes at once, then those between the two that matter, and so on. */
export async function largestBetween(
  answers: (size: number) => Promise<boolean>,
  low: number,
  high: number,
): Promise<number> {
  if (high - low <= 1) return low;
  const step = Math.ceil((high - low) / STEPS);
  const sizes = Array.from({ length: STEPS }, (_, index) => low + (index + 1) * step).filter(
    (size) => size < high,
  );
  const answered = await Promise.all(sizes.map(answers));
  const passing = sizes.filter((_, index) => answered[index]);
  const best = passing.at(-1) ?? low;
  return largestBetween(answers, best, Math.min(high, best + step));
}
