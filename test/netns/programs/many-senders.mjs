// Sends numbered datagrams from many addresses of this host at once, from one port each, until its input ends, and
// prints as JSON how many from each. The first line says that it has begun.
// Usage: node many-senders.mjs ADDRESS PORT FROM...
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const [address = '', port = '', ...from] = process.argv.slice(2);
const INTERVAL_MS = 5;

const sent = Object.fromEntries(from.map((each) => [each, 0]));
const sockets = await Promise.all(
  from.map(async (each) => {
    const socket = createSocket('udp4').on('error', () => {});
    socket.bind(0, each);
    await once(socket, 'listening');
    socket.connect(Number(port), address);
    await once(socket, 'connect');
    return socket;
  }),
);
console.log('begun');
const sending = setInterval(() => {
  for (const [index, socket] of sockets.entries()) socket.send(`${sent[from[index]]++}`);
}, INTERVAL_MS);
process.stdin.resume().on('end', () => {
  clearInterval(sending);
  console.log(JSON.stringify(sent));
  for (const socket of sockets) socket.close();
});
