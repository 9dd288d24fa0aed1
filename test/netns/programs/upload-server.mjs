// Takes uploads of many connections in, and answers the end of each with the SHA-256 of what came, in hexadecimal.
// The first line says that it listens; ends with its input.
// Usage: node upload-server.mjs ADDRESS PORT
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

const [address = '', port = ''] = process.argv.slice(2);

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash('sha256');
  socket.on('data', (data) => hash.update(data));
  socket.on('end', () => socket.end(hash.digest('hex')));
  socket.on('error', () => {});
});
server.listen(Number(port), address, () => console.log('ready'));
process.stdin.resume().on('end', () => process.exit(0));
