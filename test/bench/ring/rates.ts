/** Frames per second through the ring engine, beside the least that AF_PACKET takes in C and what libpcap allows. */
import { type Measured, measuredTable } from '../table.ts';
import { measureWindows } from '../xdp/windows.ts';

const ROUNDS = 5;
const WINDOW_SEC = 1;
const FRAMES = 'udp:1000';
const BARE_C = 'afpacket';
const RING = 'director-ring';
const PCAP = 'director-pcap';
const PEERS = [BARE_C, RING, PCAP, 'bare-cap'] as const;

export function rates(): string {
  const windows = measureWindows({
    peers: PEERS,
    cases: [FRAMES],
    rounds: ROUNDS,
    windowSec: WINDOW_SEC,
  });
  const rateRows = PEERS.map(
    (peer): Measured => ({ what: peer, summary: windows.rates(peer, FRAMES), digits: 0 }),
  );
  const ratioRows: Measured[] = [
    {
      what: `${RING} to ${BARE_C}`,
      summary: windows.ratio(RING, BARE_C, FRAMES),
      digits: 2,
      bar: { atLeast: 0.7 },
    },
    {
      what: `${RING} to ${PCAP}`,
      summary: windows.ratio(RING, PCAP, FRAMES),
      digits: 2,
      bar: { atLeast: 3 },
    },
  ];
  return [
    measuredTable('frames of 64 bytes a second, overloaded', rateRows),
    measuredTable('ratio, round by round', ratioRows),
  ].join('\n\n');
}
