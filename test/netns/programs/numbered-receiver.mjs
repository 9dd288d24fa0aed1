// Takes the datagrams of numbered-sender.mjs in and prints, at the end of its input, how many came, how many of them
// did not come right after the one before, and how many different ones there were. The first line says that it listens.
// Usage: node numbered-receiver.mjs ADDRESS PORT
import { createSocket } from 'node:dgram';

const [address = '', port = ''] = process.argv.slice(2);
const BUFFER_BYTES = 8 * 1024 * 1024;

const socket = createSocket('udp4');
let received = 0;
let outOfOrder = 0;
let next = 0;
const seen = new Set();
socket.on('message', (data) => {
  const number = Number(data);
  received++;
  seen.add(number);
  if (number !== next) outOfOrder++;
  next = number + 1;
});
socket.bind(Number(port), address, () => {
  socket.setRecvBufferSize(BUFFER_BYTES);
  console.log('ready');
});
process.stdin.resume().on('end', () => {
  console.log(JSON.stringify({ received, outOfOrder, distinct: seen.size }));
  socket.close();
});
