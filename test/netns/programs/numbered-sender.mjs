// Sends numbered datagrams from one port, as a client of one connection does, until its input ends but at least so
// many, and prints how many they were. The first line says that it has begun.
// Usage: node numbered-sender.mjs ADDRESS PORT
import { createSocket } from 'node:dgram';

const [address = '', port = ''] = process.argv.slice(2);
const LEAST = 1000;
const BURST = 4;
const INTERVAL_MS = 2;

const socket = createSocket('udp4');
let sent = 0;
let isEnding = false;
socket.on('error', () => {});
socket.connect(Number(port), address, () => {
  console.log('begun');
  const sending = setInterval(() => {
    if (isEnding && sent >= LEAST) {
      clearInterval(sending);
      console.log(JSON.stringify({ sent }));
      socket.close();
      return;
    }
    for (let each = 0; each < BURST; each++) socket.send(`${sent++}`);
  }, INTERVAL_MS);
  process.stdin.resume().on('end', () => {
    isEnding = true;
  });
});
