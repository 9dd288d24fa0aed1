// Sends forged frames to a virtual address as fast as it can, or RATE a second at most, for SECONDS, each from another
// address and port. The first line says that it has begun, the last how many it sent.
// Usage: node forged.mjs KIND TO_MAC VIRTUAL_ADDRESS PORT SECONDS [RATE]
//   syn        TCP SYNs                         udp        datagrams to ever new ports
//   fragment   first fragments of UDP datagrams malformed  IPv4 whose total length is more than the frame has
import { setTimeout as pause } from 'node:timers/promises';
import cap from 'cap';

const [kind = 'syn', toMac = '', address = '', port = '80', seconds = '20', rate = 'Infinity'] =
  process.argv.slice(2);
const FRAME_BYTES = 60;
const BATCH = 256;
const IP = 14;
const L4 = 34;
const TCP = 6;
const UDP = 17;
const MORE_FRAGMENTS = 0x2000;
const isTcp = kind === 'syn';
const IP_BYTES = kind === 'malformed' ? 1500 : isTcp ? 40 : 46;

const frame = Buffer.alloc(FRAME_BYTES);
frame.write(toMac.replaceAll(':', ''), 0, 'hex');
frame.write('020000000099', 6, 'hex');
frame.writeUInt16BE(0x0800, 12);
frame.writeUInt16BE(0x4500, IP);
frame.writeUInt16BE(IP_BYTES, IP + 2);
frame.writeUInt16BE(kind === 'fragment' ? MORE_FRAGMENTS : 0, IP + 6);
frame.writeUInt16BE(0x4000 | (isTcp ? TCP : UDP), IP + 8);
address.split('.').forEach((part, index) => {
  frame.writeUInt8(Number(part), IP + 16 + index);
});
frame.writeUInt16BE(Number(port), L4 + 2);
if (isTcp) {
  frame.writeUInt16BE(0x5002, L4 + 12);
  frame.writeUInt16BE(0xffff, L4 + 14);
} else frame.writeUInt16BE(26, L4 + 4);

const wordsAt = (from, bytes) => {
  let sum = 0;
  for (let at = from; at < from + bytes; at += 2) sum += frame.readUInt16BE(at);
  return sum;
};
const folded = (sum) => {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
};
// Without what changes: source address, identification, source port, destination port.
const ipSum = wordsAt(IP, 20);
const tcpSum = isTcp ? wordsAt(L4, 20) + wordsAt(IP + 16, 4) + TCP + 20 : 0;

function change(number) {
  const high = 0x1400 + ((number >>> 16) & 0x0fff);
  const low = Math.imul(number, 40503) & 0xffff;
  const source = 1024 + (number % 60_000);
  const identification = number & 0xffff;
  frame.writeUInt16BE(high, IP + 12);
  frame.writeUInt16BE(low, IP + 14);
  frame.writeUInt16BE(identification, IP + 4);
  frame.writeUInt16BE(folded(ipSum + high + low + identification), IP + 10);
  frame.writeUInt16BE(source, L4);
  if (isTcp) frame.writeUInt16BE(folded(tcpSum + high + low + source), L4 + 16);
  else if (kind === 'udp') frame.writeUInt16BE(1 + (number % 65_535), L4 + 2);
}

const wire = new cap.Cap();
wire.open('eth0', 'less 1', 1024 * 1024, Buffer.alloc(65536));
console.log('begun');
const beginMs = performance.now();
const elapsedSec = () => (performance.now() - beginMs) / 1000;
let sent = 0;
while (elapsedSec() < Number(seconds)) {
  while (sent > Number(rate) * elapsedSec()) await pause(1);
  for (let burst = 0; burst < BATCH; burst++, sent++) {
    change(sent);
    wire.send(frame, FRAME_BYTES);
  }
}
console.log(JSON.stringify({ sent }));
process.exit();
