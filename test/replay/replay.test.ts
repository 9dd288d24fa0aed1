/** A replay is what the packet path makes of the same frames at the same times. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ticksFromMs } from '../../src/clock.ts';
import { ExpirySweep } from '../../src/datapath/expiry.ts';
import { forward } from '../../src/datapath/forward.ts';
import { createPath } from '../../src/datapath/path.ts';
import { verdictNames } from '../../src/datapath/verdict.ts';
import { nextHopsOf, offlineServers } from '../../src/replay/next-hops.ts';
import { OwnMacSearch } from '../../src/replay/own-mac.ts';
import { EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import { editsBetween } from '../../src/service/difference.ts';
import { ServiceTable } from '../../src/service/service-table.ts';
import { PathSession } from '../../src/worker/session.ts';
import { ACK, DIRECTOR_MAC, eth, forwardedTo, payloadOf, SYN } from '../helpers/frame-builder.ts';
import { mutatedFrame } from '../helpers/mutated-frame.ts';
import { sampleFrames, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { configurationOf, frameAt, replayed } from './in-memory.ts';

const CLIENT = '192.0.2.7';
const RULES = [
  `-A -t ${VIP}:80 -s wlc`,
  `-a -t ${VIP}:80 -r 10.0.0.11 -g -w 1`,
  `-a -t ${VIP}:80 -r 10.0.0.12 -g -w 3`,
  `-A -u ${VIP}:53 -s rr -p 60`,
  `-a -u ${VIP}:53 -r 10.0.0.11 -g`,
  `-A -t [${VIP6}]:80 -s sh`,
  `-a -t [${VIP6}]:80 -r [fd00:10::11]:80 -g`,
];
const tcp = (port: number, flags: number) => eth().ipv4(CLIENT, VIP).tcp(port, 80, flags).bytes();

describe('a replay', () => {
  test('decides and sends what forward() does, for any frames at any times', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000);
    const configuration = await configurationOf(...RULES);
    const timed = fc.record({
      data: mutatedFrame(sampleFrames),
      passedMs: fc.oneof(
        fc.constant(0),
        fc.integer({ max: 50, min: 0 }),
        fc.integer({ max: 40_000, min: 0 }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(timed, { maxLength: 60 }), async (steps) => {
        let ms = 0;
        const frames = steps.map(({ data, passedMs }, index) => {
          ms += index === 0 ? 0 : passedMs;
          return { ms, data };
        });
        const captured = frames.map((frame) => frameAt(frame.ms, frame.data));
        const got = await replayed(captured, configuration, { as: DIRECTOR_MAC });
        const wanted = handledDirectly(frames, configuration);
        expect(got.verdicts).toEqual(wanted.verdicts);
        expect(got.sent.map(({ frame }) => frame)).toEqual(wanted.sent);
      }),
      { numRuns: 150 },
    );
    vi.restoreAllMocks();
  }, 30_000);

  test('finds whose capture it is, and says so', async () => {
    const configuration = await configurationOf(...RULES);
    const frames = [
      // What the director has sent on comes first, and would be taken for its own otherwise.
      frameAt(
        0,
        eth({ from: DIRECTOR_MAC, to: '02:00:00:00:09:00' }).ipv4(CLIENT, VIP).tcp(7, 80, ACK).bytes(),
      ),
      frameAt(1, eth({ to: 'ff:ff:ff:ff:ff:ff' }).ipv4(CLIENT, VIP).tcp(7, 80, SYN).bytes()),
      frameAt(2, tcp(7, SYN)),
    ];
    const { result, verdicts } = await replayed(frames, configuration);
    expect(result.ownMac).toEqual({ mac: DIRECTOR_MAC, frames: 1 });
    expect(verdicts).toEqual(['PassOwn', 'PassOtherMac', 'Forward']);
    expect(result.warnings).toEqual([]);
    const named = await replayed(frames, configuration, { as: '02:00:00:00:09:00' });
    expect(named.result.ownMac).toEqual({ mac: '02:00:00:00:09:00', frames: null });
    expect(named.verdicts).toEqual(['DeliverUnscheduled', 'PassOtherMac', 'PassOtherMac']);
  });

  test('of thousands of frames holds none back once it knows whose they are', async () => {
    const frames = Array.from({ length: 3000 }, (_, index) => frameAt(index, tcp(1024 + index, SYN)));
    const { verdicts, result } = await replayed(frames, await configurationOf(...RULES));
    expect(new Set(verdicts)).toEqual(new Set(['Forward']));
    expect(result.frames).toBe(3000);
  });

  test('without a frame for a virtual address says that it concerns nobody', async () => {
    const frames = [frameAt(0, eth().ipv4(CLIENT, '10.0.0.77').tcp(7, 80, SYN).bytes())];
    const { result, verdicts } = await replayed(frames, await configurationOf(...RULES));
    expect(verdicts).toEqual(['PassOtherMac']);
    expect(result.ownMac).toBeNull();
    expect(result.warnings).toEqual([
      "no frame is for a virtual address of the rules, so that it is not known which MAC address is the director's; --as names it",
    ]);
  });

  test('lets no more than some thousand frames wait, also such as have no byte', async () => {
    const search = new OwnMacSearch(ServiceTable.empty());
    let looked = 0;
    for (; !search.isDone; looked++) search.look(frameAt(0, new Uint8Array()));
    expect(looked).toBeLessThan(50_000);
  });

  test('takes a frame that the capture cut for the whole one', async () => {
    const whole = eth()
      .ipv4(CLIENT, VIP)
      .tcp(7, 80, SYN, { payload: payloadOf(900) })
      .bytes();
    const cut = frameAt(0, whole.subarray(0, 96), whole.length);
    const { result, verdicts, sent } = await replayed([cut], await configurationOf(...RULES));
    expect(verdicts).toEqual(['Forward']);
    expect(sent).toMatchObject([{ capturedBytes: 96, frame: { length: whole.length } }]);
    const server = result.servers.find(({ address }) => address === '10.0.0.12')!;
    expect(sent[0]!.frame.subarray(0, 96)).toEqual(forwardedTo(server.mac!, whole).subarray(0, 96));
    expect(result.warnings).toEqual([expect.stringMatching(/^1 frame the capture has not whole/)]);
  });

  test('survives frames of no byte, of garbage, of more than 65,535 bytes, and lengths that lie', async () => {
    const jumbo = new Uint8Array(100_000);
    jumbo.set(tcp(8, SYN));
    const frames = [
      frameAt(0, new Uint8Array()),
      frameAt(0, new Uint8Array(), 0xffffffff),
      frameAt(0, payloadOf(13)),
      frameAt(0, jumbo),
      frameAt(0, new Uint8Array(262_144)),
      frameAt(0, tcp(9, SYN), 3),
    ];
    const { verdicts } = await replayed(frames, await configurationOf(...RULES), { as: DIRECTOR_MAC });
    expect(verdicts).toEqual([
      'DropTruncated',
      'PassOtherMac',
      'DropTruncated',
      'Forward',
      'PassOtherMac',
      'Forward',
    ]);
  });
});

describe("a replay's clock", () => {
  const connectionsAfter = async (...frames: ReturnType<typeof frameAt>[]) => {
    const { result } = await replayed(frames, await configurationOf(...RULES));
    return { connections: result.runs[0]!.services[0]!.connections, warnings: result.warnings };
  };

  test('ends connections as time passes', async () => {
    const open = [frameAt(0, tcp(7, SYN)), frameAt(10, tcp(7, ACK))];
    expect(await connectionsAfter(...open, frameAt(800_000, tcp(7, ACK)))).toMatchObject({ connections: 1 });
    // 900 s after the last packet this one belongs to none, and opens none.
    expect(await connectionsAfter(...open, frameAt(901_000, tcp(7, ACK)))).toMatchObject({ connections: 1 });
    expect(await connectionsAfter(...open, frameAt(901_000, tcp(7, SYN)))).toMatchObject({ connections: 2 });
  });

  test('stands still when frames are older than one before', async () => {
    const { connections, warnings } = await connectionsAfter(
      frameAt(5_000_000, tcp(7, SYN)),
      frameAt(5_000_010, tcp(7, ACK)),
      frameAt(5_000_005, tcp(7, ACK)),
      frameAt(0, tcp(7, ACK)),
      frameAt(10, tcp(7, SYN)),
    );
    expect(connections).toBe(1);
    expect(warnings).toEqual(['2 frames are older than one before; the clock stood still for them']);
  });

  test('goes through a gap of years at once', async () => {
    const years = 300 * 365 * 86_400_000;
    const { connections, warnings } = await connectionsAfter(
      frameAt(0, tcp(7, SYN)),
      frameAt(years, tcp(7, SYN)),
      frameAt(years + 1, tcp(8, SYN)),
    );
    expect(connections).toBe(3);
    expect(warnings).toEqual(['1 gap between frames of more than 62 days were taken as 62 days']);
  });
});

/** The plain way: the path, a session, and every second on its own. */
function handledDirectly(
  frames: readonly { ms: number; data: Uint8Array }[],
  configuration: Awaited<ReturnType<typeof configurationOf>>,
) {
  const sent: Uint8Array[] = [];
  const path = createPath({
    sink: {
      transmit: (frame, lengthBytes) =>
        sent.push(Uint8Array.from(new Uint8Array(frame.buffer, frame.byteOffset, lengthBytes))) > 0,
      deliver: () => true,
    },
    ownMac: { high: 0x0200, low: 0x100 },
    connectionTableSize: 4096,
    seed: [1, 2],
  });
  const session = new PathSession(path);
  session.setNextHops(nextHopsOf(offlineServers(configuration, new Map())));
  session.edit(editsBetween(EMPTY_CONFIGURATION, configuration));
  session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: [VIP, VIP6] });
  const sweep = new ExpirySweep();
  let second = 0;
  const verdicts = frames.map(({ ms, data }) => {
    while ((second + 1) * 1000 <= ms) {
      path.now = ticksFromMs(++second * 1000) + 1000;
      sweep.run(path, path.connections.highestEntry);
      session.everySecond();
    }
    path.now = ticksFromMs(ms) + 1000;
    const buffer = new Uint8Array(2048);
    buffer.set(data);
    return verdictNames.get(forward(path, new DataView(buffer.buffer), data.length))!;
  });
  return { verdicts, sent };
}
