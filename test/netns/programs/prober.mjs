// Asks for a page again and again, each time over a new connection, and tells each outcome as a line of JSON:
// when it was begun (ms since the epoch), when it was connected, and the server or the error. Ends with its input.
// Usage: node prober.mjs ADDRESS PORT [INTERVAL_MS [TIMEOUT_MS]]
import { connect } from 'node:net';

const [address = '', port = '80', intervalMs = '50', timeoutMs = '500'] = process.argv.slice(2);

function probe() {
  const startMs = Date.now();
  let connectedMs;
  const tell = (outcome) =>
    console.log(JSON.stringify({ startMs, connectedMs, endMs: Date.now(), ...outcome }));
  const socket = connect({ host: address, port: Number(port) });
  const waiting = setTimeout(() => socket.destroy(new Error('timeout')), Number(timeoutMs));
  socket.setEncoding('latin1');
  socket.on('connect', () => {
    connectedMs = Date.now();
    socket.write('GET / HTTP/1.0\r\n\r\n');
  });
  socket.once('data', (text) => {
    tell({ server: /x-real-server: (\S+)/.exec(text)?.[1] });
    clearTimeout(waiting);
    socket.destroy();
  });
  socket.on('error', (error) => {
    clearTimeout(waiting);
    tell({ error: error.code ?? error.message });
  });
}

console.log('{}');
const probing = setInterval(probe, Number(intervalMs));
process.stdin.resume().on('end', () => clearInterval(probing));
