/** The ring's filter as the kernel runs it: which frames come out of the ring, and that no other wakes us. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIRECTOR_MAC, GATEWAY_MAC } from '../helpers/frame-builder.ts';
import { mutatedFrame } from '../helpers/mutated-frame.ts';
import { sampleFrames, VIP, VIP6 } from '../helpers/sample-frames.ts';
import { isWanted, OUR_REPLY, untagged, unwanted, wanted } from '../helpers/wanted-frames.ts';
import { Lab, type Talker, whyNoNamespaces } from './netns.ts';

const missing = whyNoNamespaces();
const RANDOM_FRAMES = 3000;
/** Of an Ethernet header; the kernel sends nothing shorter. */
const MIN_BYTES = 14;

const named = Object.entries({ ...wanted, ...unwanted });
const samples = [...named.map(([, frame]) => frame.bytes()), ...sampleFrames];

describe.skipIf(missing !== undefined)(`the filter in the kernel${missing ? ` (${missing})` : ''}`, () => {
  let lab: Lab;
  let child: Talker;

  beforeAll(async () => {
    lab = new Lab('pf');
    lab.ip(`link add f0 address ${DIRECTOR_MAC} type veth peer name f1 address ${GATEWAY_MAC}`);
    for (const name of ['f0', 'f1']) lab.ip(`link set ${name} arp off addrgenmode none up`);
    child = lab.run('filter-child.ts', DIRECTOR_MAC, VIP, VIP6);
    await child.line('ready', (line) => line.ready === true);
  });

  afterAll(async () => {
    const code = await child?.end();
    lab?.remove();
    expect(code).toBe(0);
  });

  /** What comes out of the ring of what is sent. */
  async function send(by: 'f0' | 'f1', frames: readonly Uint8Array[], ownReplies?: boolean) {
    const from = child.lines.length;
    child.say({ by, frames: frames.map(hex), ownReplies });
    const line = await child.line('what came', ({ came }) => came !== undefined, from);
    return line as unknown as { came: string[]; refused: string[]; wakes: number };
  }

  /** Of what this host sends the kernel takes no tag out. */
  const wantedOf = (by: 'f0' | 'f1', frames: readonly Uint8Array[]) =>
    frames.filter((bytes) => isWanted(by === 'f0' ? bytes : untagged(bytes)));

  test.each(named)('%s', async (name, frame) => {
    const bytes = frame.bytes();
    const by = hex(bytes).slice(12, 24) === DIRECTOR_MAC.replaceAll(':', '') ? 'f0' : 'f1';
    const { came, wakes } = await send(by, [bytes]);
    expect(came).toEqual(name in wanted ? [hex(bytes)] : []);
    expect(wakes > 0).toBe(name in wanted);
  });

  test('what this host sends comes out of the ring while that is wanted', async () => {
    const [reply, received] = [wanted[OUR_REPLY]!.bytes(), wanted['TCP to us']!.bytes()];
    for (const ownReplies of [false, true, false, true]) {
      expect((await send('f0', [reply], ownReplies)).came).toEqual(ownReplies ? [hex(reply)] : []);
      expect((await send('f1', [received])).came).toEqual([hex(received)]);
    }
  });

  test.each(['f0', 'f1'] as const)('random frames sent by %s', async (by) => {
    const frames = fc
      .sample(mutatedFrame(samples), RANDOM_FRAMES)
      .filter((frame) => frame.length >= MIN_BYTES + 4);
    const { came, refused } = await send(by, frames);
    const sent = frames.filter((frame) => !refused.includes(hex(frame)));
    expect(sent.length).toBeGreaterThan(RANDOM_FRAMES / 2);
    const expected = wantedOf(by, sent).map(hex);
    expect(expected.length).toBeGreaterThan(RANDOM_FRAMES / 20);
    expect(came.toSorted()).toEqual(expected.toSorted());
  });
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
