// One connection that asks for a page ten times a second. Each answer is a line of JSON with the local port, so
// that it shows that the connection is still the same; an error or an end is one, too. Ends with its input.
// Usage: node talker.mjs ADDRESS PORT
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [address = '', port = '80'] = process.argv.slice(2);

const socket = connect({ host: address, port: Number(port) });
const tell = (outcome) =>
  console.log(JSON.stringify({ atMs: Date.now(), localPort: socket.localPort, ...outcome }));
socket.setEncoding('latin1');
let talking;
socket.on('connect', () => {
  talking = setInterval(() => socket.write('GET / HTTP/1.1\r\nHost: vip\r\n\r\n'), 100);
});
// Answers that waited come together, cut anywhere.
createInterface({ input: socket }).on('line', (line) => {
  const server = /^x-real-server: (\S+)/.exec(line)?.[1];
  if (server !== undefined) tell({ server });
});
socket.on('error', (error) => tell({ error: error.code }));
socket.on('close', () => {
  clearInterval(talking);
  tell({ closed: true });
  process.stdin.destroy();
});
process.stdin.resume().on('end', () => socket.end());
