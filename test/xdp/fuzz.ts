/** Mutated frames through the program, whatever comes: nothing goes out that is malformed, or that may not. Needs root. */
import { Verdict } from '../../src/datapath/verdict.ts';
import type { NextHop } from '../../src/worker/messages.ts';
import { editServer } from '../helpers/edits.ts';
import { DIRECTOR_MAC, toHex } from '../helpers/frame-builder.ts';
import { frameProblem } from '../helpers/frame-checker.ts';
import { HOSTILE_EDITS, HOSTILE_SETTINGS, problemOf } from '../helpers/hostile.ts';
import { sampleFrames } from '../helpers/sample-frames.ts';
import { DIRECTOR_ADDRESS, MAC_OF } from '../helpers/test-director.ts';
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES, XdpDirector } from '../helpers/xdp-director.ts';
import { Random } from '../model/random.ts';
import { mutated } from './mutate.ts';

/** Small, so that it is full and emptied again and again. */
const SIZES = { connections: 128, services: 16, servers: 64 };
/** Frames between two moments of time passing. */
const FRAMES_A_MOMENT = 500;

export interface Fuzzed {
  readonly verdicts: ReadonlyMap<string, number>;
  /** For people; undefined: nothing was wrong. */
  readonly problem: string | undefined;
}

export function fuzz({ frames, seed }: { frames: number; seed: number }): Fuzzed {
  const random = new Random(seed);
  const director = createDirector();
  const verdicts = new Map<string, number>();
  const finish = (problem?: string): Fuzzed => {
    director.close();
    return { verdicts, problem };
  };
  for (let count = 0; count < frames; count++) {
    const frame = mutated(random.pick(sampleFrames), random);
    if (frame.length < MIN_FRAME_BYTES || frame.length > MAX_FRAME_BYTES) continue;
    const { verdict, sent, passed } = director.handle(frame);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    const delivered = verdict.startsWith('Deliver') && passed ? [frame] : [];
    // What is sent beyond the frame itself are fragments that waited for it.
    const isSent = /^(Forward|Reply)/.test(verdict);
    const problem =
      problemOf({ verdict, sent: sent.slice(0, isSent ? 1 : 0), delivered }, frame) ??
      sent.map(frameProblem).find((each) => each !== undefined);
    if (problem !== undefined)
      return finish(`${problem}\nframe ${count} of seed ${seed}: ${toHex(frame)}\nverdict: ${verdict}`);
    if (count % FRAMES_A_MOMENT === 0) pass(director, random);
  }
  return finish(countProblem(director));
}

function createDirector(): XdpDirector {
  const director = new XdpDirector(DIRECTOR_MAC, SIZES.connections, SIZES);
  const own = [DIRECTOR_ADDRESS, '10.0.0.100', 'fd00:10::100'];
  const local = ['127.0.0.1', '::1', ...own];
  director.session.setNextHops([
    ...Object.entries(MAC_OF).map(
      ([address, mac]): NextHop => ({ address, kind: 'neighbor', mac, interface: null }),
    ),
    ...local.map((address): NextHop => ({ address, kind: 'local', mac: null, interface: null })),
  ]);
  director.session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: own });
  director.session.edit(
    Object.entries(HOSTILE_SETTINGS).map(([name, value]) => ({ op: 'set', name, value }) as const),
  );
  director.session.edit([...HOSTILE_EDITS, { op: 'set', name: 'failed_connections', value: 2 }]);
  return director;
}

function pass(director: XdpDirector, random: Random): void {
  director.wait(random.pick([0, 1, 1, 10, 70, 1000]));
  if (random.chance(0.5)) director.sweepAll();
  director.session.everySecond();
  // A server with connections fails its checks, or answers them again.
  const failed = random.chance(0.3) ? { failed: true as const } : {};
  director.session.edit([editServer('tcp 10.0.0.100:80', '10.0.0.12:80', { weight: 3, ...failed })]);
}

/** After all that, the servers' counts are those of the connections that are left: none, when all time is up. */
function countProblem(director: XdpDirector): string | undefined {
  director.wait(100_000);
  for (let round = 0; round < 3; round++) {
    director.sweepAll();
    director.wait(1000);
  }
  const { services, connections } = director.session.readCounters();
  if (connections.live !== 0)
    return `${connections.live} connections are counted when none is left: ${JSON.stringify(services)}`;
  return undefined;
}

/** Verdicts that no frame of a fuzz may lack, else it looks at less than it seems to. */
export const REACHED = Object.keys(Verdict).filter(
  (name) =>
    ![
      'Continue',
      'DropTransmit',
      'DropDeliver',
      'DropServerRemoved',
      'DropDefense',
      // In user space only.
      'DropFirstSyn',
      'DropNoNeighbor',
      'DropServerUnreachable',
      // test/xdp/kernel/table.test.ts fills tables.
      'DropConnectionTableFull',
    ].includes(name),
);
