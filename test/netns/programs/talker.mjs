// One connection that asks for a page ten times a second. Each answer is a line of JSON with the local port, so
// that it shows that the connection is still the same; an error or an end is one, too. Ends with its input.
// Usage: node talker.mjs ADDRESS PORT
import { connect } from 'node:net';

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
let partial = '';
socket.on('data', (text) => {
  const lines = (partial + text).split('\r\n');
  partial = lines.pop();
  for (const line of lines) if (line.startsWith('x-real-server: ')) tell({ server: line.slice(15) });
});
socket.on('error', (error) => tell({ error: error.code }));
socket.on('close', () => {
  clearInterval(talking);
  tell({ closed: true });
  process.stdin.destroy();
});
process.stdin.resume().on('end', () => {
  clearInterval(talking);
  socket.end();
});
