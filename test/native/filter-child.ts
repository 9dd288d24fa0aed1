/**
 * Runs inside a namespace of packet-filter.test.ts, which has a cable from f0 to f1. Sends each frame that it is given
 * as JSON, by f1 or, as this host's own, by f0, and says which of them came out of the ring engine on f0, in hex.
 */
import { createInterface } from 'node:readline';
import { VNET_HEADER_BYTES } from '../../src/engine/offload.ts';
import { RingEngine } from '../../src/engine/ring.ts';
import { loadHostAddon } from '../../src/host/native.ts';
import { parseMac } from '../../src/wire/address.ts';
import { Packet } from '../../src/wire/packet.ts';
import { WHOLE } from '../../src/wire/slice.ts';

interface Command {
  readonly by: 'f0' | 'f1';
  readonly frames: readonly string[];
  /** As the ring has them from now on; undefined: it stays as it is. */
  readonly ownReplies?: boolean;
}

/** The last frame has come, or is never to come. */
const SETTLE_MS = 100;

const [ownMac = '', ...addresses] = process.argv.slice(2);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const { PacketSender } = loadHostAddon();
const senders = { f0: new PacketSender('f0'), f1: new PacketSender('f1') };
let came: string[] = [];
let wakes = 0;

const engine = new RingEngine({
  interface: 'f0',
  delivery: { interface: 'f1', mac: parseMac(ownMac)! },
  packet: new Packet(),
  slice: WHOLE,
  onWake: () => wakes++,
  onRefused: () => {},
  onFrame: (frame, lengthBytes) =>
    came.push(Buffer.from(frame.buffer, frame.byteOffset, lengthBytes).toString('hex')),
});
const open = (ownReplies: boolean) => engine.open({ ownMac: parseMac(ownMac)!, addresses, ownReplies });
open(true);
say({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  const { by, frames, ownReplies } = JSON.parse(line) as Command;
  if (ownReplies !== undefined) open(ownReplies);
  came = [];
  wakes = 0;
  const header = Buffer.alloc(VNET_HEADER_BYTES);
  const refused = frames.filter((frame) => {
    const bytes = Buffer.concat([header, Buffer.from(frame, 'hex')]);
    return !senders[by].send(bytes, 0, bytes.length);
  });
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  say({ came, refused, wakes });
}
engine.close();
for (const sender of Object.values(senders)) sender.close();
