// Takes the datagrams of many-senders.mjs in and prints as JSON, at the end of its input, how many different ones came
// from each address. The first line says that it listens.
// Usage: node many-receiver.mjs ADDRESS PORT
import { createSocket } from 'node:dgram';

const [address = '', port = ''] = process.argv.slice(2);
const BUFFER_BYTES = 8 * 1024 * 1024;

const socket = createSocket('udp4');
const seen = {};
socket.on('message', (data, { address: from }) => {
  seen[from] ??= new Set();
  seen[from].add(Number(data));
});
socket.bind(Number(port), address, () => {
  socket.setRecvBufferSize(BUFFER_BYTES);
  console.log('ready');
});
process.stdin.resume().on('end', () => {
  console.log(
    JSON.stringify(Object.fromEntries(Object.entries(seen).map(([from, set]) => [from, set.size]))),
  );
  socket.close();
});
