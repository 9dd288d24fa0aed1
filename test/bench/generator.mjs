/** Sends UDP frames as fast as cap does, for SECONDS: INTERFACE OWN_MAC TO_MAC VIRTUAL_ADDRESS PORT FLOWS SECONDS. */
import cap from 'cap';

const [name, ownMac, toMac, virtualAddress, port, flows, seconds] = process.argv.slice(2);
const FRAME_BYTES = 60;
const BATCH = 512;
const frames = Array.from({ length: Number(flows) }, (_, flow) => frameOf(flow));
const capture = new cap.Cap();
capture.open(name, 'less 1', 1024 * 1024, Buffer.alloc(65536));
const endMs = performance.now() + Number(seconds) * 1000;
let next = 0;
while (performance.now() < endMs) {
  for (let sent = 0; sent < BATCH; sent++) {
    capture.send(frames[next], FRAME_BYTES);
    next = (next + 1) % frames.length;
  }
}
capture.close();

function frameOf(flow) {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.write(toMac.replaceAll(':', ''), 0, 'hex');
  frame.write(ownMac.replaceAll(':', ''), 6, 'hex');
  frame.writeUInt16BE(0x0800, 12);
  frame.writeUInt16BE(0x4500, 14);
  frame.writeUInt16BE(FRAME_BYTES - 14, 16);
  frame.writeUInt16BE(0x4011, 22);
  frame.writeUInt32BE(0x0b000000 + (flow >> 8), 26);
  virtualAddress.split('.').forEach((part, index) => {
    frame.writeUInt8(Number(part), 30 + index);
  });
  frame.writeUInt16BE(1024 + (flow & 255), 34);
  frame.writeUInt16BE(Number(port), 36);
  frame.writeUInt16BE(FRAME_BYTES - 34, 38);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  frame.writeUInt16BE(~sum & 0xffff, 24);
  return frame;
}
