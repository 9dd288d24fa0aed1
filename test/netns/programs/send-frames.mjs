// Puts frames on eth0 as they are: a line of hexadecimal each on its input, which it ends with.
// Usage: node send-frames.mjs
import { createInterface } from 'node:readline';
import cap from 'cap';

const wire = new cap.Cap();
wire.open('eth0', 'less 1', 1024 * 1024, Buffer.alloc(65536));
console.log('ready');
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const frame = Buffer.from(line, 'hex');
  wire.send(frame, frame.length);
});
lines.on('close', () => process.exit());
