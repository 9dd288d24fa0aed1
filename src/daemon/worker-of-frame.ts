/** Whose a frame is, as the filters of the workers say it. */
import type { MacAddress } from '../wire/address.ts';
import { DecodeResult, decode } from '../wire/decode.ts';
import { Packet } from '../wire/packet.ts';
import { workerOf } from '../wire/slice.ts';

/** One that is no client's is the first worker's. */
export function workerOfFrame(frame: Uint8Array, ownMac: MacAddress, count: number): number {
  const packet = new Packet();
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (decode(packet, view, frame.length, ownMac) !== DecodeResult.Continue) return 0;
  const { ipVersion, client0, client1, client2, client3 } = packet;
  return workerOf(ipVersion, [client0, client1, client2, client3], count);
}
