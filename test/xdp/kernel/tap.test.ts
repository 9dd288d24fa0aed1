/** The capturing program against the path in TypeScript with its tap: the same frames, the same records. Needs root. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FrameBudget } from '../../../src/capture/frame-budget.ts';
import type { CapturedRecord, CountsRecord } from '../../../src/capture/record.ts';
import { RecordQueue } from '../../../src/capture/record-queue.ts';
import { Verdict, verdictNames } from '../../../src/datapath/verdict.ts';
import { KernelCapture } from '../../../src/xdp/kernel-capture.ts';
import { CONFIG } from '../../../src/xdp/layout.ts';
import { Program } from '../../../src/xdp/program.ts';
import { XdpSession } from '../../../src/xdp/session.ts';
import { Tap } from '../../../src/xdp/tap.ts';
import { recordsIn, TappedPath, wish } from '../../capture/tapped-path.ts';
import { addServer, addService } from '../../helpers/edits.ts';
import { DIRECTOR_MAC, eth, SYN } from '../../helpers/frame-builder.ts';
import { describeWithRoot } from '../../helpers/netns.ts';
import { CLIENT, CLIENT6, sampleFrames, VIP, VIP6 } from '../../helpers/sample-frames.ts';
import { MAC_OF } from '../../helpers/test-director.ts';
import { TEST_SIZES } from '../../helpers/xdp-director.ts';
import { createPinFolder, type PinFolder } from '../bpffs.ts';

const WEB = `tcp ${VIP}:80`;
const DNS = `udp ${VIP}:53`;
const WEB6 = `tcp [${VIP6}]:80`;
const EDITS = [
  addService(WEB),
  addServer(WEB, '10.0.0.11:80'),
  addServer(WEB, '10.0.0.12:80'),
  addService(DNS, { onePacket: true }),
  addServer(DNS, '10.0.0.13:53'),
  addService(WEB6),
  addServer(WEB6, '[fd00:10::b]:80'),
  addService(`tcp ${VIP}:81`),
  addServer(`tcp ${VIP}:81`, '10.0.0.99:81'),
  addService(`tcp ${VIP}:82`),
];
const WISHES = [
  wish(0),
  wish(1, { client: { address: CLIENT }, virtual: { address: VIP, port: 80 } }),
  wish(2, { server: { address: 'fd00:10::b' }, client: { address: CLIENT6 } }),
  wish(3, { verdicts: [Verdict.DropNoNeighbor, Verdict.DropMartianSource, Verdict.PassArp] }),
];
const FRAMES = [
  ...sampleFrames,
  eth().ipv4(CLIENT, VIP).tcp(4000, 81, SYN).bytes(),
  eth().ipv4(CLIENT, VIP).tcp(4000, 82, SYN).bytes(),
  eth().ipv4('127.0.0.9', VIP).tcp(4000, 80, SYN).bytes(),
  eth().ipv6(CLIENT6, VIP6).tcp(4000, 80, SYN).bytes(),
];

describeWithRoot('the capturing program', [], () => {
  let folder: PinFolder;
  let program: Program;
  let tap: Tap;
  let capture: KernelCapture;
  const queue = new RecordQueue();
  const budget = new FrameBudget(0);
  const out = new Uint8Array(8192);

  beforeAll(() => {
    folder = createPinFolder();
    program = new Program({ sizes: TEST_SIZES, pinFolder: folder.path, clockIsGiven: true });
    program.replies[0] = 1_000_000;
    const session = new XdpSession(program, TEST_SIZES.connections);
    session.setNextHops(
      Object.entries(MAC_OF).map(([address, mac]) => ({ address, kind: 'neighbor', mac, interface: null })),
    );
    session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: ['10.0.0.1', VIP, VIP6] });
    session.edit(EDITS);
    tap = new Tap({ sizes: TEST_SIZES, pinFolder: folder.path, clockIsGiven: true });
    capture = new KernelCapture(tap, session.captureContext, { queue, budget });
    capture.follow(WISHES);
  });
  afterAll(() => {
    tap.close();
    program.object.close();
    folder.remove();
  });

  const run = (frame: Uint8Array) => tap.object.runXdp(tap.program, frame, frame.length, out, 0);
  /** What the program told of the frames since the last time. */
  function told(): CapturedRecord[] {
    budget.refill(performance.now(), 1);
    capture.tend();
    return recordsIn(queue) as CapturedRecord[];
  }

  /** What both tell alike. The program sends frames with their padding. */
  const essence = ({ verdict, captures, text, came, sent, outLength }: CapturedRecord) => ({
    verdict: verdictNames.get(verdict),
    captures,
    text,
    came: came.toString('hex'),
    sent: sent.toString('hex', 0, 40),
    isSent: outLength > 0,
  });

  test('tells of each frame what the path in TypeScript tells', () => {
    const path = new TappedPath(EDITS, WISHES);
    const verdicts = new Set<string | undefined>();
    for (const [index, frame] of FRAMES.entries()) {
      if (frame.length < 14 || frame.length > 3300) continue;
      // What waits in one is sent by the daemon in the other.
      const expected = path
        .handle(frame.slice())
        .map(essence)
        .filter(({ came }) => came !== '');
      run(frame);
      const records = told().map(essence);
      expect(records, `frame ${index}`).toEqual(expected);
      verdicts.add(records[0]?.verdict);
    }
    expect(verdicts.size).toBeGreaterThan(12);
  });

  test('counts what it saw, and captures no more after its time', () => {
    const frame = eth().ipv4(CLIENT, VIP).udp(1, 53).bytes();
    told();
    run(frame);
    run(frame);
    expect(told()).toHaveLength(2);
    queue.addCounts(1, 0);
    const seen = () => (recordsIn(queue).at(-1) as CountsRecord).seen;
    expect(seen()).toBeGreaterThanOrEqual(2);
    const ticks = program.config.get32(0, CONFIG.at.ticks);
    tap.until = ticks + 10;
    program.config.set32(0, CONFIG.at.ticks, ticks + 11);
    run(frame);
    tap.read(() => expect.unreachable('it captured'));
    queue.addCounts(1, 0);
    expect(seen()).toBe(0);
  });

  test('loses frames when nobody reads, counts them, and forwards all the same', () => {
    told();
    recordsIn(queue);
    const frame = eth()
      .ipv4(CLIENT, VIP)
      .udp(1, 53, { payload: new Uint8Array(2000) })
      .bytes();
    const frames = 2000;
    tap.until = program.config.get32(0, CONFIG.at.ticks) + 1000;
    for (let count = 0; count < frames; count++) expect(run(frame) >>> 20).toBe(3);
    const read = told().length;
    queue.addCounts(1, 0);
    const [counts] = recordsIn(queue) as CountsRecord[];
    expect(counts!.seen).toBe(frames);
    expect(counts!.lost[0]! + read).toBe(frames);
    expect(counts!.lost[0]).toBeGreaterThan(500);
    expect(counts!.lost[1]).toBe(0);
  });
});
